//! People in the simulated Slack: they type commands, click buttons, fill in and submit modals. Each interaction is a
//! signed HTTP request to the bot, and its response is applied to the simulated Slack. People find elements by their
//! visible text; they must not know the bot's ids or storage.

mod client;
mod form;
mod payloads;
#[cfg(test)]
mod tests;
mod wire;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

pub use self::{
    client::ElementRef,
    form::Offered,
    wire::{Reply, Sent, SignedRequest, SlackWorkspace, sign},
};
use super::slack::{SimMessage, SimView, SlackSim, chat, inputs};

const FORM: &str = "application/x-www-form-urlencoded";

/// Something that a person looked for is not visible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{user} sees no {target}; visible: {}", visible.join(", "))]
pub struct NotVisible {
    user: String,
    target: String,
    visible: Vec<String>,
}

/// Identifies a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRef {
    /// The conversation's id.
    pub channel: String,
    /// The message's timestamp.
    pub ts: String,
}

impl From<&SimMessage> for MessageRef {
    fn from(message: &SimMessage) -> Self {
        Self { channel: message.channel.clone(), ts: message.ts.clone() }
    }
}

impl From<(&str, &str)> for MessageRef {
    fn from((channel, ts): (&str, &str)) -> Self {
        Self { channel: channel.to_owned(), ts: ts.to_owned() }
    }
}

/// The result of a submission.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// The bot's response; [`Reply::error`] is set if Slack could not use it.
    pub reply: Reply,
    /// Field errors by the label of the field.
    pub errors: BTreeMap<String, String>,
    /// Whether the modal is closed.
    pub closed: bool,
}

/// A person in the workspace.
#[derive(Clone, Debug)]
pub struct User {
    workspace: SlackWorkspace,
    id: String,
}

impl User {
    pub(super) fn new(workspace: SlackWorkspace, id: &str) -> Self {
        Self { workspace, id: id.to_owned() }
    }

