//! What a simulated Slack remembers: messages, views, triggers, calls. Changes happen here or in the
//! methods next door, always under one lock. It knows nothing of HTTP.

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

/// How long a trigger lives, in milliseconds.
const TRIGGER_MILLIS: i64 = 3000;

/// A message in a channel or a direct conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct SimMessage {
    /// The conversation's id.
    pub channel: String,
    /// The message's id in it, which is its time too.
    pub ts: String,
    /// The message that this one replies to.
    pub thread_ts: Option<String>,
    /// The author, a user id; the bot's own for its messages.
    pub user: String,
    /// The author as a bot.
    pub bot_id: Option<String>,
    /// The text, which is only a fallback when there are blocks.
    pub text: String,
    /// The blocks, an array.
    pub blocks: Value,
    /// Event type and payload that travel with the message.
    pub metadata: Option<Value>,
    /// How often it was updated.
    pub edits: u32,
}

/// A message that only one person sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Ephemeral {
    /// The message's id in the conversation, which is its time too.
    pub ts: String,
    /// The conversation's id.
    pub channel: String,
    /// Who sees it.
    pub user: String,
    /// The text, which is only a fallback when there are blocks.
    pub text: String,
    /// The blocks, an array.
    pub blocks: Value,
}

/// One call that the simulated Slack received.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRecord {
    /// When it came.
    pub at: Timestamp,
    /// The method, or `response_url`.
    pub method: String,
    /// The arguments, without the token.
    pub body: Value,
    /// The status of the answer; `None` while, or because, there was none.
    pub status: Option<u16>,
    /// The error code of the answer.
    pub error: Option<String>,
    /// The answer, if it was JSON.
    pub answer: Option<Value>,
    /// How long it took until it was answered, or cut, in real time.
    pub took: Option<Duration>,
}

/// A permission to open one view, handed out with each act of a person.
#[derive(Debug)]
struct Trigger {
    user: String,
    in_modal: bool,
    issued: i64,
    used: bool,
}

/// An address under which the bot may answer one act of a person.
#[derive(Debug)]
pub(crate) struct ResponseUrl {
    pub(crate) user: String,
    pub(crate) channel: String,
    pub(crate) message_ts: Option<String>,
    pub(crate) issued: i64,
    pub(crate) uses: u32,
}

/// A conversation, as the bot stands to it.
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

    /// The next number of a row that only grows.
    pub(crate) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// A time stamp that no message has yet.
    pub(crate) fn new_ts(&mut self) -> String {
        self.last_ts = (self.last_ts + 1).max(self.clock.millis() * 1000);
        format!("{}.{:06}", self.last_ts / 1_000_000, self.last_ts % 1_000_000)
    }

    pub(crate) fn user(&self, id: &str) -> Option<&SimUser> {
        self.setup.users.iter().find(|user| user.id == id)
    }

    /// The team of a user, this one unless the user is a stranger.
    pub(crate) fn team_of(&self, user: &str) -> String {
        let team = self.user(user).and_then(|user| user.team_id.clone());
        team.unwrap_or_else(|| self.setup.team_id.clone())
    }

    /// The direct conversation between the bot and a user, opened if need be.
    pub(crate) fn open_direct(&mut self, user: &str) -> String {
        self.directs.insert(user.to_owned());
        direct_id(user)
    }

    /// A conversation by its id, whether or not the bot may see it.
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

    /// Puts a message of the bot into a conversation.
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

    /// Hands out a trigger for an act of `user`, inside a modal or outside.
    pub(crate) fn issue_trigger(&mut self, user: &str, in_modal: bool) -> String {
        let id = format!("{}.1.{:032x}", self.number(), self.clock.millis());
        let user = user.to_owned();
        self.triggers
            .insert(id.clone(), Trigger { user, in_modal, issued: self.clock.millis(), used: false });
        id
    }

    /// Uses a trigger up and says whose it was and whether it came from inside a modal.
    pub(crate) fn use_trigger(&mut self, id: &str) -> Result<(String, bool), &'static str> {
        let now = self.clock.millis();
        let trigger = self.triggers.get_mut(id).ok_or("invalid_trigger_id")?;
        if trigger.used {
            return Err("exchanged_trigger_id");
        }
        if now - trigger.issued > TRIGGER_MILLIS {
            return Err("expired_trigger_id");
        }
        trigger.used = true;
        Ok((trigger.user.clone(), trigger.in_modal))
    }

    /// Hands out an id under which the bot may answer an act of `user`.
    pub(crate) fn issue_response(&mut self, user: &str, channel: &str, message_ts: Option<&str>) -> String {
        let number = self.number();
        let id = format!("{}-{number}", self.setup.team_id);
        let url = ResponseUrl {
            user: user.to_owned(),
            channel: channel.to_owned(),
            message_ts: message_ts.map(str::to_owned),
            issued: self.clock.millis(),
            uses: 0,
        };
        self.response_urls.insert(id.clone(), url);
        id
    }

    /// A message as Slack writes it in answers and payloads.
    pub(crate) fn message_json(&self, message: &SimMessage, with_metadata: bool) -> Value {
        let mut written = json!({
            "type": "message",
            "user": message.user,
            "team": self.setup.team_id,
            "ts": message.ts,
            "text": message.text,
        });
        if let Some(bot_id) = &message.bot_id {
            written["bot_id"] = json!(bot_id);
            written["app_id"] = json!(self.setup.app_id);
        }
        if message.blocks.as_array().is_some_and(|blocks| !blocks.is_empty()) {
            written["blocks"] = message.blocks.clone();
        }
        if let Some(thread_ts) = &message.thread_ts {
            written["thread_ts"] = json!(thread_ts);
        }
        if let Some(metadata) = message.metadata.as_ref().filter(|_| with_metadata) {
            written["metadata"] = metadata.clone();
        }
        written
    }
}

/// The id of the direct conversation between the bot and a user.
pub(crate) fn direct_id(user: &str) -> String {
    format!("D{}", user.get(1..).unwrap_or_default())
}
