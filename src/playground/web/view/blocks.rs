//! Block Kit as Slack renders it. Unsupported elements are named, never left out.

use maud::{Markup, html};
use serde_json::Value;

use super::{Look, elements, slug, text};
use crate::sim::slack::{Ephemeral, SimMessage, SimView};

/// Where blocks stand, which decides what their elements do.
#[derive(Clone, Copy)]
pub(super) enum On<'a> {
    /// In a message, with the id of its element on the page.
    Message(&'a SimMessage, &'a str),
    /// In a message that only one person sees.
    Ephemeral,
    /// In the modal on top.
    Modal(&'a SimView),
}

pub(super) fn of_message(look: &Look<'_>, message: &SimMessage, id: &str) -> Markup {
    content(look, &message.text, &message.blocks, On::Message(message, id))
}

pub(super) fn of_ephemeral(look: &Look<'_>, message: &Ephemeral) -> Markup {
    content(look, &message.text, &message.blocks, On::Ephemeral)
}

/// The blocks, or the text if there are none.
fn content(look: &Look<'_>, text: &str, blocks: &Value, on: On<'_>) -> Markup {
    let blocks = blocks.as_array().filter(|blocks| !blocks.is_empty());
    html! {
        @match blocks {
            Some(blocks) => @for block in blocks { (self::block(look, block, on)) },
            None => p .text { (text::mrkdwn(text, &look.names)) },
        }
    }
}

/// One block.
pub(super) fn block(look: &Look<'_>, block: &Value, on: On<'_>) -> Markup {
    let items = |name: &str| block[name].as_array().into_iter().flatten();
    match block["type"].as_str().unwrap_or("nothing") {
        "header" => html! { h3 .block-header { (text(look, &block["text"])) } },
        "divider" => html! { hr; },
        "section" => html! {
            div .section {
                div .grows {
                    @if block["text"].is_object() { p .text { (text(look, &block["text"])) } }
                    @if block["fields"].is_array() {
                        div .fields { @for field in items("fields") { p .text { (text(look, field)) } } }
                    }
                }
                @if block["accessory"].is_object() { (elements::element(look, block, &block["accessory"], on)) }
            }
        },
        "context" => html! {
            div .context {
                @for part in items("elements") {
                    @match part["type"].as_str() {
                        Some("mrkdwn" | "plain_text") => span { (text(look, part)) },
                        Some("image") => (image(part)),
                        other => (unsupported("element", other.unwrap_or("nothing"), part)),
                    }
                }
            }
        },
        "actions" => html! {
            div .actions { @for one in items("elements") { (elements::element(look, block, one, on)) } }
        },
        "rich_text" => text::rich(block, &look.names),
        "image" => html! {
            figure {
                @if block["title"].is_object() { figcaption { (text(look, &block["title"])) } }
                (image(block))
            }
        },
        "input" => match on {
            On::Modal(view) => input(look, block, view),
            On::Message(..) | On::Ephemeral => unsupported("block", "input in a message", block),
        },
        other => unsupported("block", other, block),
    }
}

/// What cannot be shown, with all that was sent.
pub(super) fn unsupported(what: &str, kind: &str, value: &Value) -> Markup {
    html! {
        details .unsupported {
            summary { "Unsupported " (what) ": " (kind) }
            pre { (format!("{value:#}")) }
        }
    }
}

/// A picture is named and not loaded: nothing leaves this machine.
fn image(value: &Value) -> Markup {
    html! { span .image role="img" aria-label=(value["alt_text"].as_str().unwrap_or_default()) {
        "🖼 " (value["alt_text"].as_str().unwrap_or_default())
    } }
}

/// A `plain_text` or `mrkdwn` object.
pub(super) fn text(look: &Look<'_>, text: &Value) -> Markup {
    let words = text["text"].as_str().unwrap_or_default();
    match text["type"].as_str() {
        Some("mrkdwn") => text::mrkdwn(words, &look.names),
        _ => text::plain(words, text["emoji"] == true),
    }
}

/// A field of a modal, with its label, hint and error.
fn input(look: &Look<'_>, block: &Value, view: &SimView) -> Markup {
    let element = &block["element"];
    let id = field_id(view, block, element);
    let error = block["block_id"].as_str().and_then(|id| view.errors.get(id));
    let has_hint = block["hint"].is_object();
    let by = [(has_hint, "hint"), (error.is_some(), "error")];
    let by: Vec<String> =
        by.into_iter().filter(|(is, _)| *is).map(|(_, what)| format!("{id}-{what}")).collect();
    let label = html! {
        (text(look, &block["label"]))
        @if block["optional"] == true { span .optional { " (optional)" } }
    };
    let shown = elements::field(
        look,
        block,
        view,
        &elements::Marks {
            id: &id,
            described_by: (!by.is_empty()).then(|| by.join(" ")),
            is_wrong: error.is_some(),
            is_required: block["optional"] != true,
        },
    );
    let below = html! {
        @if has_hint { p .hint id={ (id) "-hint" } { (text(look, &block["hint"])) } }
        @if let Some(error) = error { p .error id={ (id) "-error" } { (error) } }
    };
    let is_group = matches!(element["type"].as_str(), Some("radio_buttons" | "checkboxes"));
    html! {
        @if is_group {
            fieldset .field id={ (id) "-field" } { legend { (label) } (shown) (below) }
        } @else {
            div .field id={ (id) "-field" } { label for=(id) { (label) } (shown) (below) }
        }
    }
}

/// The id of a field on the page: the same as long as the view has it.
pub(super) fn field_id(view: &SimView, block: &Value, element: &Value) -> String {
    let word = |value: &Value| slug(value.as_str().unwrap_or_default());
    format!("{}-{}-{}", view.id, word(&block["block_id"]), word(&element["action_id"]))
}