    /// The user id.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn slack(&self) -> &Arc<SlackSim> {
        self.workspace.slack()
    }

    fn not_visible(&self, target: String, visible: &[&str]) -> NotVisible {
        let visible = visible.iter().map(|&text| text.to_owned()).collect();
        NotVisible { user: self.id.clone(), target, visible }
    }

    async fn post_payload(&self, path: &str, payload: &Value) -> Reply {
        let body = serde_urlencoded::to_string([("payload", payload.to_string())]).unwrap_or_default();
        self.workspace.post_signed(path, FORM, &body).await
    }

    /// Types a slash command in a conversation. A response body is shown as Slack shows it.
    pub async fn types(&self, channel: &str, line: &str) -> Reply {
        let body = self.command(channel, line);
        let mut reply = self.workspace.post_signed("/slack/commands", FORM, &body).await;
        if reply.error.is_none() && !reply.body.is_empty() {
            let answer = if reply.content_type.starts_with("application/json") {
                serde_json::from_str(&reply.body).unwrap_or_default()
            } else {
                json!({ "text": reply.body })
            };
            let shown = self.slack().change(|state| chat::show_ack(state, &self.id, channel, &answer));
            reply.error = shown.err().map(|refusal| refusal.code);
        }
        reply
    }

    /// The form body of a slash command, without sending it.
    pub fn command(&self, channel: &str, line: &str) -> String {
        let response = self.slack().change(|state| state.issue_response(&self.id, channel, None));
        let url = self.slack().response_url(&response);
        let fields = self.slack().change(|state| payloads::command(state, &self.id, channel, line, &url));
        serde_urlencoded::to_string(fields).unwrap_or_default()
    }

    /// Clicks a button of a message in its current version.
    ///
    /// # Errors
    /// When the message has no such button.
    pub async fn clicks(&self, message: impl Into<MessageRef>, label: &str) -> Result<Reply, NotVisible> {
        let MessageRef { channel, ts } = message.into();
        let shown = self.slack().change(|state| state.message(&channel, &ts).cloned());
        let shown = shown.ok_or_else(|| self.not_visible(format!("message {ts} in {channel}"), &[]))?;
        self.clicks_stale(&shown, label).await
    }

    /// Clicks a button of an outdated copy of a message.
    ///
    /// # Errors
    /// When that copy has no such button.
    pub async fn clicks_stale(&self, message: &SimMessage, label: &str) -> Result<Reply, NotVisible> {
        let blocks = message.blocks.as_array().map_or(&[][..], Vec::as_slice);
        let (block, button) = self.button(blocks, label)?;
        let (channel, ts) = (&message.channel, &message.ts);
        let response = self.slack().change(|state| state.issue_response(&self.id, channel, Some(ts)));
        let url = self.slack().response_url(&response);
        let payload = self.slack().change(|state| {
            let action = payloads::action(state, block, button, None);
            payloads::message_action(state, &self.id, message, action, &url)
        });
        Ok(self.post_payload("/slack/interactions", &payload).await)
    }

    /// Clicks a button in the top modal.
    ///
    /// # Errors
    /// When there is no modal, or no such button in it.
    pub async fn clicks_in_modal(&self, label: &str) -> Result<Reply, NotVisible> {
        let view = self.sees_modal().await?;
        let (block, button) = self.button(view.blocks(), label)?;
        let payload = self.slack().change(|state| {
            let action = payloads::action(state, block, button, None);
            payloads::view_action(state, &view, action)
        });
        Ok(self.post_payload("/slack/interactions", &payload).await)
    }

    fn button<'a>(&self, blocks: &'a [Value], label: &str) -> Result<(&'a Value, &'a Value), NotVisible> {
        let elements =
            blocks.iter().flat_map(|block| inputs::elements(block).into_iter().map(move |e| (block, e)));
        let buttons: Vec<_> = elements.filter(|(_, element)| element["type"] == "button").collect();
        let button = buttons.iter().find(|(_, button)| button["text"]["text"] == label).copied();
        button.ok_or_else(|| {
            let visible: Vec<&str> = buttons.iter().filter_map(|(_, b)| b["text"]["text"].as_str()).collect();
            self.not_visible(format!("button {label}"), &visible)
        })
    }

    /// The top modal, if one is open.
    pub fn open_view(&self) -> Option<SimView> {
        self.slack().open_view(&self.id)
    }

    /// The top modal; waits up to 5 s for it.
    ///
    /// # Errors
    /// When none appears.
    pub async fn sees_modal(&self) -> Result<SimView, NotVisible> {
        self.slack().wait_for(|slack| slack.open_view(&self.id).is_some()).await;
        self.open_view().ok_or_else(|| self.not_visible("modal".to_owned(), &[]))
    }

    /// Submits the top modal, and applies the response to it.
    ///
    /// # Errors
    /// When there is no modal, or it cannot be submitted.
    pub async fn submits(&self) -> Result<Submitted, NotVisible> {
        let view = self.sees_modal().await?;
        if !view.view["submit"].is_object() {
            return Err(self.not_visible("submit button".to_owned(), &[]));
        }
        let payload = self.slack().change(|state| payloads::submission(state, &view));
        let mut reply = self.post_payload("/slack/interactions", &payload).await;
        if reply.error.is_none() {
            let answer =
                if reply.body.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&reply.body) };
            reply.error = match answer {
                Ok(answer) => {
                    let applied = |state: &mut _| apply_response(state, &self.id, &view.id, &answer);
                    self.slack().change(applied).err()
                }
                Err(error) => Some(error.to_string()),
            };
        }
        let after = self.slack().change(|state| {
            state.stacks.get(&self.id).and_then(|stack| stack.iter().find(|open| open.id == view.id).cloned())
        });
        let errors = after.iter().flat_map(|view| {
            view.errors.iter().filter_map(|(id, text)| Some((view.label_of(id)?, text.clone())))
        });
        Ok(Submitted { reply, errors: errors.collect(), closed: after.is_none() })
    }

    /// Closes the top modal with its close button. The bot is notified only if the view has `notify_on_close`.
    ///
    /// # Errors
    /// When there is no modal.
    pub async fn closes(&self) -> Result<Option<Reply>, NotVisible> {
        let view = self.sees_modal().await?;
        let payload = self.slack().change(|state| {
            if let Some(stack) = state.stacks.get_mut(&self.id) {
                let clears_all = view.view["clear_on_close"] == true;
                stack.retain(|open| !clears_all && open.id != view.id);
            }
            payloads::closed(state, &view)
        });
        if view.view["notify_on_close"] != true {
            return Ok(None);
        }
        Ok(Some(self.post_payload("/slack/interactions", &payload).await))
    }
}

fn apply_response(
    state: &mut super::slack::state::SlackState,
    user: &str,
    view_id: &str,
    answer: &Value,
) -> Result<(), String> {
    // A new submission clears the errors of the previous one.
    if let Some(view) = state.top(user) {
        view.errors.clear();
    }
    state.apply_submission(user, view_id, answer)
}
