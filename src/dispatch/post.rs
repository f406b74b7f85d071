//! Posts one part of a request's messages once, and brings it up to date.
//!
//! That a part is about to be posted is written down before the call. Where no answer came, the conversation's
//! history is searched for the part before it is posted again.

use jiff::Timestamp;

use super::{Dispatcher, Done, Stop, retry};
use crate::{
    domain::people::{ChannelId, RequestId, UserId},
    engine::Settlement,
    slack::{
        client::{Part, Posted},
        error::{Class, Error},
        views::Message,
    },
    store::Claimed,
};

/// Slack's code for a message that somebody deleted.
pub(super) const GONE: &str = "message_not_found";

/// Where a message goes.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A conversation.
    Channel(ChannelId),
    /// The thread under a message of a conversation.
    Thread(ChannelId, String),
    /// The bot's direct message with a person.
    Direct(UserId),
}

/// What became of a message.
#[derive(Debug)]
pub(super) enum Shown {
    /// It is there, and up to date.
    Yes,
    /// Slack refuses it for good.
    Refused(Error),
    /// It is to be tried again.
    Later(Error),
}

impl Dispatcher {
    /// Makes `message` stand as `part` of the request at `place`, showing `version`.
    pub(super) async fn show(
        &self,
        request: &RequestId,
        part: &str,
        place: &Place,
        message: &Message,
        version: i64,
    ) -> Result<Shown, Stop> {
        let store = self.0.engine.store();
        let name = Part { request: request.clone(), name: part.to_owned() };
        let posted = match store.message(request, part).await? {
            Some(known) => match known.place {
                Some(_) if known.shown_version >= version => return Ok(Shown::Yes),
                Some((channel, ts)) => Some(Posted { channel, ts }),
                None => match self.look_up(place, known.attempted_at, &name).await {
                    Ok(found) => found,
                    Err(error) => return Ok(Shown::Later(error)),
                },
            },
            None => {
                store.note_posting(request, part, self.0.clock.now()).await?;
                None
            }
        };
        match posted {
            Some(posted) => self.bring_up_to_date(&name, &posted, message, version).await,
            None => self.post(&name, place, message, version).await,
        }
    }

    async fn post(&self, part: &Part, place: &Place, message: &Message, version: i64) -> Result<Shown, Stop> {
        let store = self.0.engine.store();
        let (channel, thread) = match place {
            Place::Channel(channel) => (channel.as_str(), None),
            Place::Thread(channel, ts) => (channel.as_str(), Some(ts.as_str())),
            Place::Direct(user) => (user.as_str(), None),
        };
        match self.0.slack.post(channel, message, part, thread).await {
            Ok(posted) => {
                store.note_posted(&part.request, &part.name, (&posted.channel, &posted.ts), version).await?;
                Ok(Shown::Yes)
            }
            Err(error) if error.class == Class::Unknown => Ok(Shown::Later(error)),
            Err(error) => {
                store.note_not_posted(&part.request, &part.name).await?;
                Ok(sort(error))
            }
        }
    }

    /// Updates what stands there, whatever it shows now. What somebody deleted is forgotten.
    pub(super) async fn bring_up_to_date(
        &self,
        part: &Part,
        posted: &Posted,
        message: &Message,
        version: i64,
    ) -> Result<Shown, Stop> {
        let store = self.0.engine.store();
        let Posted { channel, ts } = posted;
        match self.0.slack.update(channel, ts, message).await {
            Ok(()) => {
                store.note_posted(&part.request, &part.name, (channel, ts), version).await?;
                Ok(Shown::Yes)
            }
            Err(error) if error.code == GONE => {
                // It is posted anew.
                store.forget_message(&part.request, &part.name).await?;
                Ok(Shown::Later(error))
            }
            Err(error) => Ok(sort(error)),
        }
    }

    /// Searches the conversation for a part whose posting was not answered. Without the right to read the
    /// history nothing is found: the part is then posted again, and may stand there twice.
    async fn look_up(&self, place: &Place, since: Timestamp, part: &Part) -> Result<Option<Posted>, Error> {
        match self.search(place, since, part).await {
            Err(error) if matches!(error.class, Class::MissingScope { .. } | Class::Refused) => {
                tracing::warn!(request = %part.request, part = %part.name, %error,
                    "the history cannot be searched; the message may stand there twice");
                Ok(None)
            }
            other => other,
        }
    }

    async fn search(&self, place: &Place, since: Timestamp, part: &Part) -> Result<Option<Posted>, Error> {
        match place {
            Place::Channel(channel) => self.0.slack.find_posted(channel, since, part).await,
            Place::Thread(channel, ts) => self.0.slack.find_reply(channel, ts, since, part).await,
            Place::Direct(user) => match self.0.slack.open_dm(user).await {
                Ok(channel) => self.0.slack.find_posted(&channel, since, part).await,
                Err(error) => Err(error),
            },
        }
    }

    /// What is recorded of a message that is to be tried again, or that is given up after a day.
    pub(super) fn later(&self, claimed: &Claimed, error: &Error) -> Done {
        let now = self.0.clock.now();
        let effect = &claimed.effect;
        if retry::is_over(effect.created_at, now) {
            return Done::of(Settlement::Buried { error: error.to_string() }, None);
        }
        let pause = match error.class {
            Class::RateLimited { after } => after,
            _ => retry::pause(&effect.id, effect.attempts),
        };
        let due_at = retry::after(now, pause);
        Done::of(Settlement::Later { due_at, progress: None, error: error.to_string() }, None)
    }
}

fn sort(error: Error) -> Shown {
    if error.class == Class::Refused { Shown::Refused(error) } else { Shown::Later(error) }
}
