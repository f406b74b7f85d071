//! Interactive Block Kit elements: buttons, and the inputs of modals.

use maud::{Markup, html};
use serde_json::Value;

use super::{
    Look,
    blocks::{self, On},
    slug,
};
use crate::{
    playground::web::actions::element_name,
    sim::slack::{SimView, inputs},
};

/// What a field of an input block says to those who cannot see it.
pub(super) struct Marks<'a> {
    pub(super) id: &'a str,
    pub(super) described_by: Option<String>,
    pub(super) is_wrong: bool,
    pub(super) is_required: bool,
}

/// An element of a row of actions, or beside a section.
pub(super) fn element(look: &Look<'_>, block: &Value, element: &Value, on: On<'_>) -> Markup {
    match (element["type"].as_str().unwrap_or("nothing"), on) {
        ("button", _) => button(look, block, element, on),
        ("image", _) => html! { span .image { "🖼 " (element["alt_text"].as_str().unwrap_or_default()) } },
        (kind, On::Modal(view)) if inputs::value_keys(kind).is_some() => {
            let id = blocks::field_id(view, block, element);
            let label =
                element["placeholder"]["text"].as_str().or(block["text"]["text"].as_str()).unwrap_or(kind);
            let marks = Marks { id: &id, described_by: None, is_wrong: false, is_required: false };
            html! { div .field { label .sr for=(id) { (label) } (control(look, block, element, view, &marks)) } }
        }
        (kind, _) => blocks::unsupported("element", kind, element),
    }
}

fn button(look: &Look<'_>, block: &Value, element: &Value, on: On<'_>) -> Markup {
    let words = blocks::text(look, &element["text"]);
    let style = element["style"].as_str().unwrap_or("plain");
    let spoken = element["accessibility_label"].as_str();
    let (block_id, action_id) = (block["block_id"].as_str(), element["action_id"].as_str());
    let place = slug(&format!("{}-{}", block_id.unwrap_or_default(), action_id.unwrap_or_default()));
    match on {
        On::Ephemeral => html! { button type="button" disabled .(style) { (words) } },
        On::Message(message, message_id) => {
            let id = format!("{message_id}-{place}");
            html! {
                form .press method="post" action="/act/press" {
                    (look.who())
                    input type="hidden" name="channel" value=(message.channel);
                    input type="hidden" name="ts" value=(message.ts);
                    input type="hidden" name="block" value=[block_id];
                    input type="hidden" name="action" value=[action_id];
                    @let confirm = &element["confirm"];
                    button type="submit" id=(id) .(style) aria-label=[spoken]
                        data-confirms=[confirm.is_object().then(|| format!("{id}-confirm"))] { (words) }
                    (confirmation(look, confirm, &id))
                }
            }
        }
        On::Modal(view) => {
            let id = format!("{}-{place}", view.id);
            let act = format!("press|{}", element_name(block, element));
            let confirm = &element["confirm"];
            html! {
                button type="submit" id=(id) name="do" value=(act) .(style) aria-label=[spoken]
                    data-confirms=[confirm.is_object().then(|| format!("{id}-confirm"))] { (words) }
                (confirmation(look, confirm, &id))
            }
        }
    }
}

/// The dialog that asks before a button does what it does.
fn confirmation(look: &Look<'_>, confirm: &Value, id: &str) -> Markup {
    let word = |name: &str, or: &str| confirm[name]["text"].as_str().unwrap_or(or).to_owned();
    html! {
        @if confirm.is_object() {
            dialog id={ (id) "-confirm" } role="alertdialog" aria-labelledby={ (id) "-confirm-title" } {
                h3 id={ (id) "-confirm-title" } { (blocks::text(look, &confirm["title"])) }
                p .text { (blocks::text(look, &confirm["text"])) }
                div .actions {
                    button type="button" data-answer="no" .plain { (word("deny", "Cancel")) }
                    button type="button" data-answer="yes" .(confirm["style"].as_str().unwrap_or("primary")) {
                        (word("confirm", "Yes"))
                    }
                }
            }
        }
    }
}

/// The element of an input block.
pub(super) fn field(look: &Look<'_>, block: &Value, view: &SimView, marks: &Marks<'_>) -> Markup {
    control(look, block, &block["element"], view, marks)
}

