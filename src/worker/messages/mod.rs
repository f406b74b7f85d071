//! Shows the messages of requests: brings each from the version that it shows to the one that is wanted. Under the lease
//! of the request's messages nobody else does, so that an older rendering never follows a newer one.
//!
//! Which call comes next is decided in `attempt`, what follows from the answers in `conclusion`, both purely. The content
//! is rendered from the request as it is when the attempt starts; whoever changes the request in the meantime wants another
//! version, which is shown next.

mod attempt;
mod conclusion;
mod refusals;
mod render;
#[cfg(test)]
mod tests;

use tracing::Instrument;

use self::{
    attempt::{Attempt, Step},
    render::{Destination, Rendered},
};
use super::{Worker, execution::EffectAborted};
use crate::{
    domain::{event::Event, message::Part},
    slack::{
        client::{MessageKey, Posted},
        error::Error,
        messages::Message,
    },
    store::{ClaimedMessage, MessageRecord},
};

impl Worker {
    /// Brings a claimed message up to date, in a span that gives every log line the request, the message and the attempt.
    pub(super) async fn run_message(&self, claimed: ClaimedMessage) {
        let effect = metric_name(&claimed.part);
        let (request, part, attempt) = (&claimed.request.id, claimed.part.name(), claimed.attempts);
        let span = tracing::info_span!("message", %request, part, attempt);
        let result = self.execute_message(&claimed).instrument(span).await;
        metrics::counter!("effects_total", "effect" => effect, "result" => result).increment(1);
    }

    async fn execute_message(&self, claimed: &ClaimedMessage) -> &'static str {
        let shown = tokio::select! {
            shown = self.bring_up_to_date(claimed) => shown,
            () = self.renew_lease(&claimed.lease) => Err(EffectAborted::LeaseLost),
        };
        let recorded = match shown {
            Ok((record, event)) => self.record_message(claimed, &record, event.as_ref()).await,
            Err(aborted) => Err(aborted),
        };
        recorded.unwrap_or_else(|aborted| aborted.log())
    }

    async fn record_message(
        &self,
        claimed: &ClaimedMessage,
        record: &MessageRecord,
        event: Option<&Event>,
    ) -> Result<&'static str, EffectAborted> {
        let name = match (&record.error, record.due_at) {
            (Some(error), _) if record.is_given_up => {
                tracing::error!(%error, "message given up");
                "dead_letter"
            }
            (Some(error), due_at) => {
                let due_at = due_at.map(tracing::field::display);
                tracing::warn!(due_at, %error, "message postponed");
                "later"
            }
            (None, _) => "done",
        };
        if self.0.workflow.complete_message(claimed, record, event).await? {
            Ok(name)
        } else {
            Err(EffectAborted::LeaseLost)
        }
    }

    async fn bring_up_to_date(
        &self,
        claimed: &ClaimedMessage,
    ) -> Result<(MessageRecord, Option<Event>), EffectAborted> {
        let now = || self.0.clock.now();
        let untouched = MessageRecord {
            posting_at: claimed.posting_at,
            unsettled_until: claimed.unsettled_until,
            ..MessageRecord::default()
        };
        let (destination, message) = match self.render(claimed, now()) {
            Rendered::Show(destination, message) => (destination, message),
            Rendered::WaitUntil(due_at) => {
                return Ok((MessageRecord { due_at: Some(due_at), ..untouched }, None));
            }
            Rendered::Drop => return Ok((untouched, None)),
        };
        let key = MessageKey { request: claimed.request.id.clone(), name: claimed.part.name() };
        let slack = &self.0.slack;
        let mut attempt = Attempt::new(claimed, now());
        loop {
            match attempt.next() {
                Step::Search { since } => {
                    attempt.searched(self.search(&destination, since, &key).await, now());
                    if attempt.is_unreadable() {
                        tracing::warn!("the history cannot be read; the message may stand there twice");
                    }
                }
                Step::Update(copy) => {
                    let result = slack.update(&copy.channel, &copy.ts, &message).await;
                    attempt.updated(&copy, result, now());
                }
                Step::Post => {
                    let posted_at = now();
                    if !self.0.workflow.record_posting(claimed).await? {
                        return Err(EffectAborted::LeaseLost);
                    }
                    let result = self.post(&destination, &message, &key).await;
                    attempt.posted(result, posted_at, now());
                }
                Step::End => return Ok(conclusion::conclude(claimed, attempt.end(), now())),
            }
        }
    }

    async fn post(
        &self,
        destination: &Destination,
        message: &Message,
        key: &MessageKey,
    ) -> Result<Posted, Error> {
        let (channel, thread) = match destination {
            Destination::Channel(channel) => (channel.as_str(), None),
            Destination::Thread(channel, ts) => (channel.as_str(), Some(ts.as_str())),
            Destination::Direct(user) => (user.as_str(), None),
        };
        self.0.slack.post(channel, message, key, thread).await
    }

    /// All messages with this key in the conversation.
    async fn search(
        &self,
        destination: &Destination,
        since: jiff::Timestamp,
        key: &MessageKey,
    ) -> Result<Vec<Posted>, Error> {
        let slack = &self.0.slack;
        match destination {
            Destination::Channel(channel) => slack.find_posted(channel, since, key).await,
            Destination::Thread(channel, ts) => slack.find_reply(channel, ts, since, key).await,
            Destination::Direct(user) => {
                let channel = slack.open_dm(user).await?;
                slack.find_posted(&channel, since, key).await
            }
        }
    }
}

/// The message's name in metrics, from the time when messages were effects.
fn metric_name(part: &Part) -> &'static str {
    match part {
        Part::Card => "show_card",
        Part::Requester => "show_requester",
        Part::Announcement | Part::DirectAnnouncement => "announce",
        Part::Outcome { .. } => "tell_outcome",
        Part::Reminder { .. } => "remind",
        Part::Note { .. } => "note",
        Part::CardNotShown => "card_not_shown",
    }
}
