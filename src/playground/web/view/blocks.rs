//! Block Kit as Slack renders it. Unsupported elements are named, never left out.

use maud::{Markup, html};
use serde_json::Value;

use super::{ViewContext, elements, slug, text};
use crate::sim::slack::{Ephemeral, SimMessage, SimView};

/// The surface of blocks, which determines what their elements do.
#[derive(Clone, Copy)]
pub(super) enum Surface<'a> {
    /// A message, with the id of its element on the page.
    Message(&'a SimMessage, &'a str),
    /// An ephemeral message.
    Ephemeral,
    /// The top modal.
    Modal(&'a SimView),
}

pub(super) fn of_message(context: &ViewContext<'_>, message: &SimMessage, id: &str) -> Markup {
    content(context, &message.text, &message.blocks, Surface::Message(message, id))
}

pub(super) fn of_ephemeral(context: &ViewContext<'_>, message: &Ephemeral) -> Markup {
    content(context, &message.text, &message.blocks, Surface::Ephemeral)
}

/// The blocks, or the text if there are none.
fn content(context: &ViewContext<'_>, text: &str, blocks: &Value, surface: Surface<'_>) -> Markup {
    let blocks = blocks.as_array().filter(|blocks| !blocks.is_empty());
    html! {
        @match blocks {
            Some(blocks) => @for block in blocks { (self::block(context, block, surface)) },
            None => p .text { (text::mrkdwn(text, &context.names)) },
        }
    }
}

/// One block.
pub(super) fn block(context: &ViewContext<'_>, block: &Value, surface: Surface<'_>) -> Markup {
    let items = |name: &str| block[name].as_array().into_iter().flatten();
    match block["type"].as_str().unwrap_or("nothing") {
        "header" => html! { h3 .block-header { (text(context, &block["text"])) } },
        "divider" => html! { hr; },
        "section" => html! {
            div .section {
                div .grows {
                    @if block["text"].is_object() { p .text { (text(context, &block["text"])) } }
                    @if block["fields"].is_array() {
                        div .fields { @for field in items("fields") { p .text { (text(context, field)) } } }
                    }
                }
                @if block["accessory"].is_object() { (elements::element(context, block, &block["accessory"], surface)) }
            }
        },
        "context" => html! {
            div .context {
                @for part in items("elements") {
                    @match part["type"].as_str() {
                        Some("mrkdwn" | "plain_text") => span { (text(context, part)) },
                        Some("image") => (image(part)),
                        other => (unsupported("element", other.unwrap_or("nothing"), part)),
                    }
                }
            }
        },
        "actions" => html! {
            div .actions { @for one in items("elements") { (elements::element(context, block, one, surface)) } }
        },
        "rich_text" => text::rich(block, &context.names),
        "image" => html! {
            figure {
                @if block["title"].is_object() { figcaption { (text(context, &block["title"])) } }
                (image(block))
            }
        },
        "input" => match surface {
            Surface::Modal(view) => input(context, block, view),
            Surface::Message(..) | Surface::Ephemeral => unsupported("block", "input in a message", block),
        },
        other => unsupported("block", other, block),
    }
}

/// An unsupported block or element, with its JSON.
pub(super) fn unsupported(what: &str, kind: &str, value: &Value) -> Markup {
    html! {
        details .unsupported {
            summary { "Unsupported " (what) ": " (kind) }
            pre { (format!("{value:#}")) }
        }
    }
}

/// Shows an image's alt text. The image is not loaded: nothing leaves this machine.
fn image(value: &Value) -> Markup {
    html! { span .image role="img" aria-label=(value["alt_text"].as_str().unwrap_or_default()) {
        "🖼 " (value["alt_text"].as_str().unwrap_or_default())
    } }
}

/// A `plain_text` or `mrkdwn` object.
pub(super) fn text(context: &ViewContext<'_>, text: &Value) -> Markup {
    let content = text["text"].as_str().unwrap_or_default();
    match text["type"].as_str() {
        Some("mrkdwn") => text::mrkdwn(content, &context.names),
        _ => text::plain(content, text["emoji"] == true),
    }
}

/// A field of a modal, with its label, hint and error.
fn input(context: &ViewContext<'_>, block: &Value, view: &SimView) -> Markup {
    let element = &block["element"];
    let id = field_id(view, block, element);
    let error = block["block_id"].as_str().and_then(|id| view.errors.get(id));
    let has_hint = block["hint"].is_object();
    let descriptions = [(has_hint, "hint"), (error.is_some(), "error")];
    let descriptions: Vec<String> = descriptions
        .into_iter()
        .filter(|(is_shown, _)| *is_shown)
        .map(|(_, what)| format!("{id}-{what}"))
        .collect();
    let label = html! {
        (text(context, &block["label"]))
        @if block["optional"] == true { span .optional { " (optional)" } }
    };
    let control = elements::field(
        context,
        block,
        view,
        &elements::FieldAttributes {
            id: &id,
            described_by: (!descriptions.is_empty()).then(|| descriptions.join(" ")),
            is_invalid: error.is_some(),
            is_required: block["optional"] != true,
        },
    );
    let below = html! {
        @if has_hint { p .hint id={ (id) "-hint" } { (text(context, &block["hint"])) } }
        @if let Some(error) = error { p .error id={ (id) "-error" } { (error) } }
    };
    let is_group = matches!(element["type"].as_str(), Some("radio_buttons" | "checkboxes"));
    html! {
        @if is_group {
            fieldset .field id={ (id) "-field" } { legend { (label) } (control) (below) }
        } @else {
            div .field id={ (id) "-field" } { label for=(id) { (label) } (control) (below) }
        }
    }
}

/// The id of a field on the page, which is stable across updates of the view.
pub(super) fn field_id(view: &SimView, block: &Value, element: &Value) -> String {
    let part = |value: &Value| slug(value.as_str().unwrap_or_default());
    format!("{}-{}-{}", view.id, part(&block["block_id"]), part(&element["action_id"]))
}
