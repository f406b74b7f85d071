//! Posts one part of a request's messages once, and brings it up to date.
//!
//! That a part is about to be posted is written down before the call. Where no answer came, the conversation's
//! history is searched for the part before it is posted again.

use jiff::Timestamp;

use super::{Completion, EffectAborted, Worker, retry};
use crate::{
    domain::people::{ChannelId, RequestId, UserId},
    slack::{
        client::{MessageKey, Posted},
        error::{Class, Error},
        messages::Message,
    },
    store::Claimed,
    workflow::EffectResult,
};

/// Slack's code for a message that somebody deleted.
pub(super) const GONE: &str = "message_not_found";

/// Where a message goes.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    /// A conversation.
    Channel(ChannelId),
    /// The thread under a message of a conversation.
    Thread(ChannelId, String),
    /// The bot's direct message with a person.
    Direct(UserId),
}

/// What became of a message.
#[derive(Debug)]
pub(super) enum PostResult {
    /// It is there, and up to date.
    Yes,
    /// Slack refuses it for good.
    Refused(Error),
    /// It is to be tried again.
    Later(Error),
}

impl Worker {
    /// Makes `message` stand as `part` of the request at `place`, showing `version`.
    pub(super) async fn ensure_posted(
        &self,
        request: &RequestId,
        part: &str,
        place: &Destination,
        message: &Message,
        version: i64,
    ) -> Result<PostResult, EffectAborted> {
        let store = self.0.engine.store();
        let name = MessageKey { request: request.clone(), name: part.to_owned() };
        let posted = match store.message(request, part).await? {
            Some(known) => match known.place {
                Some(_) if known.shown_version >= version => return Ok(PostResult::Yes),
                Some((channel, ts)) => Some(Posted { channel, ts }),
                None => match self.look_up(place, known.attempted_at, &name).await {
                    Ok(found) => found,
                    Err(error) => return Ok(PostResult::Later(error)),
                },
            },
            None => {
                store.record_posting(request, part, self.0.clock.now()).await?;
                None
            }
        };
        match posted {
            Some(posted) => self.update_posted(&name, &posted, message, version).await,
            None => self.post(&name, place, message, version).await,
        }
    }

    async fn post(
        &self,
        part: &MessageKey,
        place: &Destination,
        message: &Message,
        version: i64,
    ) -> Result<PostResult, EffectAborted> {
        let store = self.0.engine.store();
        let (channel, thread) = match place {
            Destination::Channel(channel) => (channel.as_str(), None),
            Destination::Thread(channel, ts) => (channel.as_str(), Some(ts.as_str())),
            Destination::Direct(user) => (user.as_str(), None),
        };
        match self.0.slack.post(channel, message, part, thread).await {
            Ok(posted) => {
                store
                    .record_posted(&part.request, &part.name, (&posted.channel, &posted.ts), version)
                    .await?;
                Ok(PostResult::Yes)
            }
            Err(error) if error.class == Class::Unknown => Ok(PostResult::Later(error)),
            Err(error) => {
                store.record_not_posted(&part.request, &part.name).await?;
                Ok(classify(error))
            }
        }
    }

    /// Updates what stands there, whatever it shows now. What somebody deleted is forgotten.
    pub(super) async fn update_posted(
        &self,
        part: &MessageKey,
        posted: &Posted,
        message: &Message,
        version: i64,
    ) -> Result<PostResult, EffectAborted> {
        let store = self.0.engine.store();
        let Posted { channel, ts } = posted;
        match self.0.slack.update(channel, ts, message).await {
            Ok(()) => {
                store.record_posted(&part.request, &part.name, (channel, ts), version).await?;
                Ok(PostResult::Yes)
            }
            Err(error) if error.code == GONE => {
                // It is posted anew.
                store.forget_message(&part.request, &part.name).await?;
                Ok(PostResult::Later(error))
            }
            Err(error) => Ok(classify(error)),
        }
    }

    /// Searches the conversation for a part whose posting was not answered. Without the right to read the
    /// history nothing is found: the part is then posted again, and may stand there twice.
    async fn look_up(
        &self,
        place: &Destination,
        since: Timestamp,
        part: &MessageKey,
    ) -> Result<Option<Posted>, Error> {
        match self.search(place, since, part).await {
            Err(error) if matches!(error.class, Class::MissingScope { .. } | Class::Refused) => {
                tracing::warn!(request = %part.request, part = %part.name, %error,
                    "the history cannot be searched; the message may stand there twice");
                Ok(None)
            }
            other => other,
        }
    }

    async fn search(
        &self,
        place: &Destination,
        since: Timestamp,
        part: &MessageKey,
    ) -> Result<Option<Posted>, Error> {
        match place {
            Destination::Channel(channel) => self.0.slack.find_posted(channel, since, part).await,
            Destination::Thread(channel, ts) => self.0.slack.find_reply(channel, ts, since, part).await,
            Destination::Direct(user) => match self.0.slack.open_dm(user).await {
                Ok(channel) => self.0.slack.find_posted(&channel, since, part).await,
                Err(error) => Err(error),
            },
        }
    }

    /// What is recorded of a message that is to be tried again, or that is given up after a day.
    pub(super) fn postpone(&self, claimed: &Claimed, error: &Error) -> Completion {
        let now = self.0.clock.now();
        let effect = &claimed.effect;
        if retry::has_expired(effect.created_at, now) {
            return Completion::of(EffectResult::DeadLetter { error: error.to_string() }, None);
        }
        let pause = match error.class {
            Class::RateLimited { after } => after,
            _ => retry::delay(&effect.id, effect.attempts),
        };
        let due_at = retry::after(now, pause);
        Completion::of(EffectResult::Postponed { due_at, progress: None, error: error.to_string() }, None)
    }
}

fn classify(error: Error) -> PostResult {
    if error.class == Class::Refused { PostResult::Refused(error) } else { PostResult::Later(error) }
}
