//! What a Slack client does for the person who uses it: it addresses buttons and fields by their ids, posts messages,
//! and validates input before it calls the bot. It must not know any layout.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{MessageRef, NotVisible, Offered, Reply, User, payloads};
use crate::sim::slack::{SimView, inputs};

/// The error of Slack's client for an empty required field.
const REQUIRED: &str = "Please complete this required field.";

/// Identifies an element by block id and action id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ElementRef {
    /// The block's id.
    pub block: String,
    /// The element's action id.
    pub action: String,
}

impl ElementRef {
    fn find<'a>(&self, blocks: &'a [Value]) -> Option<(&'a Value, &'a Value)> {
        let block = blocks.iter().find(|block| block["block_id"] == self.block.as_str())?;
        let element = inputs::elements(block).into_iter().find(|e| e["action_id"] == self.action.as_str())?;
        Some((block, element))
    }
}

impl User {
    /// Clicks the button `at` of a message in its current version.
    ///
    /// # Errors
    /// When the message has no such button.
    pub async fn clicks_element(&self, message: MessageRef, at: &ElementRef) -> Result<Reply, NotVisible> {
        let MessageRef { channel, ts } = message;
        let shown = self.slack().change(|state| state.message(&channel, &ts).cloned());
        let shown = shown.ok_or_else(|| self.not_visible(format!("message {ts} in {channel}"), &[]))?;
        let blocks = shown.blocks.as_array().map_or(&[][..], Vec::as_slice);
        let element = at.find(blocks).filter(|(_, element)| element["type"] == "button");
        let (block, button) =
            element.ok_or_else(|| self.not_visible(format!("button {}", at.action), &[]))?;
        let response = self.slack().change(|state| state.issue_response(&self.id, &channel, Some(&ts)));
        let url = self.slack().response_url(&response);
        let payload = self.slack().change(|state| {
            let action = payloads::action(state, block, button, None);
            payloads::message_action(state, &self.id, &shown, action, &url)
        });
        Ok(self.post_payload("/slack/interactions", &payload).await)
    }

    /// Clicks the button `at` of the top modal.
    ///
    /// # Errors
    /// When that modal is not the top one, or has no such button.
    pub async fn clicks_modal_element(&self, view_id: &str, at: &ElementRef) -> Result<Reply, NotVisible> {
        let view = self.top_view(view_id)?;
        let element = at.find(view.blocks()).filter(|(_, element)| element["type"] == "button");
        let (block, button) =
            element.ok_or_else(|| self.not_visible(format!("button {}", at.action), &[]))?;
        let payload = self.slack().change(|state| {
            let action = payloads::action(state, block, button, None);
            payloads::view_action(state, &view, action)
        });
        Ok(self.post_payload("/slack/interactions", &payload).await)
    }

    /// Stores input in the top modal without notifying the bot.
    ///
    /// # Errors
    /// When that modal is not the top one.
    pub fn keeps(&self, view_id: &str, values: Vec<(ElementRef, Value)>) -> Result<(), NotVisible> {
        self.top_view(view_id)?;
        self.slack().change(|state| {
            if let Some(view) = state.top(&self.id).filter(|view| view.id == view_id) {
                for (at, value) in values {
                    view.typed.insert((at.block, at.action), value);
                }
            }
        });
        Ok(())
    }

    /// Sets the field `at` of the top modal, and sends an action if the block dispatches actions.
    ///
    /// # Errors
    /// When that modal is not the top one, or has no such field.
    pub async fn changes(
        &self,
        view_id: &str,
        at: &ElementRef,
        value: Value,
    ) -> Result<Option<Reply>, NotVisible> {
        let view = self.top_view(view_id)?;
        let element = at.find(view.blocks());
        let (block, element) =
            element.ok_or_else(|| self.not_visible(format!("field {}", at.action), &[]))?;
        Ok(self.enters(view_id, block, element, value).await)
    }

    /// Searches in the external select `at` of the top modal.
    ///
    /// # Errors
    /// When that modal is not the top one, or has no such field.
    pub async fn searches(&self, view_id: &str, at: &ElementRef, typed: &str) -> Result<Offered, NotVisible> {
        let view = self.top_view(view_id)?;
        let element = at.find(view.blocks());
        let (block, element) =
            element.ok_or_else(|| self.not_visible(format!("field {}", at.action), &[]))?;
        let payload = self.slack().change(|state| payloads::suggestion(state, &view, block, element, typed));
        let reply = self.post_payload("/slack/options", &payload).await;
        let answer: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        let options = inputs::options(&answer).into_iter().cloned().collect();
        Ok(Offered { reply, options })
    }

    /// Whether every required field of the top modal has a value. Marks the empty ones, as Slack's client does.
    ///
    /// # Errors
    /// When that modal is not the top one.
    pub fn completes(&self, view_id: &str) -> Result<bool, NotVisible> {
        let view = self.top_view(view_id)?;
        let inputs = view.blocks().iter().filter(|b| b["type"] == "input" && b["optional"] != true);
        let missing: BTreeMap<String, String> = inputs
            .filter(|block| {
                let state = view.value(block, &block["element"]).unwrap_or_default();
                let values = state.as_object().into_iter().flatten().filter(|(key, _)| *key != "type");
                values.map(|(_, value)| value).all(is_empty)
            })
            .filter_map(|block| Some((block["block_id"].as_str()?.to_owned(), REQUIRED.to_owned())))
            .collect();
        let is_complete = missing.is_empty();
        if !is_complete {
            self.slack().change(|state| {
                if let Some(view) = state.top(&self.id).filter(|view| view.id == view_id) {
                    view.errors = missing;
                }
            });
        }
        Ok(is_complete)
    }

    /// Posts a message in a conversation or a thread. Slack's client escapes the text.
    pub fn says(&self, channel: &str, text: &str, thread_ts: Option<&str>) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.slack().change(|state| {
            let message = state.post(channel, text, Value::Array(Vec::new()));
            message.user.clone_from(&self.id);
            message.bot_id = None;
            message.thread_ts = thread_ts.map(str::to_owned);
        });
    }

    fn top_view(&self, view_id: &str) -> Result<SimView, NotVisible> {
        let view = self.open_view().filter(|view| view.id == view_id);
        view.ok_or_else(|| self.not_visible(format!("modal {view_id}"), &[]))
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
