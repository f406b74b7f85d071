//! What the interactive elements of Block Kit hold: under which key an element's value travels in
//! `state.values` and in actions, which field gives its initial value, and which options it offers.

use serde_json::{Map, Value, json};

/// How the value of one kind of element is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// The key of the value in `state.values` and in actions.
    pub(crate) value: &'static str,
    /// The field of the element that holds its initial value.
    pub(crate) initial: &'static str,
}

/// How the value of an element of this type is written; `None` for an element that holds none, as a button.
pub(crate) fn held(kind: &str) -> Option<Held> {
    let (value, initial) = match kind {
        "plain_text_input" | "email_text_input" | "url_text_input" | "number_input" => {
            ("value", "initial_value")
        }
        "rich_text_input" => ("rich_text_value", "initial_value"),
        "datepicker" => ("selected_date", "initial_date"),
        "timepicker" => ("selected_time", "initial_time"),
        "datetimepicker" => ("selected_date_time", "initial_date_time"),
        "static_select" | "external_select" | "radio_buttons" => ("selected_option", "initial_option"),
        "multi_static_select" | "multi_external_select" | "checkboxes" => {
            ("selected_options", "initial_options")
        }
        "users_select" => ("selected_user", "initial_user"),
        "multi_users_select" => ("selected_users", "initial_users"),
        "channels_select" => ("selected_channel", "initial_channel"),
        "conversations_select" => ("selected_conversation", "initial_conversation"),
        "file_input" => ("files", "initial_files"),
        _ => return None,
    };
    Some(Held { value, initial })
}

/// Whether Slack shows elements of this type in modals only.
pub(crate) fn modal_only(kind: &str) -> bool {
    matches!(kind, "email_text_input" | "number_input" | "url_text_input" | "file_input" | "rich_text_input")
}

/// Every option that an element offers, through its groups if it has some.
pub(crate) fn options(element: &Value) -> Vec<&Value> {
    let plain = element["options"].as_array().into_iter().flatten();
    let groups = element["option_groups"].as_array().into_iter().flatten();
    plain.chain(groups.filter_map(|group| group["options"].as_array()).flatten()).collect()
}

/// Every element of a block that a person can act on.
pub(crate) fn elements(block: &Value) -> Vec<&Value> {
    let one = [&block["element"], &block["accessory"]].into_iter().filter(|element| element.is_object());
    let row = block["elements"].as_array().filter(|_| block["type"] == "actions");
    one.chain(row.into_iter().flatten()).collect()
}

/// The state of an element with `value`, or with its initial value while nobody touched it.
pub(crate) fn state(element: &Value, value: Option<&Value>) -> Option<Value> {
    let kind = element["type"].as_str()?;
    let held = held(kind)?;
    let initial = element.get(held.initial).filter(|initial| !initial.is_null());
    let empty = if held.value.ends_with('s') && held.value != "files" { json!([]) } else { Value::Null };
    let value = value.or(initial).cloned().unwrap_or(empty);
    let mut state = Map::new();
    state.insert("type".to_owned(), json!(kind));
    state.insert(held.value.to_owned(), value);
    Some(Value::Object(state))
}
