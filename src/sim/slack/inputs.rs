//! The values of Block Kit's interactive elements: the key of the value in `state.values` and in actions, the field of
//! the initial value, and the options.

use serde_json::{Map, Value, json};

/// The JSON keys of an element type's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValueKeys {
    /// The key of the value in `state.values` and in actions.
    pub(crate) value: &'static str,
    /// The element's field with the initial value.
    pub(crate) initial: &'static str,
}

/// The keys for an element type; `None` for elements without a value, such as buttons.
pub(crate) fn value_keys(kind: &str) -> Option<ValueKeys> {
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
    Some(ValueKeys { value, initial })
}

/// Whether elements of this type are allowed in modals only.
pub(crate) fn is_modal_only(kind: &str) -> bool {
    matches!(kind, "email_text_input" | "number_input" | "url_text_input" | "file_input" | "rich_text_input")
}

/// All options of an element, including those in option groups.
pub(crate) fn options(element: &Value) -> Vec<&Value> {
    let plain = element["options"].as_array().into_iter().flatten();
    let groups = element["option_groups"].as_array().into_iter().flatten();
    plain.chain(groups.filter_map(|group| group["options"].as_array()).flatten()).collect()
}

/// All interactive elements of a block.
pub(crate) fn elements(block: &Value) -> Vec<&Value> {
    let single = [&block["element"], &block["accessory"]].into_iter().filter(|element| element.is_object());
    let row = block["elements"].as_array().filter(|_| block["type"] == "actions");
    single.chain(row.into_iter().flatten()).collect()
}

/// The state of an element with `value`, or with its initial value if untouched.
pub(crate) fn state(element: &Value, value: Option<&Value>) -> Option<Value> {
    let kind = element["type"].as_str()?;
    let keys = value_keys(kind)?;
    let initial = element.get(keys.initial).filter(|initial| !initial.is_null());
    let empty = if keys.value.ends_with('s') && keys.value != "files" { json!([]) } else { Value::Null };
    let value = value.or(initial).cloned().unwrap_or(empty);
    let mut state = Map::new();
    state.insert("type".to_owned(), json!(kind));
    state.insert(keys.value.to_owned(), value);
    Some(Value::Object(state))
}
