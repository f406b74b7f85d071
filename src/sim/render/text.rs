//! Renders text without formatting, for a terminal. Ids become names.

use serde_json::Value;

use super::Names;
use crate::sim::text::{self, Segment, TextNode};

/// A `plain_text` or `mrkdwn` object.
pub(super) fn object(text: &Value, names: &Names) -> String {
    let content = text["text"].as_str().unwrap_or_default();
    if text["type"] == "mrkdwn" { mrkdwn(content, names) } else { content.to_owned() }
}

/// A Unix time in UTC, to the minute.
pub(super) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default()
}

/// Text in mrkdwn.
pub(super) fn mrkdwn(text: &str, names: &Names) -> String {
    let mut shown = String::new();
    let mut is_after_line = false;
    for segment in text::mrkdwn(text) {
        let is_line = !matches!(segment, Segment::Preformatted(_));
        if is_after_line && is_line {
            shown.push('\n');
        }
        shown += &match segment {
            Segment::Line(line) => nodes(&line, names),
            Segment::Quote(line) => format!("> {}", nodes(&line, names)),
            Segment::Preformatted(code) => format!("```{code}```"),
        };
        is_after_line = is_line;
    }
    shown
}

fn nodes(nodes: &[TextNode], names: &Names) -> String {
    nodes.iter().map(|node| self::node(node, names)).collect()
}

fn node(node: &TextNode, names: &Names) -> String {
    match node {
        TextNode::Text(text) | TextNode::Color(text) => text.clone(),
        TextNode::Styled(_, inner) => nodes(inner, names),
        TextNode::Emoji(name) => format!(":{name}:"),
        TextNode::User(id) => format!("@{}", names.user(id)),
        TextNode::UserGroup(id) => format!("@{}", names.group(id)),
        TextNode::Channel(id) => format!("#{}", names.channel(id)),
        TextNode::Broadcast(range) => format!("@{range}"),
        TextNode::Link { url, label: None } => url.clone(),
        TextNode::Link { url, label: Some(label) } => {
            let is_plain_address = label == url || url.strip_prefix("mailto:") == Some(label);
            if is_plain_address { label.clone() } else { format!("{label} ({url})") }
        }
        TextNode::Date { seconds, fallback, .. } if fallback.is_empty() => time(*seconds),
        TextNode::Date { fallback, .. } => fallback.clone(),
        TextNode::Unsupported(kind) => format!("[unsupported element: {kind}]"),
    }
}

/// A `rich_text` block.
pub(super) fn rich(block: &Value, names: &Names) -> String {
    let parts: Vec<String> = items(block).map(|part| rich_part(part, names)).collect();
    parts.join("\n")
}

fn rich_part(part: &Value, names: &Names) -> String {
    let inline = |part: &Value| nodes(&text::rich_text(part), names);
    match part["type"].as_str().unwrap_or("nothing") {
        "rich_text_section" => inline(part).trim_end_matches('\n').to_owned(),
        "rich_text_list" => {
            let indent = usize::try_from(part["indent"].as_u64().unwrap_or(0)).unwrap_or(0).min(8);
            let first = part["offset"].as_u64().unwrap_or(0) + 1;
            let lines: Vec<String> = items(part)
                .zip(first..)
                .map(|(item, number)| {
                    let bullet =
                        if part["style"] == "ordered" { format!("{number}.") } else { "•".to_owned() };
                    format!("{}{bullet} {}", "  ".repeat(indent), inline(item))
                })
                .collect();
            lines.join("\n")
        }
        "rich_text_quote" => super::with_prefix(&inline(part), "> "),
        "rich_text_preformatted" => super::with_prefix(&inline(part), "  "),
        other => format!("[unsupported block: {other}]"),
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value["elements"].as_array().into_iter().flatten()
}