fn control(look: &Look<'_>, block: &Value, element: &Value, view: &SimView, marks: &Marks<'_>) -> Markup {
    let kind = element["type"].as_str().unwrap_or("nothing");
    let name = element_name(block, element);
    let state = view.value(block, element).unwrap_or_default();
    let held = inputs::value_keys(kind).map(|keys| state[keys.value].clone()).unwrap_or_default();
    let shown = match kind {
        "plain_text_input" if element["multiline"] == true => area(element, &name, &held, marks),
        "plain_text_input" => line("text", element, &name, &held, marks),
        // An e-mail is the bot's to check: what it answers is what people read.
        "email_text_input" | "url_text_input" | "number_input" => line("text", element, &name, &held, marks),
        "datepicker" => line("date", element, &name, &held, marks),
        "timepicker" => line("time", element, &name, &held, marks),
        "static_select" => select(look, element, &name, &held, marks),
        "external_select" => combo(element, &name, &held, marks),
        "radio_buttons" => choices(look, element, &name, &held, marks, "radio"),
        "checkboxes" => choices(look, element, &name, &held, marks, "checkbox"),
        _ => return blocks::unsupported("element", kind, element),
    };
    let tells = block["type"] != "input" || block["dispatch_action"] == true;
    html! {
        div .control data-change=[tells.then(|| format!("change|{name}"))] {
            input type="hidden" name="field" value=(name);
            (shown)
        }
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn line(kind: &str, element: &Value, name: &str, held: &Value, marks: &Marks<'_>) -> Markup {
    let inputmode = match element["type"].as_str() {
        Some("email_text_input") => Some("email"),
        Some("url_text_input") => Some("url"),
        Some("number_input") => Some("decimal"),
        _ => None,
    };
    html! {
        input type=(kind) id=(marks.id) name=(name) value=(word(held).unwrap_or_default()) inputmode=[inputmode]
            placeholder=[element["placeholder"]["text"].as_str()] maxlength=[element["max_length"].as_u64()]
            autocomplete="off" aria-invalid=[marks.is_wrong.then_some("true")]
            aria-required=[marks.is_required.then_some("true")] aria-describedby=[marks.described_by.as_deref()]
            data-focus[element["focus_on_load"] == true];
    }
}

fn area(element: &Value, name: &str, held: &Value, marks: &Marks<'_>) -> Markup {
    html! {
        textarea id=(marks.id) name=(name) rows="3" placeholder=[element["placeholder"]["text"].as_str()]
            maxlength=[element["max_length"].as_u64()] aria-invalid=[marks.is_wrong.then_some("true")]
            aria-required=[marks.is_required.then_some("true")] aria-describedby=[marks.described_by.as_deref()]
            data-focus[element["focus_on_load"] == true] {
            // A line break directly after the tag would be lost.
            "\n" (word(held).unwrap_or_default())
        }
    }
}

fn select(look: &Look<'_>, element: &Value, name: &str, held: &Value, marks: &Marks<'_>) -> Markup {
    let option = |option: &Value| {
        html! {
            option value=[option["value"].as_str()] selected[option == held] { (blocks::text(look, &option["text"])) }
        }
    };
    html! {
        select id=(marks.id) name=(name) aria-invalid=[marks.is_wrong.then_some("true")]
            aria-required=[marks.is_required.then_some("true")] aria-describedby=[marks.described_by.as_deref()]
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

/// A select whose options the bot gives for what is typed.
fn combo(element: &Value, name: &str, held: &Value, marks: &Marks<'_>) -> Markup {
    let json = if held.is_object() { held.to_string() } else { String::new() };
    let least = element["min_query_length"].as_u64().unwrap_or(3);
    html! {
        div .combo data-combo=(name) data-least=(least) {
            input type="text" role="combobox" id=(marks.id) value=(held["text"]["text"].as_str().unwrap_or_default())
                placeholder=[element["placeholder"]["text"].as_str()] autocomplete="off" aria-autocomplete="list"
                aria-expanded="false" aria-controls={ (marks.id) "-list" }
                aria-invalid=[marks.is_wrong.then_some("true")] aria-required=[marks.is_required.then_some("true")]
                aria-describedby=[marks.described_by.as_deref()] data-focus[element["focus_on_load"] == true];
            input type="hidden" name=(name) value=(json) data-value;
            ul id={ (marks.id) "-list" } role="listbox" aria-label="Options" data-keep hidden {}
        }
    }
}

fn choices(
    look: &Look<'_>,
    element: &Value,
    name: &str,
    held: &Value,
    marks: &Marks<'_>,
    kind: &str,
) -> Markup {
    let is_chosen =
        |option: &Value| option == held || held.as_array().is_some_and(|some| some.contains(option));
    html! {
        @for (place, option) in element["options"].as_array().into_iter().flatten().enumerate() {
            label .choice {
                input type=(kind) id={ (marks.id) "-" (place) } name=(name) value=[option["value"].as_str()]
                    checked[is_chosen(option)];
                span { (blocks::text(look, &option["text"])) }
            }
        }
    }
}
