//! A modal view as Slack sends it back: its id, its metadata and its state.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    ids::{BlockId, CallbackId},
    lenient::lenient,
};

/// A modal view.
#[derive(Debug, Default)]
pub struct View {
    /// Slack's id of the view.
    pub id: String,
    /// Which of the bot's views it is.
    pub callback_id: CallbackId,
    /// Identifies the content. `views.update` with an outdated hash fails.
    pub hash: String,
    /// What the bot stored in it when it opened the view.
    pub private_metadata: String,
    /// The input.
    pub state: ViewState,
}

/// The input of a view, by block.
#[derive(Debug, Default)]
pub struct ViewState {
    values: BTreeMap<BlockId, Value>,
}

impl ViewState {
    /// All input blocks, with or without a value.
    pub fn blocks(&self) -> impl Iterator<Item = &BlockId> {
        self.values.keys()
    }

    /// The whole state, as JSON.
    pub(super) fn to_json(&self) -> Value {
        self.values.iter().map(|(block, value)| (block.to_string(), value.clone())).collect()
    }

    /// The value of the only element of a block: text, a date, or the value of the selected option.
    pub fn value(&self, block: &BlockId) -> Option<&str> {
        let element = self.values.get(block)?.as_object()?.values().next()?;
        let selected = element.get("selected_option").and_then(|option| option.get("value"));
        let text = element.get("value").or_else(|| element.get("selected_date")).or(selected);
        text.and_then(Value::as_str)
    }
}

/// A view on the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ViewPayload {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    callback_id: String,
    #[serde(deserialize_with = "lenient")]
    hash: String,
    #[serde(deserialize_with = "lenient")]
    private_metadata: String,
    /// The workspace where the app is installed, which is the relevant one with Slack Connect.
    #[serde(deserialize_with = "lenient")]
    pub(super) app_installed_team_id: String,
    /// The workspace of the view.
    #[serde(deserialize_with = "lenient")]
    pub(super) team_id: String,
    #[serde(deserialize_with = "lenient")]
    state: StatePayload,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StatePayload {
    #[serde(deserialize_with = "lenient")]
    values: BTreeMap<String, Value>,
}

impl From<ViewPayload> for View {
    fn from(view: ViewPayload) -> Self {
        let values = view.state.values.into_iter().map(|(id, value)| (BlockId::parse(id), value)).collect();
        Self {
            id: view.id,
            callback_id: CallbackId::parse(view.callback_id),
            hash: view.hash,
            private_metadata: view.private_metadata,
            state: ViewState { values },
        }
    }
}
