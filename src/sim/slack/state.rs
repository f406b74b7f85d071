//! The state of a simulated Slack: messages, views, triggers, calls. This module and the method modules change it,
//! always under one lock. It must not know HTTP.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    setup::{Setup, SimChannel, SimUser},
    view::SimView,
};
use crate::clock::Clock;

/// Lifetime of a trigger in milliseconds.
const TRIGGER_LIFETIME: i64 = 3000;

/// A message in a channel or a direct conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct SimMessage {
    /// The conversation's id.
    pub channel: String,
    /// The message's timestamp, which is its id in the conversation.
    pub ts: String,
    /// The parent message, for a reply.
    pub thread_ts: Option<String>,
    /// The author's user id; for the bot's messages, the bot's.
    pub user: String,
    /// The author's bot id, for the bot's messages.
    pub bot_id: Option<String>,
    /// The text; with blocks, only the fallback.
    pub text: String,
    /// The blocks, an array.
    pub blocks: Value,
    /// Message metadata: event type and payload.
    pub metadata: Option<Value>,
    /// How often the message was updated.
    pub edits: u32,
}

/// A message that only one person sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Ephemeral {
    /// The message's timestamp, which is its id in the conversation.
    pub ts: String,
    /// The conversation's id.
    pub channel: String,
    /// The user who sees it.
    pub user: String,
    /// The text; with blocks, only the fallback.
    pub text: String,
    /// The blocks, an array.
    pub blocks: Value,
}

/// One call that the simulated Slack received.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRecord {
    /// When it arrived.
    pub at: Timestamp,
    /// The method, or `response_url`.
    pub method: String,
    /// The arguments, without the token.
    pub body: Value,
    /// The response status; `None` without a response so far.
    pub status: Option<u16>,
    /// The response's error code.
    pub error: Option<String>,
    /// The response body, if it was JSON.
    pub answer: Option<Value>,
    /// Real time until the response or the cut.
    pub took: Option<Duration>,
}

/// A trigger: permission to open one view, issued with each interaction.
#[derive(Debug)]
struct Trigger {
    user: String,
    in_modal: bool,
    issued_at: i64,
    is_used: bool,
}

/// A `response_url` for one interaction.
#[derive(Debug)]
pub(crate) struct ResponseUrl {
    pub(crate) user: String,
    pub(crate) channel: String,
    pub(crate) message_ts: Option<String>,
    pub(crate) issued_at: i64,
    pub(crate) uses: u32,
}

/// A channel, or a direct conversation with the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conversation {
    Channel(SimChannel),
    Direct { id: String, user: String },
}

#[derive(Debug)]
pub(crate) struct SlackState {
    pub(crate) clock: Clock,
    pub(crate) setup: Setup,
    pub(crate) messages: Vec<SimMessage>,
    pub(crate) ephemerals: Vec<Ephemeral>,
    pub(crate) stacks: BTreeMap<String, Vec<SimView>>,
    pub(crate) calls: Vec<CallRecord>,
    pub(crate) response_urls: BTreeMap<String, ResponseUrl>,
    directs: BTreeSet<String>,
    triggers: BTreeMap<String, Trigger>,
    last_ts: i64,
    last_number: u64,
}

impl SlackState {
    pub(crate) fn new(clock: Clock, setup: Setup) -> Self {
        Self {
            clock,
            setup,
            messages: Vec::new(),
            ephemerals: Vec::new(),
            stacks: BTreeMap::new(),
            calls: Vec::new(),
            response_urls: BTreeMap::new(),
            directs: BTreeSet::new(),
            triggers: BTreeMap::new(),
            last_ts: 0,
            last_number: 0,
        }
    }

    /// The next number of a sequence.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// A new, unique message timestamp.
    pub(crate) fn new_ts(&mut self) -> String {
        self.last_ts = (self.last_ts + 1).max(self.clock.millis() * 1000);
        format!("{}.{:06}", self.last_ts / 1_000_000, self.last_ts % 1_000_000)
    }

    pub(crate) fn user(&self, id: &str) -> Option<&SimUser> {
        let has_other_id = |user: &&SimUser| user.enterprise.as_ref().is_some_and(|other| other.id == id);
        let users = &self.setup.users;
        users.iter().find(|user| user.id == id).or_else(|| users.iter().find(has_other_id))
    }

