//! Posts each message of a request once, and updates it. Shared by the effects that show something in Slack.
//!
//! An attempt to post is stored before the call. If the call gets no answer, the conversation's history is searched for
//! the message before it is posted again.

use jiff::Timestamp;

use super::{
    Worker,
    execution::{Completion, EffectAborted},
    retry,
};
use crate::{
    domain::{
        people::{ChannelId, RequestId, UserId},
        request::Request,
    },
    slack::{
        client::{MessageKey, Posted},
        error::{Class, Error},
        ids::CARD,
        messages::Message,
    },
    store::Claimed,
    workflow::EffectResult,
};

/// Slack's error code for a deleted message.
pub(super) const MESSAGE_NOT_FOUND: &str = "message_not_found";

/// Where a message is posted.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    /// A channel.
    Channel(ChannelId),
    /// The thread of a message.
    Thread(ChannelId, String),
    /// The bot's direct message with a person.
    Direct(UserId),
}

impl Destination {
    /// The thread of a posted message.
    pub(super) fn thread_of(posted: Posted) -> Self {
        Self::Thread(posted.channel, posted.ts)
    }
}

/// The result of posting or updating a message.
#[derive(Debug)]
pub(super) enum PostResult {
    /// The message is there and up to date.
    Posted,
    /// Slack refuses it permanently.
    Refused(Error),
    /// A later attempt may succeed.
    Retry(Error),
}

impl Worker {
    /// Posts `message` as the request's message `name`, or updates it if it shows an older version.
    pub(super) async fn ensure_posted(
        &self,
        request: &RequestId,
        name: &str,
        destination: &Destination,
        message: &Message,
        version: i64,
    ) -> Result<PostResult, EffectAborted> {
        let store = self.0.workflow.store();
        let key = MessageKey { request: request.clone(), name: name.to_owned() };
        let posted = match store.message(request, name).await? {
            Some(stored) => match stored.place {
                Some(_) if stored.shown_version >= version => return Ok(PostResult::Posted),
                Some((channel, ts)) => Some(Posted { channel, ts }),
                None => match self.find_posted(destination, stored.attempted_at, &key).await {
                    Ok(posted) => posted,
                    Err(error) => return Ok(PostResult::Retry(error)),
                },
            },
            None => {
                store.record_posting(request, name, self.0.clock.now()).await?;
                None
            }
        };
        match posted {
            Some(posted) => self.update_posted(&key, &posted, message, version).await,
            None => self.post(&key, destination, message, version).await,
        }
    }

    async fn post(
        &self,
        key: &MessageKey,
        destination: &Destination,
        message: &Message,
        version: i64,
    ) -> Result<PostResult, EffectAborted> {
        let store = self.0.workflow.store();
        let (channel, thread) = match destination {
            Destination::Channel(channel) => (channel.as_str(), None),
            Destination::Thread(channel, ts) => (channel.as_str(), Some(ts.as_str())),
            Destination::Direct(user) => (user.as_str(), None),
        };
        match self.0.slack.post(channel, message, key, thread).await {
            Ok(posted) => {
                let place = (&posted.channel, posted.ts.as_str());
                store.record_posted(&key.request, &key.name, place, version).await?;
                Ok(PostResult::Posted)
            }
            Err(error) if error.class == Class::Unknown => Ok(PostResult::Retry(error)),
            Err(error) => {
                store.record_not_posted(&key.request, &key.name).await?;
                Ok(classify(error))
            }
        }
    }

    /// Updates a posted message whatever version it shows. A message that somebody deleted is forgotten, so that the
    /// next attempt posts it again.
    pub(super) async fn update_posted(
        &self,
        key: &MessageKey,
        posted: &Posted,
        message: &Message,
        version: i64,
    ) -> Result<PostResult, EffectAborted> {
        let store = self.0.workflow.store();
        let Posted { channel, ts } = posted;
        match self.0.slack.update(channel, ts, message).await {
            Ok(()) => {
                store.record_posted(&key.request, &key.name, (channel, ts), version).await?;
                Ok(PostResult::Posted)
            }
            Err(error) if error.code == MESSAGE_NOT_FOUND => {
                store.forget_message(&key.request, &key.name).await?;
                Ok(PostResult::Retry(error))
            }
            Err(error) => Ok(classify(error)),
        }
    }

    /// Searches the conversation for a message whose posting got no answer. Without access to the history nothing is
    /// found: the message is then posted again, and may be there twice.
    async fn find_posted(
        &self,
        destination: &Destination,
        since: Timestamp,
        key: &MessageKey,
    ) -> Result<Option<Posted>, Error> {
        match self.search(destination, since, key).await {
            Err(error) if matches!(error.class, Class::MissingScope { .. } | Class::Refused) => {
                tracing::warn!(message = %key.name, %error,
                    "the history cannot be searched; the message may be posted twice");
                Ok(None)
            }
            result => result,
        }
    }

    async fn search(
        &self,
        destination: &Destination,
        since: Timestamp,
        key: &MessageKey,
    ) -> Result<Option<Posted>, Error> {
        match destination {
            Destination::Channel(channel) => self.0.slack.find_posted(channel, since, key).await,
            Destination::Thread(channel, ts) => self.0.slack.find_reply(channel, ts, since, key).await,
            Destination::Direct(user) => match self.0.slack.open_dm(user).await {
                Ok(channel) => self.0.slack.find_posted(&channel, since, key).await,
                Err(error) => Err(error),
            },
        }
    }

    /// The card of a request, if it has been posted.
    pub(super) async fn posted_card(&self, request: &Request) -> Result<Option<Posted>, EffectAborted> {
        let card = self.0.workflow.store().message(&request.id, CARD).await?;
        let place: Option<(ChannelId, String)> = card.and_then(|card| card.place);
        Ok(place.map(|(channel, ts)| Posted { channel, ts }))
    }

    /// The completion of an effect that only posts a message.
    pub(super) fn completion_of(&self, claimed: &Claimed, result: PostResult) -> Completion {
        match result {
            PostResult::Posted => Completion::done(),
            PostResult::Retry(error) => self.postpone(claimed, &error),
            PostResult::Refused(error) => Completion::dead_letter(error.to_string()),
        }
    }

    /// Retries the effect later, or gives it up after a day.
    pub(super) fn postpone(&self, claimed: &Claimed, error: &Error) -> Completion {
        let now = self.0.clock.now();
        let effect = &claimed.effect;
        if retry::has_expired(effect.created_at, now) {
            return Completion::dead_letter(error.to_string());
        }
        let delay = match error.class {
            Class::RateLimited { after } => after,
            _ => retry::delay(&effect.id, effect.attempts),
        };
        let due_at = retry::after(now, delay);
        Completion::of(EffectResult::Postponed { due_at, progress: None, error: error.to_string() }, None)
    }
}

fn classify(error: Error) -> PostResult {
    if error.class == Class::Refused { PostResult::Refused(error) } else { PostResult::Retry(error) }
}
