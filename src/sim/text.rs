//! Reads the texts of Slack: mrkdwn, plain text with emoji, and the elements of rich text all become the same nodes,
//! which are shown as plain text or as HTML elsewhere. Only what Slack itself interprets is interpreted, so that escaped
//! text stays what it says. Knows no names and no blocks.
//! <https://docs.slack.dev/messaging/formatting-message-text>

use serde_json::Value;

/// A piece of text within a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextNode {
    /// As it is; it may have line breaks.
    Text(String),
    /// Formatted.
    Styled(Style, Vec<TextNode>),
    /// An emoji by its name, which may be unknown.
    Emoji(String),
    /// A mention, by the user's id.
    User(String),
    /// A mention, by the user group's id.
    UserGroup(String),
    /// A mention, by the channel's id.
    Channel(String),
    /// `here`, `channel` or `everyone`.
    Broadcast(String),
    /// A link, and what it shows in place of its address.
    Link {
        /// Where it leads; any text may be in its place.
        url: String,
        /// What it shows.
        label: Option<String>,
    },
    /// A moment, which the reader's Slack writes in their zone.
    Date {
        /// Since 1970.
        seconds: i64,
        /// With `{date}` and the like.
        format: String,
        /// For whoever cannot write it; it may be empty.
        fallback: String,
    },
    /// A color by its code.
    Color(String),
    /// An element of a type that Slack has and this reader does not know.
    Unsupported(String),
}

/// How text is formatted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `*bold*`
    Bold,
    /// `_italic_`
    Italic,
    /// `~strike~`
    Strike,
    /// `` `code` ``
    Code,
}

/// A part of a text in mrkdwn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A line.
    Line(Vec<TextNode>),
    /// A quoted line.
    Quote(Vec<TextNode>),
    /// What stands between two fences.
    Preformatted(String),
}

/// The parts of a text in mrkdwn. There is a line break between two parts unless one of them is preformatted.
pub fn mrkdwn(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("```")
        && let Some((code, after)) = after.split_once("```")
    {
        parts.extend(before.split('\n').map(line));
        parts.push(Part::Preformatted(unescaped(code)));
        rest = after;
    }
    parts.extend(rest.split('\n').map(line));
    parts
}

/// A text without marks. Emoji stand in it only where they are asked for.
pub fn plain_text(text: &str, has_emoji: bool) -> Vec<TextNode> {
    let mut nodes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let emoji = has_emoji.then(|| emoji_at(rest)).flatten();
        let length = emoji.map_or(first.len_utf8(), |name| name.len() + 2);
        match emoji {
            Some(name) => nodes.push(TextNode::Emoji(name.to_owned())),
            None => push_char(&mut nodes, first),
        }
        rest = &rest[length..];
    }
    nodes
}

/// The elements of a section, a quote or an item of rich text.
pub fn rich_text(part: &Value) -> Vec<TextNode> {
    let elements = part["elements"].as_array().into_iter().flatten();
    elements
        .map(|element| {
            let is_set = |(_, name): &(Style, &str)| element["style"][*name] == true;
            let styles = [
                (Style::Code, "code"),
                (Style::Strike, "strike"),
                (Style::Italic, "italic"),
                (Style::Bold, "bold"),
            ];
            let styles = styles.into_iter().filter(is_set);
            styles.fold(rich_element(element), |node, (style, _)| TextNode::Styled(style, vec![node]))
        })
        .collect()
}

fn rich_element(element: &Value) -> TextNode {
    let word = |name: &str| element[name].as_str().unwrap_or_default().to_owned();
    match element["type"].as_str().unwrap_or("nothing") {
        "text" => TextNode::Text(word("text")),
        "link" => {
            TextNode::Link { url: word("url"), label: Some(word("text")).filter(|text| !text.is_empty()) }
        }
        "user" => TextNode::User(word("user_id")),
        "usergroup" => TextNode::UserGroup(word("usergroup_id")),
        "channel" => TextNode::Channel(word("channel_id")),
        "broadcast" => TextNode::Broadcast(word("range")),
        "emoji" => TextNode::Emoji(word("name")),
        "color" => TextNode::Color(word("value")),
        "date" => TextNode::Date {
            seconds: element["timestamp"].as_i64().unwrap_or_default(),
            format: word("format"),
            fallback: word("fallback"),
        },
        other => TextNode::Unsupported(other.to_owned()),
    }
}

fn line(line: &str) -> Part {
    match line.strip_prefix("&gt;") {
        Some(quoted) => Part::Quote(nodes(&tokens(quoted.trim_start()))),
        None => Part::Line(nodes(&tokens(line))),
    }
}

/// What a line consists of before marks are looked for: only a character can be a mark.
#[derive(Debug)]
enum Token {
    Char(char),
    Node(TextNode),
}

impl Token {
    /// What the marks beside it see: a node is neither a space nor a letter.
    fn char(&self) -> char {
        match self {
            Self::Char(c) => *c,
            Self::Node(_) => char::REPLACEMENT_CHARACTER,
        }
    }
}

fn tokens(line: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let (token, length) = token(rest, first);
        tokens.push(token);
        rest = &rest[length..];
    }
    tokens
}

/// The token that begins `rest`, and its length.
fn token(rest: &str, first: char) -> (Token, usize) {
    for (entity, c) in [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')] {
        if rest.starts_with(entity) {
            return (Token::Char(c), entity.len());
        }
    }
    let until =
        |end: char| rest[1..].split_once(end).map(|(inner, _)| inner).filter(|inner| !inner.is_empty());
    let node = match first {
        '<' => until('>').map(|inner| (reference(inner), inner)),
        '`' => until('`').map(|inner| (code(inner), inner)),
        ':' => emoji_at(rest).map(|name| (TextNode::Emoji(name.to_owned()), name)),
        _ => None,
    };
    match node {
        Some((node, inner)) => (Token::Node(node), inner.len() + 2),
        None => (Token::Char(first), first.len_utf8()),
    }
}

