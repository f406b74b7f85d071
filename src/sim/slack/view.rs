//! One open modal: its blocks, its input, and its JSON in payloads. It must not know triggers or permissions.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{inputs, setup::Setup};

/// A modal that a person has open.
#[derive(Clone, Debug, PartialEq)]
pub struct SimView {
    /// The view's id.
    pub id: String,
    /// The user who sees it.
    pub user: String,
    /// Identifies the version; changes with every update.
    pub hash: String,
    /// The first view of the stack.
    pub root_id: String,
    /// The view underneath.
    pub previous_id: Option<String>,
    /// The view as the bot sent it.
    pub view: Value,
    /// The input by block and action id, without untouched fields.
    pub typed: BTreeMap<(String, String), Value>,
    /// The field errors of the last submission, by block id.
    pub errors: BTreeMap<String, String>,
}

impl SimView {
    /// The title.
    pub fn title(&self) -> &str {
        self.view["title"]["text"].as_str().unwrap_or_default()
    }

    /// The blocks.
    pub fn blocks(&self) -> &[Value] {
        self.view["blocks"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The labels of all inputs, from top to bottom.
    pub fn labels(&self) -> Vec<&str> {
        self.blocks().iter().filter_map(|block| block["label"]["text"].as_str()).collect()
    }

    /// The current value of an element.
    pub(crate) fn value(&self, block: &Value, element: &Value) -> Option<Value> {
        let key = (text(&block["block_id"]), text(&element["action_id"]));
        inputs::state(element, self.typed.get(&key))
    }

    /// `state.values` in the format of payloads.
    pub fn values(&self) -> Value {
        let mut values = Map::new();
        for block in self.blocks() {
            let mut block_values = Map::new();
            for element in inputs::elements(block) {
                if let Some(state) = self.value(block, element) {
                    block_values.insert(text(&element["action_id"]), state);
                }
            }
            if !block_values.is_empty() {
                values.insert(text(&block["block_id"]), Value::Object(block_values));
            }
        }
        Value::Object(values)
    }

    /// The label of the input block with this id.
    pub(crate) fn label_of(&self, block_id: &str) -> Option<String> {
        let block = self.blocks().iter().find(|b| b["type"] == "input" && b["block_id"] == block_id)?;
        block["label"]["text"].as_str().map(str::to_owned)
    }

    /// Replaces the view. Input is kept where block id, action id and type stay the same and the chosen option still
    /// exists.
    pub(crate) fn replace(&mut self, view: Value, hash: String) {
        let before = std::mem::replace(&mut self.view, view);
        self.hash = hash;
        self.errors.clear();
        let mut typed = std::mem::take(&mut self.typed);
        typed.retain(|key, value| {
            let old = find(&before, key);
            let new = find(&self.view, key);
            let is_same_type = new.zip(old).is_some_and(|(new, old)| new["type"] == old["type"]);
            is_same_type && new.is_some_and(|element| is_still_offered(element, value))
        });
        self.typed = typed;
    }

    /// The view in the format of API responses and payloads.
    pub(crate) fn json(&self, setup: &Setup, with_state: bool) -> Value {
        let view = &self.view;
        let or_empty = |name: &str| json!(view[name].as_str().unwrap_or_default());
        let mut json = json!({
            "id": self.id,
            "team_id": setup.team_id,
            "type": "modal",
            "callback_id": or_empty("callback_id"),
            "hash": self.hash,
            "private_metadata": or_empty("private_metadata"),
            "external_id": or_empty("external_id"),
            "title": view["title"],
            "submit": view["submit"],
            "close": view["close"],
            "blocks": view["blocks"],
            "clear_on_close": view["clear_on_close"] == true,
            "notify_on_close": view["notify_on_close"] == true,
            "previous_view_id": self.previous_id,
            "root_view_id": self.root_id,
            "app_id": setup.app_id,
            "app_installed_team_id": setup.team_id,
            "bot_id": setup.bot_id,
        });
        let values = if with_state { self.values() } else { json!({}) };
        json["state"] = json!({ "values": values });
        json
    }
}

fn find<'a>(view: &'a Value, (block_id, action_id): &(String, String)) -> Option<&'a Value> {
    let block = view["blocks"].as_array()?.iter().find(|block| block["block_id"] == block_id.as_str())?;
    inputs::elements(block).into_iter().find(|element| element["action_id"] == action_id.as_str())
}

fn is_still_offered(element: &Value, value: &Value) -> bool {
    let options = inputs::options(element);
    let has_fixed_options = !options.is_empty();
    let chosen = value.as_array().map_or_else(|| vec![value], |values| values.iter().collect());
    !has_fixed_options || chosen.iter().all(|option| option.is_null() || options.contains(option))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
