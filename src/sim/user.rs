//! People in the simulated Slack: they type commands, press buttons, fill in and submit modals. Each act
//! is a signed request to the bot over HTTP, and the bot's answer is applied to what the person sees.
//! They find everything by the words on the screen and must not know how the bot names or stores things.

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

/// What a person looked for and did not see.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{person} sees no {what}; there is: {}", there.join(", "))]
pub struct NotVisible {
    person: String,
    what: String,
    there: Vec<String>,
}

/// The place of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRef {
    /// The conversation's id.
    pub channel: String,
    /// The message's id in it.
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

/// What became of a submission.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// The bot's raw answer; its `trouble` says if Slack could not use it.
    pub reply: Reply,
    /// The errors beside the fields, by the label of the field.
    pub errors: BTreeMap<String, String>,
    /// The modal is gone.
    pub closed: bool,
}

/// Someone in the workspace.
#[derive(Clone, Debug)]
pub struct User {
    workplace: SlackWorkspace,
    id: String,
}

impl User {
    pub(super) fn new(workplace: SlackWorkspace, id: &str) -> Self {
        Self { workplace, id: id.to_owned() }
    }

    /// The user id.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn slack(&self) -> &Arc<SlackSim> {
        self.workplace.slack()
    }

    fn not_there(&self, what: String, there: &[&str]) -> NotVisible {
        let there = there.iter().map(|&text| text.to_owned()).collect();
        NotVisible { person: self.id.clone(), what, there }
    }

    async fn posts(&self, path: &str, payload: &Value) -> Reply {
        let body = serde_urlencoded::to_string([("payload", payload.to_string())]).unwrap_or_default();
        self.workplace.post_signed(path, FORM, &body).await
    }

    /// Types a slash command in a conversation. An answer with a body is shown as Slack shows it.
    pub async fn types(&self, channel: &str, line: &str) -> Reply {
        let body = self.command(channel, line);
        let mut reply = self.workplace.post_signed("/slack/commands", FORM, &body).await;
        if reply.trouble.is_none() && !reply.body.is_empty() {
            let answer = if reply.content_type.starts_with("application/json") {
                serde_json::from_str(&reply.body).unwrap_or_default()
            } else {
                json!({ "text": reply.body })
            };
            let shown = self.slack().change(|world| chat::show_ack(world, &self.id, channel, &answer));
            reply.trouble = shown.err().map(|refusal| refusal.code);
        }
        reply
    }

    /// The form of a slash command, for those who want to send it themselves.
    pub fn command(&self, channel: &str, line: &str) -> String {
        let response = self.slack().change(|world| world.issue_response(&self.id, channel, None));
        let url = self.slack().response_url(&response);
        let fields = self.slack().change(|world| payloads::command(world, &self.id, channel, line, &url));
        serde_urlencoded::to_string(fields).unwrap_or_default()
    }

    /// Presses a button of a message as it is shown now.
    ///
    /// # Errors
    /// When the message has no such button.
    pub async fn clicks(&self, message: impl Into<MessageRef>, label: &str) -> Result<Reply, NotVisible> {
        let MessageRef { channel, ts } = message.into();
        let shown = self.slack().change(|world| world.message(&channel, &ts).cloned());
        let shown = shown.ok_or_else(|| self.not_there(format!("message {ts} in {channel}"), &[]))?;
        self.clicks_stale(&shown, label).await
    }

    /// Presses a button of an older copy of a message, as a slow screen still shows it.
    ///
    /// # Errors
    /// When that copy has no such button.
    pub async fn clicks_stale(&self, message: &SimMessage, label: &str) -> Result<Reply, NotVisible> {
        let blocks = message.blocks.as_array().map_or(&[][..], Vec::as_slice);
        let (block, button) = self.button(blocks, label)?;
        let (channel, ts) = (&message.channel, &message.ts);
        let response = self.slack().change(|world| world.issue_response(&self.id, channel, Some(ts)));
        let url = self.slack().response_url(&response);
        let payload = self.slack().change(|world| {
            let action = payloads::action(world, block, button, None);
            payloads::message_action(world, &self.id, message, action, &url)
        });
        Ok(self.posts("/slack/interactions", &payload).await)
    }

    /// Clicks a button inside the topmost modal.
    ///
    /// # Errors
    /// When there is no modal, or no such button in it.
    pub async fn clicks_in_modal(&self, label: &str) -> Result<Reply, NotVisible> {
        let view = self.sees_modal().await?;
        let (block, button) = self.button(view.blocks(), label)?;
        let payload = self.slack().change(|world| {
            let action = payloads::action(world, block, button, None);
            payloads::view_action(world, &view, action)
        });
        Ok(self.posts("/slack/interactions", &payload).await)
    }

    fn button<'a>(&self, blocks: &'a [Value], label: &str) -> Result<(&'a Value, &'a Value), NotVisible> {
        let all =
            blocks.iter().flat_map(|block| inputs::elements(block).into_iter().map(move |e| (block, e)));
        let buttons: Vec<_> = all.filter(|(_, element)| element["type"] == "button").collect();
        let found = buttons.iter().find(|(_, button)| button["text"]["text"] == label).copied();
        found.ok_or_else(|| {
            let there: Vec<&str> = buttons.iter().filter_map(|(_, b)| b["text"]["text"].as_str()).collect();
            self.not_there(format!("button {label}"), &there)
        })
    }

    /// The modal on top, if there is one now.
    pub fn open_view(&self) -> Option<SimView> {
        self.slack().open_view(&self.id)
    }

    /// The modal on top, waited for up to 5 s.
    ///
    /// # Errors
    /// When none appears.
    pub async fn sees_modal(&self) -> Result<SimView, NotVisible> {
        self.slack().wait_for(|slack| slack.open_view(&self.id).is_some()).await;
        self.open_view().ok_or_else(|| self.not_there("modal".to_owned(), &[]))
    }

    /// Submits the modal on top, and does to it what the answer says.
    ///
    /// # Errors
    /// When there is no modal, or it cannot be submitted.
    pub async fn submits(&self) -> Result<Submitted, NotVisible> {
        let view = self.sees_modal().await?;
        if !view.view["submit"].is_object() {
            return Err(self.not_there("submit button".to_owned(), &[]));
        }
        let payload = self.slack().change(|world| payloads::submission(world, &view));
        let mut reply = self.posts("/slack/interactions", &payload).await;
        if reply.trouble.is_none() {
            let answer =
                if reply.body.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&reply.body) };
            reply.trouble = match answer {
                Ok(answer) => {
                    let applied = |world: &mut _| apply(world, &self.id, &view.id, &answer);
                    self.slack().change(applied).err()
                }
                Err(error) => Some(error.to_string()),
            };
        }
        let after = self.slack().change(|world| {
            world.stacks.get(&self.id).and_then(|stack| stack.iter().find(|open| open.id == view.id).cloned())
        });
        let errors = after.iter().flat_map(|view| {
            view.errors.iter().filter_map(|(id, text)| Some((view.label_of(id)?, text.clone())))
        });
        Ok(Submitted { reply, errors: errors.collect(), closed: after.is_none() })
    }

    /// Closes the modal on top with its close button; the bot hears of it only if the modal says so.
    ///
    /// # Errors
    /// When there is no modal.
    pub async fn closes(&self) -> Result<Option<Reply>, NotVisible> {
        let view = self.sees_modal().await?;
        let payload = self.slack().change(|world| {
            if let Some(stack) = world.stacks.get_mut(&self.id) {
                let all = view.view["clear_on_close"] == true;
                stack.retain(|open| !all && open.id != view.id);
            }
            payloads::closed(world, &view)
        });
        if view.view["notify_on_close"] != true {
            return Ok(None);
        }
        Ok(Some(self.posts("/slack/interactions", &payload).await))
    }
}

fn apply(
    world: &mut super::slack::state::SlackState,
    user: &str,
    view_id: &str,
    answer: &Value,
) -> Result<(), String> {
    // A new submission takes the old errors off the screen before its own appear.
    if let Some(view) = world.top(user) {
        view.errors.clear();
    }
    world.apply_submission(user, view_id, answer)
}
