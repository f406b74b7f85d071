//! Slack's texts as HTML.

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use super::{blocks, emoji};
use crate::sim::{
    render::Names,
    text::{self, Segment, Style, TextNode},
};

/// Renders mrkdwn.
pub(super) fn mrkdwn(text: &str, names: &Names) -> Markup {
    let parts = text::mrkdwn(text);
    html! {
        @for (index, part) in parts.iter().enumerate() {
            @match part {
                Segment::Preformatted(code) => pre { (code.trim_matches('\n')) },
                Segment::Quote(line) => blockquote { (nodes(line, names)) },
                Segment::Line(line) => {
                    (nodes(line, names))
                    @if matches!(parts.get(index + 1), Some(Segment::Line(_) | Segment::Quote(_))) { br; }
                }
            }
        }
    }
}

/// Renders plain text.
pub(super) fn plain(text: &str, has_emoji: bool) -> Markup {
    // Plain text has no mentions.
    nodes(&text::plain_text(text, has_emoji), &Names::default())
}

/// Renders a `rich_text` block.
pub(super) fn rich(block: &Value, names: &Names) -> Markup {
    html! { div .rich { @for part in items(block) { (rich_part(part, names)) } } }
}

fn rich_part(part: &Value, names: &Names) -> Markup {
    let inline = |part: &Value| nodes(&text::rich_text(part), names);
    match part["type"].as_str().unwrap_or("nothing") {
        "rich_text_section" => html! { p .text { (inline(part)) } },
        "rich_text_quote" => html! { blockquote { (inline(part)) } },
        "rich_text_preformatted" => html! { pre { (inline(part)) } },
        "rich_text_list" => {
            let items = html! { @for item in items(part) { li { (inline(item)) } } };
            let indent = format!("deep-{}", part["indent"].as_u64().unwrap_or(0).min(8));
            let start = part["offset"].as_u64().unwrap_or(0) + 1;
            html! {
                @if part["style"] == "ordered" { ol .(indent) start=(start) { (items) } } @else { ul .(indent) { (items) } }
            }
        }
        other => blocks::unsupported("block", other, part),
    }
}

fn nodes(nodes: &[TextNode], names: &Names) -> Markup {
    html! { @for node in nodes { (self::node(node, names)) } }
}

fn node(node: &TextNode, names: &Names) -> Markup {
    match node {
        TextNode::Text(text) => html! {
            @for (index, line) in text.split('\n').enumerate() { @if index > 0 { br; } (line) }
        },
        TextNode::Styled(style, inner) => {
            let inner = nodes(inner, names);
            match style {
                Style::Bold => html! { strong { (inner) } },
                Style::Italic => html! { em { (inner) } },
                Style::Strike => html! { s { (inner) } },
                Style::Code => html! { code { (inner) } },
            }
        }
        TextNode::Emoji(name) => emoji::named(name),
        TextNode::User(id) => mention('@', names.user(id)),
        TextNode::UserGroup(id) => mention('@', names.group(id)),
        TextNode::Channel(id) => mention('#', names.channel(id)),
        TextNode::Broadcast(range) => mention('@', range),
        TextNode::Link { url, label } => link(url, label.as_ref().unwrap_or(url)),
        TextNode::Date { seconds, format, fallback } => date(*seconds, format, fallback),
        TextNode::Color(code) => html! { code { (code) } },
        TextNode::Unsupported(kind) => html! { span .unsupported { "Unsupported element: " (kind) } },
    }
}

/// A link. Schemes other than http, https and mailto are rendered as text.
fn link(url: &str, text: &str) -> Markup {
    let is_safe = ["https://", "http://", "mailto:"].iter().any(|scheme| url.starts_with(scheme));
    html! {
        @if is_safe { a href=(url) target="_blank" rel="noopener noreferrer" { (text) } } @else { (text) }
    }
}

fn mention(mark: char, name: &str) -> Markup {
    html! { span .mention { (mark) (name) } }
}

/// A point in time. The page's script formats it in the reader's time zone; without it, the bot's fallback is shown.
pub(super) fn date(seconds: i64, format: &str, fallback: &str) -> Markup {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    let text = if fallback.is_empty() {
        time.strftime("%Y-%m-%d %H:%M UTC").to_string()
    } else {
        fallback.to_owned()
    };
    html! { time datetime=(time.to_string()) data-format=(format) { (text) } }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value["elements"].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_format_and_escaped_text_stays_literal() {
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
            assert_eq!(mrkdwn(given, &names).into_string(), shown, "{given}");
        }
        let date = mrkdwn("<!date^1801468799^{date_short}^https://a.b|31 January>", &names).into_string();
        assert_eq!(
            date,
            "<time datetime=\"2027-02-01T07:59:59Z\" data-format=\"{date_short}\">31 January</time>"
        );
    }

    #[test]
    fn plain_text_has_emoji_only_if_requested() {
        assert_eq!(plain(":x: *a*", false).into_string(), ":x: *a*");
        assert!(plain(":x: *a*", true).into_string().contains("❌"));
    }
}
