//! Interactive Block Kit elements: buttons, and the inputs of modals.

use maud::{Markup, html};
use serde_json::Value;

use super::{
    ViewContext,
    blocks::{self, Surface},
    slug,
};
use crate::{
    playground::web::actions::element_name,
    sim::slack::{SimView, inputs},
};

/// The id and accessibility attributes of a field.
pub(super) struct FieldAttributes<'a> {
    pub(super) id: &'a str,
    pub(super) described_by: Option<String>,
    pub(super) is_invalid: bool,
    pub(super) is_required: bool,
}

/// An element of an actions block, or a section's accessory.
pub(super) fn element(
    context: &ViewContext<'_>,
    block: &Value,
    element: &Value,
    surface: Surface<'_>,
) -> Markup {
    match (element["type"].as_str().unwrap_or("nothing"), surface) {
        ("button", _) => button(context, block, element, surface),
        ("image", _) => html! { span .image { "🖼 " (element["alt_text"].as_str().unwrap_or_default()) } },
        (kind, Surface::Modal(view)) if inputs::value_keys(kind).is_some() => {
            let id = blocks::field_id(view, block, element);
            let label =
                element["placeholder"]["text"].as_str().or(block["text"]["text"].as_str()).unwrap_or(kind);
            let attributes =
                FieldAttributes { id: &id, described_by: None, is_invalid: false, is_required: false };
            html! { div .field { label .sr for=(id) { (label) } (control(context, block, element, view, &attributes)) } }
        }
        (kind, _) => blocks::unsupported("element", kind, element),
    }
}

fn button(context: &ViewContext<'_>, block: &Value, element: &Value, surface: Surface<'_>) -> Markup {
    let label = blocks::text(context, &element["text"]);
    let style = element["style"].as_str().unwrap_or("plain");
    let accessibility_label = element["accessibility_label"].as_str();
    let (block_id, action_id) = (block["block_id"].as_str(), element["action_id"].as_str());
    let element_slug = slug(&format!("{}-{}", block_id.unwrap_or_default(), action_id.unwrap_or_default()));
    match surface {
        Surface::Ephemeral => html! { button type="button" disabled .(style) { (label) } },
        Surface::Message(message, message_id) => {
            let id = format!("{message_id}-{element_slug}");
            html! {
                form .message-button method="post" action="/act/click" {
                    (context.viewer_fields())
                    input type="hidden" name="channel" value=(message.channel);
                    input type="hidden" name="ts" value=(message.ts);
                    input type="hidden" name="block" value=[block_id];
                    input type="hidden" name="action" value=[action_id];
                    @let confirm = &element["confirm"];
                    button type="submit" id=(id) .(style) aria-label=[accessibility_label]
                        data-confirms=[confirm.is_object().then(|| format!("{id}-confirm"))] { (label) }
                    (confirmation(context, confirm, &id))
                }
            }
        }
        Surface::Modal(view) => {
            let id = format!("{}-{element_slug}", view.id);
            let action = format!("click|{}", element_name(block, element));
            let confirm = &element["confirm"];
            html! {
                button type="submit" id=(id) name="do" value=(action) .(style) aria-label=[accessibility_label]
                    data-confirms=[confirm.is_object().then(|| format!("{id}-confirm"))] { (label) }
                (confirmation(context, confirm, &id))
            }
        }
    }
}

/// The confirmation dialog of a button.
fn confirmation(context: &ViewContext<'_>, confirm: &Value, id: &str) -> Markup {
    let text = |name: &str, default: &str| confirm[name]["text"].as_str().unwrap_or(default).to_owned();
    html! {
        @if confirm.is_object() {
            dialog id={ (id) "-confirm" } role="alertdialog" aria-labelledby={ (id) "-confirm-title" } {
                h3 id={ (id) "-confirm-title" } { (blocks::text(context, &confirm["title"])) }
                p .text { (blocks::text(context, &confirm["text"])) }
                div .actions {
                    button type="button" data-answer="no" .plain { (text("deny", "Cancel")) }
                    button type="button" data-answer="yes" .(confirm["style"].as_str().unwrap_or("primary")) {
                        (text("confirm", "Yes"))
                    }
                }
            }
        }
    }
}

/// The element of an input block.
pub(super) fn field(
    context: &ViewContext<'_>,
    block: &Value,
    view: &SimView,
    attributes: &FieldAttributes<'_>,
) -> Markup {
    control(context, block, &block["element"], view, attributes)
}

