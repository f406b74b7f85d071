//! A modal as it comes back: which it is, what the bot left in it, and what was typed and chosen.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    ids::{BlockId, CallbackId},
    lenient::lenient,
};

/// A modal.
#[derive(Debug, Default)]
pub struct View {
    /// Its id.
    pub id: String,
    /// Which modal it is.
    pub callback_id: CallbackId,
    /// The mark of its present content, by which an update of something newer is refused.
    pub hash: String,
    /// What the bot left in it when it was opened.
    pub private_metadata: String,
    /// What was typed and chosen.
    pub state: ViewState,
}

/// What was typed and chosen in a modal, by block and action.
#[derive(Debug, Default)]
pub struct ViewState {
    values: BTreeMap<BlockId, Value>,
}

impl ViewState {
    /// Each block that holds something or could.
    pub fn blocks(&self) -> impl Iterator<Item = &BlockId> {
        self.values.keys()
    }

    /// All of it, as JSON.
    pub(super) fn to_json(&self) -> Value {
        self.values.iter().map(|(block, value)| (block.to_string(), value.clone())).collect()
    }

    /// What the one element of a block holds: typed text, a date, or the value of a chosen option.
    pub fn value(&self, block: &BlockId) -> Option<&str> {
        let element = self.values.get(block)?.as_object()?.values().next()?;
        let chosen = element.get("selected_option").and_then(|option| option.get("value"));
        let text = element.get("value").or_else(|| element.get("selected_date")).or(chosen);
        text.and_then(Value::as_str)
    }
}

/// A modal on the wire.
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
    /// The workspace in which the app is installed: with Slack Connect the one that counts.
    #[serde(deserialize_with = "lenient")]
    pub(super) app_installed_team_id: String,
    /// The workspace of the modal.
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