    /// The workspace of a user: this one, unless the user is external.
    pub(crate) fn team_of(&self, user: &str) -> String {
        let team = self.user(user).and_then(|user| user.team_id.clone());
        team.unwrap_or_else(|| self.setup.team_id.clone())
    }

    /// Opens the direct conversation with a user, if necessary, and returns its id.
    pub(crate) fn open_direct(&mut self, user: &str) -> String {
        self.directs.insert(user.to_owned());
        direct_id(user)
    }

    /// A conversation by its id, regardless of the bot's access.
    pub(crate) fn conversation(&self, id: &str) -> Option<Conversation> {
        if let Some(channel) = self.setup.channels.iter().find(|channel| channel.id == id) {
            return Some(Conversation::Channel(channel.clone()));
        }
        let user = self.directs.iter().find(|user| direct_id(user) == id)?;
        Some(Conversation::Direct { id: id.to_owned(), user: user.clone() })
    }

    pub(crate) fn message(&self, channel: &str, ts: &str) -> Option<&SimMessage> {
        self.messages.iter().find(|message| message.channel == channel && message.ts == ts)
    }

    /// Posts a message of the bot.
    pub(crate) fn post(&mut self, channel: &str, text: String, blocks: Value) -> &mut SimMessage {
        let ts = self.new_ts();
        self.messages.push(SimMessage {
            channel: channel.to_owned(),
            ts,
            thread_ts: None,
            user: self.setup.bot_user_id.clone(),
            bot_id: Some(self.setup.bot_id.clone()),
            text,
            blocks,
            metadata: None,
            edits: 0,
        });
        let last = self.messages.len() - 1;
        &mut self.messages[last]
    }

    /// Issues a trigger for an interaction of `user`.
    pub(crate) fn issue_trigger(&mut self, user: &str, in_modal: bool) -> String {
        let id = format!("{}.1.{:032x}", self.next_number(), self.clock.millis());
        let user = user.to_owned();
        self.triggers
            .insert(id.clone(), Trigger { user, in_modal, issued_at: self.clock.millis(), is_used: false });
        id
    }

    /// Consumes a trigger; returns its user and whether it came from a modal.
    pub(crate) fn use_trigger(&mut self, id: &str) -> Result<(String, bool), &'static str> {
        let now = self.clock.millis();
        let trigger = self.triggers.get_mut(id).ok_or("invalid_trigger_id")?;
        if trigger.is_used {
            return Err("exchanged_trigger_id");
        }
        if now - trigger.issued_at > TRIGGER_LIFETIME {
            return Err("expired_trigger_id");
        }
        trigger.is_used = true;
        Ok((trigger.user.clone(), trigger.in_modal))
    }

    /// Issues a `response_url` id for an interaction of `user`.
    pub(crate) fn issue_response(&mut self, user: &str, channel: &str, message_ts: Option<&str>) -> String {
        let number = self.next_number();
        let id = format!("{}-{number}", self.setup.team_id);
        let url = ResponseUrl {
            user: user.to_owned(),
            channel: channel.to_owned(),
            message_ts: message_ts.map(str::to_owned),
            issued_at: self.clock.millis(),
            uses: 0,
        };
        self.response_urls.insert(id.clone(), url);
        id
    }

    /// A message in the format of API responses and payloads.
    pub(crate) fn message_json(&self, message: &SimMessage, with_metadata: bool) -> Value {
        let mut json = json!({
            "type": "message",
            "user": message.user,
            "team": self.setup.team_id,
            "ts": message.ts,
            "text": message.text,
        });
        if let Some(bot_id) = &message.bot_id {
            json["bot_id"] = json!(bot_id);
            json["app_id"] = json!(self.setup.app_id);
        }
        if message.blocks.as_array().is_some_and(|blocks| !blocks.is_empty()) {
            json["blocks"] = message.blocks.clone();
        }
        if let Some(thread_ts) = &message.thread_ts {
            json["thread_ts"] = json!(thread_ts);
        }
        if let Some(metadata) = message.metadata.as_ref().filter(|_| with_metadata) {
            json["metadata"] = metadata.clone();
        }
        json
    }
}

/// The id of the direct conversation with a user.
pub(crate) fn direct_id(user: &str) -> String {
    format!("D{}", user.get(1..).unwrap_or_default())
}
