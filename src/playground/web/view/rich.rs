//! Rich text as Slack shows it.

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use super::{blocks, emoji, mrkdwn};
use crate::sim::render::Names;

/// A `rich_text` block.
pub(super) fn block(block: &Value, names: &Names) -> Markup {
    html! { div .rich { @for part in items(block) { (self::part(part, names)) } } }
}

fn part(part: &Value, names: &Names) -> Markup {
    match part["type"].as_str().unwrap_or("nothing") {
        "rich_text_section" => html! { p .text { (inline(part, names)) } },
        "rich_text_quote" => html! { blockquote { (inline(part, names)) } },
        "rich_text_preformatted" => html! { pre { (inline(part, names)) } },
        "rich_text_list" => {
            let items = html! { @for item in items(part) { li { (inline(item, names)) } } };
            let deep = format!("deep-{}", part["indent"].as_u64().unwrap_or(0).min(8));
            let start = part["offset"].as_u64().unwrap_or(0) + 1;
            html! {
                @if part["style"] == "ordered" { ol .(deep) start=(start) { (items) } } @else { ul .(deep) { (items) } }
            }
        }
        other => blocks::unsupported("block", other, part),
    }
}

fn inline(part: &Value, names: &Names) -> Markup {
    html! { @for element in items(part) { (styled(element, inline_element(element, names))) } }
}

fn styled(element: &Value, shown: Markup) -> Markup {
    let is = |name: &str| element["style"][name] == true;
    let shown = if is("code") {
        html! { code { (shown) } }
    } else {
        shown
    };
    let shown = if is("strike") {
        html! { s { (shown) } }
    } else {
        shown
    };
    let shown = if is("italic") {
        html! { em { (shown) } }
    } else {
        shown
    };
    if is("bold") {
        html! { strong { (shown) } }
    } else {
        shown
    }
}

fn inline_element(element: &Value, names: &Names) -> Markup {
    let word = |name: &str| element[name].as_str().unwrap_or_default();
    match element["type"].as_str().unwrap_or("nothing") {
        "text" => mrkdwn::plain(word("text"), false),
        "link" => mrkdwn::link(word("url"), Some(word("text")).filter(|text| !text.is_empty())),
        "user" => mrkdwn::mention('@', names.user(word("user_id"))),
        "usergroup" => mrkdwn::mention('@', names.group(word("usergroup_id"))),
        "channel" => mrkdwn::mention('#', names.channel(word("channel_id"))),
        "broadcast" => mrkdwn::mention('@', word("range")),
        "emoji" => emoji::named(word("name")),
        "color" => html! { code { (word("value")) } },
        "date" => date(element["timestamp"].as_i64().unwrap_or_default(), word("format"), word("fallback")),
        other => html! { span .unsupported { "Unsupported element: " (other) } },
    }
}

/// A moment. The page's script writes it in the reader's zone; without it, what the bot sent for that case stands.
pub(super) fn date(seconds: i64, format: &str, fallback: &str) -> Markup {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    let written = if fallback.is_empty() {
        time.strftime("%Y-%m-%d %H:%M UTC").to_string()
    } else {
        fallback.to_owned()
    };
    html! { time datetime=(time.to_string()) data-format=(format) { (written) } }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value["elements"].as_array().into_iter().flatten()
}
