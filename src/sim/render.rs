//! Renders messages and modals as plain text for a terminal: names instead of ids, labels and values instead of
//! blocks. Pure functions; they must not know how messages are sent.

#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use serde_json::Value;

use super::slack::{Ephemeral, Setup, SimMessage, SimView, SlackSim, inputs};

/// Display names by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    users: BTreeMap<String, String>,
    groups: BTreeMap<String, String>,
    channels: BTreeMap<String, String>,
}

impl Names {
    /// The names of a workspace.
    pub fn of(setup: &Setup) -> Self {
        let users = setup.users.iter().flat_map(|user| {
            let other = user.enterprise.as_ref().map(|other| other.id.clone());
            let name = user.real_name.clone();
            [Some(user.id.clone()), other].into_iter().flatten().map(move |id| (id, name.clone()))
        });
        let groups = setup.groups.iter().map(|group| (group.id.clone(), group.handle.clone()));
        let channels = setup.channels.iter().map(|channel| (channel.id.clone(), channel.name.clone()));
        Self { users: users.collect(), groups: groups.collect(), channels: channels.collect() }
    }

    /// The name of a user.
    pub fn user(&self, id: &str) -> &str {
        self.users.get(id).map_or("unknown user", String::as_str)
    }

    /// The handle of a user group.
    pub fn group(&self, id: &str) -> &str {
        self.groups.get(id).map_or("unknown-group", String::as_str)
    }

    /// The name of a channel; an unknown one is shown as Slack shows a channel that the reader is not in.
    pub fn channel(&self, id: &str) -> &str {
        self.channels.get(id).map_or("private-channel", String::as_str)
    }
}

impl SlackSim {
    /// The display names of the workspace.
    pub fn names(&self) -> Names {
        Names::of(&self.setup())
    }

    /// A conversation from top to bottom, with replies below their parents.
    pub fn transcript(&self, channel: &str) -> String {
        transcript(&self.channel(channel), &self.names())
    }
}

/// A message with its author.
pub fn message(message: &SimMessage, names: &Names) -> String {
    let content = with_bar(&content(&message.text, &message.blocks, names));
    format!("{}\n{content}", names.user(&message.user))
}

/// A message that only one person sees.
pub fn ephemeral(message: &Ephemeral, names: &Names) -> String {
    let content = with_bar(&content(&message.text, &message.blocks, names));
    format!("Only visible to {}\n{content}", names.user(&message.user))
}

/// A conversation from top to bottom, with replies below their parents.
pub fn transcript(messages: &[SimMessage], names: &Names) -> String {
    let is_reply = |message: &SimMessage| message.thread_ts.as_ref().is_some_and(|ts| *ts != message.ts);
    let mut parts = Vec::new();
    for top in messages.iter().filter(|message| !is_reply(message)) {
        parts.push(message(top, names));
        let replies = messages.iter().filter(|reply| is_reply(reply));
        for reply in replies.filter(|reply| reply.thread_ts.as_ref() == Some(&top.ts)) {
            parts.push(with_prefix(&message(reply, names), "  "));
        }
    }
    parts.join("\n")
}

/// A modal with its values and field errors.
pub fn view(view: &SimView, names: &Names) -> String {
    let mut lines = vec![view.title().to_owned()];
    for block in view.blocks() {
        let mut shown = match block["type"].as_str() {
            Some("input") => input(view, block, names),
            _ => block_text(block, Some(view), names),
        };
        let error = block["block_id"].as_str().and_then(|id| view.errors.get(id));
        if let Some(error) = error {
            shown.push_str(&format!("\n  ! {error}"));
        }
        lines.push(with_bar(&shown));
    }
    let button = |name: &str| view.view[name]["text"].as_str().map(|text| format!("[ {text} ]"));
    let close = button("close").unwrap_or_else(|| "[ Close ]".to_owned());
    let buttons: Vec<String> = [Some(close), button("submit")].into_iter().flatten().collect();
    lines.push(with_bar(&buttons.join(" ")));
    lines.join("\n")
}

/// The visible content of a message: its blocks, or its text if it has none.
fn content(fallback: &str, blocks: &Value, names: &Names) -> String {
    match blocks.as_array() {
        Some(blocks) if !blocks.is_empty() => {
            let blocks: Vec<String> = blocks.iter().map(|block| block_text(block, None, names)).collect();
            blocks.join("\n")
        }
        _ => text::mrkdwn(fallback, names),
    }
}

