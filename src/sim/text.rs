//! Parses Slack's text formats: mrkdwn, plain text with emoji, and rich text elements all become the same nodes, which
//! other modules render as plain text or as HTML. It interprets only what Slack interprets, so that escaped text stays
//! literal. It must not know names or blocks.
//! <https://docs.slack.dev/messaging/formatting-message-text>

use serde_json::Value;

/// A piece of text within a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextNode {
    /// Literal text; it may contain line breaks.
    Text(String),
    /// Formatted nodes.
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
    /// A link with an optional label.
    Link {
        /// The target. It is not validated.
        url: String,
        /// Shown instead of the URL.
        label: Option<String>,
    },
    /// A point in time, which the reader's client formats in their time zone.
    Date {
        /// Unix time.
        seconds: i64,
        /// Slack's date tokens, such as `{date}`.
        format: String,
        /// For clients that cannot format it; it may be empty.
        fallback: String,
    },
    /// A color code.
    Color(String),
    /// An element type that this parser does not support.
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

/// One segment of mrkdwn text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// A line.
    Line(Vec<TextNode>),
    /// A quoted line.
    Quote(Vec<TextNode>),
    /// The text between two fences.
    Preformatted(String),
}

/// Parses mrkdwn. There is a line break between two segments unless one of them is preformatted.
pub fn mrkdwn(text: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("```")
        && let Some((code, after)) = after.split_once("```")
    {
        segments.extend(before.split('\n').map(line));
        segments.push(Segment::Preformatted(unescaped(code)));
        rest = after;
    }
    segments.extend(rest.split('\n').map(line));
    segments
}

/// Parses plain text. Emoji names become emoji only with `has_emoji`.
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

/// Parses the elements of a rich text section, quote or list item.
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
    let field = |name: &str| element[name].as_str().unwrap_or_default().to_owned();
    match element["type"].as_str().unwrap_or("nothing") {
        "text" => TextNode::Text(field("text")),
        "link" => {
            TextNode::Link { url: field("url"), label: Some(field("text")).filter(|text| !text.is_empty()) }
        }
        "user" => TextNode::User(field("user_id")),
        "usergroup" => TextNode::UserGroup(field("usergroup_id")),
        "channel" => TextNode::Channel(field("channel_id")),
        "broadcast" => TextNode::Broadcast(field("range")),
        "emoji" => TextNode::Emoji(field("name")),
        "color" => TextNode::Color(field("value")),
        "date" => TextNode::Date {
            seconds: element["timestamp"].as_i64().unwrap_or_default(),
            format: field("format"),
            fallback: field("fallback"),
        },
        other => TextNode::Unsupported(other.to_owned()),
    }
}

fn line(line: &str) -> Segment {
    match line.strip_prefix("&gt;") {
        Some(quoted) => Segment::Quote(nodes(&tokens(quoted.trim_start()))),
        None => Segment::Line(nodes(&tokens(line))),
    }
}

/// A token of a line. Only characters can be formatting marks.
#[derive(Debug)]
enum Token {
    Char(char),
    Node(TextNode),
}

impl Token {
    /// The character that adjacent marks see: a node is neither whitespace nor alphanumeric.
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

/// The first token of `rest`, and its length in bytes.
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

/// Turns tokens into nodes: those between a pair of marks are nested in a styled node.
fn nodes(tokens: &[Token]) -> Vec<TextNode> {
    let mut nodes = Vec::new();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let marked = style_of(token).and_then(|style| Some((style, closing(tokens, index)?)));
        index = match (token, marked) {
            (_, Some((style, end))) => {
                nodes.push(TextNode::Styled(style, self::nodes(&tokens[index + 1..end])));
                end + 1
            }
            (Token::Char(c), None) => {
                push_char(&mut nodes, *c);
                index + 1
            }
            (Token::Node(node), None) => {
                nodes.push(node.clone());
                index + 1
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

/// The index of the mark that closes the one at `start`, if that opens formatting.
fn closing(tokens: &[Token], start: usize) -> Option<usize> {
    let char_at = |index: usize| tokens.get(index).map(Token::char);
    let char_before = |index: usize| index.checked_sub(1).and_then(char_at);
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

/// The name of the emoji at the beginning of `rest`.
fn emoji_at(rest: &str) -> Option<&str> {
    let (name, _) = rest.strip_prefix(':')?.split_once(':')?;
    let is_name_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '+');
    (!name.is_empty() && name.chars().all(is_name_char)).then_some(name)
}

fn code(text: &str) -> TextNode {
    TextNode::Styled(Style::Code, vec![TextNode::Text(unescaped(text))])
}

/// Parses the text between `<` and `>`.
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
            Segment::Line(nodes) => nodes,
            other => panic!("{other:?}"),
        }
    }

    fn plain(text: &str) -> TextNode {
        TextNode::Text(text.to_owned())
    }

    #[test]
    fn marks_within_words_references_and_code_are_literal() {
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
        let line = |text: &str| Segment::Line(read(text));
        assert_eq!(
            mrkdwn("a\n```*b*\n&lt;```c"),
            [line("a"), line(""), Segment::Preformatted("*b*\n<".to_owned()), line("c")]
        );
        assert_eq!(mrkdwn("a ```b"), [line("a ```b")]);
        assert_eq!(mrkdwn("&gt; a"), [Segment::Quote(read("a"))]);
    }
}
