//! What a client of Slack does for a person who points at things: buttons and fields by their ids, texts in a
//! conversation, and the checks that Slack's own client makes before it asks the bot. It knows no layout.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{MessageRef, NotVisible, Offered, Reply, User, payloads};
use crate::sim::slack::{SimView, inputs};

/// What Slack's client says beside a field that must be filled in.
const REQUIRED: &str = "Please complete this required field.";

/// One element, by the ids of its block and of itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ElementRef {
    /// The block's id.
    pub block: String,
    /// The element's id in it.
    pub action: String,
}

impl ElementRef {
    fn find<'a>(&self, blocks: &'a [Value]) -> Option<(&'a Value, &'a Value)> {
        let block = blocks.iter().find(|block| block["block_id"] == self.block.as_str())?;
        let found = inputs::elements(block).into_iter().find(|e| e["action_id"] == self.action.as_str())?;
        Some((block, found))
    }
}

impl User {
    /// Presses the button `at` of a message as it is shown now.
    ///
    /// # Errors
    /// When the message has no such button.
    pub async fn presses_in(&self, message: MessageRef, at: &ElementRef) -> Result<Reply, NotVisible> {
        let MessageRef { channel, ts } = message;
        let shown = self.slack().change(|world| world.message(&channel, &ts).cloned());
        let shown = shown.ok_or_else(|| self.not_there(format!("message {ts} in {channel}"), &[]))?;
        let blocks = shown.blocks.as_array().map_or(&[][..], Vec::as_slice);
        let found = at.find(blocks).filter(|(_, element)| element["type"] == "button");
        let (block, button) = found.ok_or_else(|| self.not_there(format!("button {}", at.action), &[]))?;
        let response = self.slack().change(|world| world.issue_response(&self.id, &channel, Some(&ts)));
        let url = self.slack().response_url(&response);
        let payload = self.slack().change(|world| {
            let action = payloads::action(world, block, button, None);
            payloads::message_action(world, &self.id, &shown, action, &url)
        });
        Ok(self.posts("/slack/interactions", &payload).await)
    }

    /// Presses the button `at` of the modal on top.
    ///
    /// # Errors
    /// When that modal is not on top, or has no such button.
    pub async fn presses_in_modal(&self, view_id: &str, at: &ElementRef) -> Result<Reply, NotVisible> {
        let view = self.on_top(view_id)?;
        let found = at.find(view.blocks()).filter(|(_, element)| element["type"] == "button");
        let (block, button) = found.ok_or_else(|| self.not_there(format!("button {}", at.action), &[]))?;
        let payload = self.slack().change(|world| {
            let action = payloads::action(world, block, button, None);
            payloads::view_action(world, &view, action)
        });
        Ok(self.posts("/slack/interactions", &payload).await)
    }

    /// Keeps in the modal on top what its fields hold; the bot hears nothing of it.
    ///
    /// # Errors
    /// When that modal is not on top.
    pub fn keeps(&self, view_id: &str, values: Vec<(ElementRef, Value)>) -> Result<(), NotVisible> {
        self.on_top(view_id)?;
        self.slack().change(|world| {
            if let Some(view) = world.top(&self.id).filter(|view| view.id == view_id) {
                for (at, value) in values {
                    view.typed.insert((at.block, at.action), value);
                }
            }
        });
        Ok(())
    }

    /// Puts a value into the field `at` of the modal on top, and tells the bot if it asked to hear of it.
    ///
    /// # Errors
    /// When that modal is not on top, or has no such field.
    pub async fn changes(
        &self,
        view_id: &str,
        at: &ElementRef,
        value: Value,
    ) -> Result<Option<Reply>, NotVisible> {
        let view = self.on_top(view_id)?;
        let found = at.find(view.blocks());
        let (block, element) = found.ok_or_else(|| self.not_there(format!("field {}", at.action), &[]))?;
        Ok(self.enters(view_id, block, element, value).await)
    }

    /// Searches in the external select `at` of the modal on top.
    ///
    /// # Errors
    /// When that modal is not on top, or has no such field.
    pub async fn searches(&self, view_id: &str, at: &ElementRef, typed: &str) -> Result<Offered, NotVisible> {
        let view = self.on_top(view_id)?;
        let found = at.find(view.blocks());
        let (block, element) = found.ok_or_else(|| self.not_there(format!("field {}", at.action), &[]))?;
        let payload = self.slack().change(|world| payloads::suggestion(world, &view, block, element, typed));
        let reply = self.posts("/slack/options", &payload).await;
        let answer: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        let options = inputs::options(&answer).into_iter().cloned().collect();
        Ok(Offered { reply, options })
    }

    /// Whether the modal on top may be submitted, as Slack's client sees it: every field that is not optional holds
    /// something. The others are marked.
    ///
    /// # Errors
    /// When that modal is not on top.
    pub fn completes(&self, view_id: &str) -> Result<bool, NotVisible> {
        let view = self.on_top(view_id)?;
        let inputs = view.blocks().iter().filter(|b| b["type"] == "input" && b["optional"] != true);
        let missing: BTreeMap<String, String> = inputs
            .filter(|block| {
                let state = view.value(block, &block["element"]).unwrap_or_default();
                let values = state.as_object().into_iter().flatten().filter(|(key, _)| *key != "type");
                values.map(|(_, value)| value).all(is_nothing)
            })
            .filter_map(|block| Some((block["block_id"].as_str()?.to_owned(), REQUIRED.to_owned())))
            .collect();
        let is_complete = missing.is_empty();
        if !is_complete {
            self.slack().change(|world| {
                if let Some(view) = world.top(&self.id).filter(|view| view.id == view_id) {
                    view.errors = missing;
                }
            });
        }
        Ok(is_complete)
    }

    /// Says something in a conversation, or in a thread of it. Slack's client escapes what is typed.
    pub fn says(&self, channel: &str, text: &str, thread_ts: Option<&str>) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.slack().change(|world| {
            let message = world.post(channel, text, Value::Array(Vec::new()));
            message.user.clone_from(&self.id);
            message.bot_id = None;
            message.thread_ts = thread_ts.map(str::to_owned);
        });
    }

    fn on_top(&self, view_id: &str) -> Result<SimView, NotVisible> {
        let view = self.open_view().filter(|view| view.id == view_id);
        view.ok_or_else(|| self.not_there(format!("modal {view_id}"), &[]))
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(several) => several.is_empty(),
        _ => false,
    }
}