fn control(
    context: &ViewContext<'_>,
    block: &Value,
    element: &Value,
    view: &SimView,
    attributes: &FieldAttributes<'_>,
) -> Markup {
    let kind = element["type"].as_str().unwrap_or("nothing");
    let name = element_name(block, element);
    let state = view.value(block, element).unwrap_or_default();
    let value = inputs::value_keys(kind).map(|keys| state[keys.value].clone()).unwrap_or_default();
    let control = match kind {
        "plain_text_input" if element["multiline"] == true => text_area(element, &name, &value, attributes),
        "plain_text_input" => text_field("text", element, &name, &value, attributes),
        // The browser must not validate emails: people should see the bot's own errors.
        "email_text_input" | "url_text_input" | "number_input" => {
            text_field("text", element, &name, &value, attributes)
        }
        "datepicker" => text_field("date", element, &name, &value, attributes),
        "timepicker" => text_field("time", element, &name, &value, attributes),
        "static_select" => select(context, element, &name, &value, attributes),
        "external_select" => combo(element, &name, &value, attributes),
        "radio_buttons" => choices(context, element, &name, &value, attributes, "radio"),
        "checkboxes" => choices(context, element, &name, &value, attributes, "checkbox"),
        _ => return blocks::unsupported("element", kind, element),
    };
    let dispatches = block["type"] != "input" || block["dispatch_action"] == true;
    html! {
        div .control data-change=[dispatches.then(|| format!("change|{name}"))] {
            input type="hidden" name="field" value=(name);
            (control)
        }
    }
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn text_field(
    kind: &str,
    element: &Value,
    name: &str,
    value: &Value,
    attributes: &FieldAttributes<'_>,
) -> Markup {
    let inputmode = match element["type"].as_str() {
        Some("email_text_input") => Some("email"),
        Some("url_text_input") => Some("url"),
        Some("number_input") => Some("decimal"),
        _ => None,
    };
    html! {
        input type=(kind) id=(attributes.id) name=(name) value=(scalar_text(value).unwrap_or_default()) inputmode=[inputmode]
            placeholder=[element["placeholder"]["text"].as_str()] maxlength=[element["max_length"].as_u64()]
            autocomplete="off" aria-invalid=[attributes.is_invalid.then_some("true")]
            aria-required=[attributes.is_required.then_some("true")] aria-describedby=[attributes.described_by.as_deref()]
            data-focus[element["focus_on_load"] == true];
    }
}

fn text_area(element: &Value, name: &str, value: &Value, attributes: &FieldAttributes<'_>) -> Markup {
    html! {
        textarea id=(attributes.id) name=(name) rows="3" placeholder=[element["placeholder"]["text"].as_str()]
            maxlength=[element["max_length"].as_u64()] aria-invalid=[attributes.is_invalid.then_some("true")]
            aria-required=[attributes.is_required.then_some("true")] aria-describedby=[attributes.described_by.as_deref()]
            data-focus[element["focus_on_load"] == true] {
            // HTML drops a line break directly after the tag.
            "\n" (scalar_text(value).unwrap_or_default())
        }
    }
}

fn select(
    context: &ViewContext<'_>,
    element: &Value,
    name: &str,
    value: &Value,
    attributes: &FieldAttributes<'_>,
) -> Markup {
    let option = |option: &Value| {
        html! {
            option value=[option["value"].as_str()] selected[option == value] { (blocks::text(context, &option["text"])) }
        }
    };
    html! {
        select id=(attributes.id) name=(name) aria-invalid=[attributes.is_invalid.then_some("true")]
            aria-required=[attributes.is_required.then_some("true")] aria-describedby=[attributes.described_by.as_deref()]
            data-focus[element["focus_on_load"] == true] {
            option value="" { (element["placeholder"]["text"].as_str().unwrap_or("Select an option")) }
            @for group in element["option_groups"].as_array().into_iter().flatten() {
                optgroup label=[group["label"]["text"].as_str()] {
                    @for one in group["options"].as_array().into_iter().flatten() { (option(one)) }
                }
            }
            @for one in element["options"].as_array().into_iter().flatten() { (option(one)) }
        }
    }
}

/// An external select: the bot returns options for the typed text.
fn combo(element: &Value, name: &str, value: &Value, attributes: &FieldAttributes<'_>) -> Markup {
    let json = if value.is_object() { value.to_string() } else { String::new() };
    let min_length = element["min_query_length"].as_u64().unwrap_or(3);
    html! {
        div .combo data-combo=(name) data-min-length=(min_length) {
            input type="text" role="combobox" id=(attributes.id) value=(value["text"]["text"].as_str().unwrap_or_default())
                placeholder=[element["placeholder"]["text"].as_str()] autocomplete="off" aria-autocomplete="list"
                aria-expanded="false" aria-controls={ (attributes.id) "-list" }
                aria-invalid=[attributes.is_invalid.then_some("true")] aria-required=[attributes.is_required.then_some("true")]
                aria-describedby=[attributes.described_by.as_deref()] data-focus[element["focus_on_load"] == true];
            input type="hidden" name=(name) value=(json) data-value;
            ul id={ (attributes.id) "-list" } role="listbox" aria-label="Options" data-keep hidden {}
        }
    }
}

fn choices(
    context: &ViewContext<'_>,
    element: &Value,
    name: &str,
    value: &Value,
    attributes: &FieldAttributes<'_>,
    kind: &str,
) -> Markup {
    let is_chosen =
        |option: &Value| option == value || value.as_array().is_some_and(|values| values.contains(option));
    html! {
        @for (index, option) in element["options"].as_array().into_iter().flatten().enumerate() {
            label .choice {
                input type=(kind) id={ (attributes.id) "-" (index) } name=(name) value=[option["value"].as_str()]
                    checked[is_chosen(option)];
                span { (blocks::text(context, &option["text"])) }
            }
        }
    }
}