/// The nodes of `tokens`: those between a pair of marks are within a styled one.
fn nodes(tokens: &[Token]) -> Vec<TextNode> {
    let mut nodes = Vec::new();
    let mut place = 0;
    while let Some(token) = tokens.get(place) {
        let marked = style_of(token).and_then(|style| Some((style, closing(tokens, place)?)));
        place = match (token, marked) {
            (_, Some((style, end))) => {
                nodes.push(TextNode::Styled(style, self::nodes(&tokens[place + 1..end])));
                end + 1
            }
            (Token::Char(c), None) => {
                push_char(&mut nodes, *c);
                place + 1
            }
            (Token::Node(node), None) => {
                nodes.push(node.clone());
                place + 1
            }
        };
    }
    nodes
}

fn style_of(token: &Token) -> Option<Style> {
    match token.char() {
        '*' => Some(Style::Bold),
        '_' => Some(Style::Italic),
        '~' => Some(Style::Strike),
        _ => None,
    }
}

/// Where the mark at `start` is closed, if it opens something.
fn closing(tokens: &[Token], start: usize) -> Option<usize> {
    let char_at = |place: usize| tokens.get(place).map(Token::char);
    let char_before = |place: usize| place.checked_sub(1).and_then(char_at);
    let mark = char_at(start)?;
    let is_within_word = char_before(start).is_some_and(char::is_alphanumeric);
    let opens = char_at(start + 1).is_some_and(|c| !c.is_whitespace() && c != mark);
    let closes = |&end: &usize| {
        char_at(end) == Some(mark)
            && char_before(end).is_some_and(|c| !c.is_whitespace())
            && char_at(end + 1).is_none_or(|c| !c.is_alphanumeric())
    };
    (!is_within_word && opens).then(|| (start + 2..tokens.len()).find(closes)).flatten()
}

fn push_char(nodes: &mut Vec<TextNode>, c: char) {
    match nodes.last_mut() {
        Some(TextNode::Text(text)) => text.push(c),
        _ => nodes.push(TextNode::Text(c.to_string())),
    }
}

/// The name in the emoji that begins `rest`.
fn emoji_at(rest: &str) -> Option<&str> {
    let (name, _) = rest.strip_prefix(':')?.split_once(':')?;
    let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '+');
    (!name.is_empty() && name.chars().all(is_of_name)).then_some(name)
}

fn code(text: &str) -> TextNode {
    TextNode::Styled(Style::Code, vec![TextNode::Text(unescaped(text))])
}

/// What stands between `<` and `>`.
fn reference(inner: &str) -> TextNode {
    let (target, label) = inner.split_once('|').map_or((inner, None), |(t, l)| (t, Some(l)));
    if let Some(id) = target.strip_prefix('@') {
        return TextNode::User(id.to_owned());
    }
    if let Some(id) = target.strip_prefix('#') {
        return TextNode::Channel(id.to_owned());
    }
    if let Some(id) = target.strip_prefix("!subteam^") {
        return TextNode::UserGroup(id.to_owned());
    }
    if let Some(date) = target.strip_prefix("!date^") {
        let mut fields = date.split('^');
        return TextNode::Date {
            seconds: fields.next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default(),
            format: fields.next().unwrap_or_default().to_owned(),
            fallback: unescaped(label.unwrap_or_default()),
        };
    }
    if let Some(range) = target.strip_prefix('!') {
        return TextNode::Broadcast(range.to_owned());
    }
    TextNode::Link { url: unescaped(target), label: label.map(unescaped) }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Vec<TextNode> {
        match mrkdwn(line).remove(0) {
            Part::Line(nodes) => nodes,
            other => panic!("{other:?}"),
        }
    }

    fn plain(text: &str) -> TextNode {
        TextNode::Text(text.to_owned())
    }

    #[test]
    fn marks_inside_words_references_and_code_are_text() {
        let bold = |inner| TextNode::Styled(Style::Bold, vec![inner]);
        for (line, nodes) in [
            ("*a* b", vec![bold(plain("a")), plain(" b")]),
            ("2*3*4", vec![plain("2*3*4")]),
            ("* a*", vec![plain("* a*")]),
            ("*a", vec![plain("*a")]),
            ("*<@U1>*", vec![bold(TextNode::User("U1".to_owned()))]),
            ("*a `b* c`*", vec![TextNode::Styled(Style::Bold, vec![plain("a "), code("b* c")])]),
            ("*_a_*", vec![bold(TextNode::Styled(Style::Italic, vec![plain("a")]))]),
            ("&lt;@U1&gt; <", vec![plain("<@U1> <")]),
            (":tada: 10:x", vec![TextNode::Emoji("tada".to_owned()), plain(" 10:x")]),
        ] {
            assert_eq!(read(line), nodes, "{line}");
        }
    }

    #[test]
    fn only_a_closed_fence_is_preformatted() {
        let line = |text: &str| Part::Line(read(text));
        assert_eq!(
            mrkdwn("a\n```*b*\n&lt;```c"),
            [line("a"), line(""), Part::Preformatted("*b*\n<".to_owned()), line("c")]
        );
        assert_eq!(mrkdwn("a ```b"), [line("a ```b")]);
        assert_eq!(mrkdwn("&gt; a"), [Part::Quote(read("a"))]);
    }
}
