//! Slack's mrkdwn as HTML. Only what Slack itself would interpret is interpreted: escaped text stays what it says.

use maud::{Markup, html};

use super::{emoji, rich};
use crate::sim::render::Names;

/// A text in mrkdwn.
pub(super) fn text(text: &str, names: &Names) -> Markup {
    let fenced = text.split("```").enumerate();
    html! {
        @for (place, part) in fenced {
            @if place % 2 == 1 { pre { (unescaped(part.trim_matches('\n'))) } } @else { (lines(part, names)) }
        }
    }
}

/// A text without marks.
pub(super) fn plain(text: &str, with_emoji: bool) -> Markup {
    let mut rest = text;
    let mut shown = Shown::default();
    while let Some(first) = rest.chars().next() {
        match with_emoji.then(|| emoji_at(rest)).flatten() {
            Some((name, length)) => {
                shown.push(emoji::named(name));
                rest = &rest[length..];
            }
            None => {
                shown.char(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    shown.done()
}

fn lines(text: &str, names: &Names) -> Markup {
    let lines: Vec<&str> = text.split('\n').collect();
    html! {
        @for (place, line) in lines.iter().enumerate() {
            @match line.strip_prefix("&gt;") {
                Some(quoted) => blockquote { (inline(quoted.trim_start(), names)) },
                None => {
                    (inline(line, names))
                    @if place + 1 < lines.len() { br; }
                }
            }
        }
    }
}

/// What has been read so far: markup, and text that is not markup yet.
#[derive(Default)]
struct Shown {
    parts: Vec<Markup>,
    text: String,
}

impl Shown {
    fn char(&mut self, c: char) {
        if c == '\n' { self.push(html! { br; }) } else { self.text.push(c) }
    }

    fn push(&mut self, markup: Markup) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.parts.push(html! { (text) });
        }
        self.parts.push(markup);
    }

    fn done(mut self) -> Markup {
        self.push(html! {});
        html! { @for part in &self.parts { (part) } }
    }
}

fn inline(text: &str, names: &Names) -> Markup {
    let mut shown = Shown::default();
    let mut before: Option<char> = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let entity = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')];
        let length =
            if let Some((entity, c)) = entity.into_iter().find(|(entity, _)| rest.starts_with(entity)) {
                shown.char(c);
                entity.len()
            } else if let Some(end) = rest.find('>').filter(|_| first == '<') {
                shown.push(reference(&rest[1..end], names));
                end + 1
            } else if let Some(end) =
                rest.strip_prefix('`').and_then(|code| code.find('`')).filter(|end| *end > 0)
            {
                shown.push(html! { code { (unescaped(&rest[1..=end])) } });
                end + 2
            } else if let Some((name, length)) = emoji_at(rest) {
                shown.push(emoji::named(name));
                length
            } else if let Some(end) = marked(rest, first, before) {
                let inner = inline(&rest[1..end], names);
                shown.push(match first {
                    '*' => html! { strong { (inner) } },
                    '_' => html! { em { (inner) } },
                    _ => html! { s { (inner) } },
                });
                end + 1
            } else {
                shown.char(first);
                first.len_utf8()
            };
        before = rest[..length].chars().next_back();
        rest = &rest[length..];
    }
    shown.done()
}

/// Where the mark that begins `rest` ends, if it begins one.
fn marked(rest: &str, mark: char, before: Option<char>) -> Option<usize> {
    if !matches!(mark, '*' | '_' | '~') {
        return None;
    }
    let starts = before.is_none_or(|c| !c.is_alphanumeric())
        && rest[1..].chars().next().is_some_and(|c| !c.is_whitespace() && c != mark);
    if !starts {
        return None;
    }
    let ends = |&(place, _): &(usize, &str)| {
        place > 1
            && rest[..place].chars().next_back().is_some_and(|c| !c.is_whitespace())
            && rest[place + 1..].chars().next().is_none_or(|c| !c.is_alphanumeric())
    };
    rest.match_indices(mark).find(ends).map(|(place, _)| place)
}

/// The name and the length of the emoji that begins `rest`.
fn emoji_at(rest: &str) -> Option<(&str, usize)> {
    let inner = rest.strip_prefix(':')?;
    let end = inner.find(':')?;
    emoji::find(&inner[..end])?;
    Some((&inner[..end], end + 2))
}

/// What stands between `<` and `>`.
fn reference(inner: &str, names: &Names) -> Markup {
    let (target, label) = inner.split_once('|').map_or((inner, None), |(t, l)| (t, Some(l)));
    if let Some(id) = target.strip_prefix('@') {
        return mention('@', names.user(id));
    }
    if let Some(id) = target.strip_prefix('#') {
        return mention('#', names.channel(id));
    }
    if let Some(id) = target.strip_prefix("!subteam^") {
        return mention('@', names.group(id));
    }
    if let Some(given) = target.strip_prefix("!date^") {
        let mut parts = given.split('^');
        let seconds = parts.next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
        return rich::date(seconds, parts.next().unwrap_or_default(), &unescaped(label.unwrap_or_default()));
    }
    if let Some(word) = target.strip_prefix('!') {
        return mention('@', word);
    }
    link(&unescaped(target), label.map(unescaped).as_deref())
}

/// A link; only to where a browser may safely go.
pub(super) fn link(url: &str, text: Option<&str>) -> Markup {
    let is_safe = ["https://", "http://", "mailto:"].iter().any(|scheme| url.starts_with(scheme));
    let text = text.unwrap_or(url);
    html! {
        @if is_safe { a href=(url) target="_blank" rel="noopener noreferrer" { (text) } } @else { (text) }
    }
}

pub(super) fn mention(mark: char, name: &str) -> Markup {
    html! { span .mention { (mark) (name) } }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_format_and_escaped_text_stays_what_it_says() {
        let names = Names::of(&crate::sim::slack::Setup::default());
        for (given, shown) in [
            ("*bold* _em_ ~s~ `a*b*`", "<strong>bold</strong> <em>em</em> <s>s</s> <code>a*b*</code>"),
            ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
            ("&lt;script&gt; &amp;amp;", "&lt;script&gt; &amp;amp;"),
            ("&lt;@U0REQ&gt;", "&lt;@U0REQ&gt;"),
            ("<@U0REQ>", "<span class=\"mention\">@Rae Requester</span>"),
            ("<javascript:alert(1)|x>", "x"),
            ("a\nb", "a<br>b"),
            ("&gt; said", "<blockquote>said</blockquote>"),
            (":tada: :no_such:", "<span role=\"img\" aria-label=\"tada\">🎉</span> :no_such:"),
            ("```<b>```", "<pre>&lt;b&gt;</pre>"),
            ("*ä* é*ö*", "<strong>ä</strong> é*ö*"),
        ] {
            assert_eq!(text(given, &names).into_string(), shown, "{given}");
        }
        let date = text("<!date^1801468799^{date_short}^https://a.b|31 January>", &names).into_string();
        assert_eq!(
            date,
            "<time datetime=\"2027-02-01T07:59:59Z\" data-format=\"{date_short}\">31 January</time>"
        );
    }

    #[test]
    fn plain_text_has_emoji_only_where_they_are_asked_for() {
        assert_eq!(plain(":x: *a*", false).into_string(), ":x: *a*");
        assert!(plain(":x: *a*", true).into_string().contains("❌"));
    }
}