fn block_text(block: &Value, view: Option<&SimView>, names: &Names) -> String {
    let items = |name: &str| block[name].as_array().into_iter().flatten();
    let rendered = |element: &Value| control(block, element, view, names);
    match block["type"].as_str().unwrap_or("nothing") {
        "header" => text::object(&block["text"], names),
        "section" => {
            let own = Some(&block["text"]).filter(|text| text.is_object());
            let mut lines: Vec<String> =
                own.into_iter().chain(items("fields")).map(|text| text::object(text, names)).collect();
            lines.extend(Some(&block["accessory"]).filter(|element| element.is_object()).map(rendered));
            lines.join("\n")
        }
        "divider" => "──────".to_owned(),
        "context" => {
            let parts: Vec<String> = items("elements").map(rendered).collect();
            parts.join(" ")
        }
        "actions" => {
            let buttons: Vec<String> = items("elements").map(rendered).collect();
            buttons.join(" ")
        }
        "rich_text" => text::rich(block, names),
        "markdown" => block["text"].as_str().unwrap_or_default().to_owned(),
        "image" => format!("[image: {}]", block["alt_text"].as_str().unwrap_or_default()),
        "input" => text::object(&block["label"], names),
        other => format!("[unsupported block: {other}]"),
    }
}

fn input(view: &SimView, block: &Value, names: &Names) -> String {
    let label = text::object(&block["label"], names);
    let optional = if block["optional"] == true { " (optional)" } else { "" };
    let value = control(block, &block["element"], Some(view), names);
    let hint = Some(&block["hint"]).filter(|hint| hint.is_object());
    let hint = hint.map(|hint| format!("\n  {}", text::object(hint, names))).unwrap_or_default();
    format!("{label}{optional}: {value}{hint}")
}

/// An element with its current value.
fn control(block: &Value, element: &Value, view: Option<&SimView>, names: &Names) -> String {
    let state = match view {
        Some(view) => view.value(block, element),
        None => inputs::state(element, None),
    };
    match element["type"].as_str().unwrap_or("nothing") {
        "button" => format!("[ {} ]", text::object(&element["text"], names)),
        "plain_text" | "mrkdwn" => text::object(element, names),
        "image" => format!("[image: {}]", element["alt_text"].as_str().unwrap_or_default()),
        "overflow" => "[ … ]".to_owned(),
        "radio_buttons" | "checkboxes" => boxes(element, state.as_ref(), names),
        kind => match inputs::value_keys(kind) {
            Some(keys) => {
                let value = state.as_ref().map(|state| &state[keys.value]);
                value.and_then(|value| value_text(kind, value, names)).unwrap_or_else(|| {
                    let placeholder = element["placeholder"]["text"].as_str().unwrap_or("empty");
                    format!("({placeholder})")
                })
            }
            None => format!("[unsupported element: {kind}]"),
        },
    }
}

/// A value as text; `None` if it is empty.
fn value_text(kind: &str, value: &Value, names: &Names) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Array(values) if values.is_empty() => None,
        Value::Array(values) => {
            let texts: Vec<String> =
                values.iter().filter_map(|value| value_text(kind, value, names)).collect();
            Some(texts.join(", "))
        }
        Value::Object(option) if kind == "rich_text_input" || option.get("text").is_none() => {
            Some(text::rich(value, names))
        }
        Value::Object(option) => Some(text::object(&option["text"], names)),
        Value::String(id) if kind.contains("users") => Some(format!("@{}", names.user(id))),
        Value::String(id) if kind.contains("channels") || kind.contains("conversations") => {
            Some(format!("#{}", names.channel(id)))
        }
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(seconds) if kind == "datetimepicker" => Some(text::time(seconds.as_i64()?)),
        other => Some(other.to_string()),
    }
}

fn boxes(element: &Value, state: Option<&Value>, names: &Names) -> String {
    let chosen = |option: &Value| {
        let is_single_choice = state.is_some_and(|state| state["selected_option"] == *option);
        let choices = state.and_then(|state| state["selected_options"].as_array());
        is_single_choice || choices.is_some_and(|choices| choices.contains(option))
    };
    let boxes: Vec<String> = inputs::options(element)
        .into_iter()
        .map(|option| {
            let mark = if chosen(option) { "x" } else { " " };
            format!("[{mark}] {}", text::object(&option["text"], names))
        })
        .collect();
    boxes.join(" ")
}

fn with_bar(text: &str) -> String {
    with_prefix(text, "│ ")
}

fn with_prefix(text: &str, prefix: &str) -> String {
    let lines: Vec<String> =
        text.split('\n').map(|line| format!("{prefix}{line}").trim_end().to_owned()).collect();
    lines.join("\n")
}
