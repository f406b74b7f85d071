//! What follows from an attempt: when the next one is, whether somebody has to be told, and whether the message or the
//! request is given up. Pure.

use jiff::{SignedDuration, Timestamp};

use super::{
    attempt::{Ended, UNCLEAR_ATTEMPTS},
    refusals::{Refusal, classify},
};
use crate::{
    domain::{
        event::Event,
        message::Part,
        request::{Request, State},
    },
    slack::error::{Class, Error},
    store::{ClaimedMessage, MessageRecord},
    worker::retry,
};

/// How long a message that nobody can act on is tried while Slack refuses it.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);
/// What a refusal of a message leads to.
enum Consequence {
    /// The request ends.
    Ends(Event),
    /// The message is pointless, or is replaced by this one.
    Dropped(Option<Part>),
    /// It is tried again, and this message is shown as well.
    Repeated(Option<Part>),
}

/// What to record, and the event that follows.
pub(super) fn conclude(
    claimed: &ClaimedMessage,
    ended: Ended,
    now: Timestamp,
) -> (MessageRecord, Option<Event>) {
    let Ended { mut record, failure, stands, is_replaced } = ended;
    let Some(error) = failure else {
        record.due_at = record.unsettled_until;
        // A new card is seen as well as a reminder.
        record.drops_reminders = claimed.part == Part::Card && is_replaced && is_pending(&claimed.request);
        return (record, None);
    };
    let never_posted = !stands && record.posting_at.is_none();
    match consequence(claimed, &error, never_posted) {
        Consequence::Ends(event) => (MessageRecord { error: None, ..record }, Some(event)),
        Consequence::Dropped(instead) => {
            record.wants.extend(instead);
            (MessageRecord { error: None, ..record }, None)
        }
        Consequence::Repeated(also) => {
            record.wants.extend(also);
            record.is_given_up = is_given_up(claimed, &error, now);
            if !record.is_given_up {
                record.due_at = Some(next_attempt(claimed, &error, now));
            }
            (record, None)
        }
    }
}

fn consequence(claimed: &ClaimedMessage, error: &Error, never_posted: bool) -> Consequence {
    let refusal = classify(error);
    let is_definite =
        refusal == Refusal::Definite || refusal == Refusal::Unclear && claimed.attempts >= UNCLEAR_ATTEMPTS;
    match &claimed.part {
        // Nobody can approve without a card.
        Part::Card if is_pending(&claimed.request) && never_posted && refusal == Refusal::Definite => {
            Consequence::Ends(Event::CardLost { detail: error.code.clone() })
        }
        // An outage passes, and the requester could not be told either.
        Part::Card if is_pending(&claimed.request) && is_definite => {
            Consequence::Repeated(Some(Part::CardNotShown))
        }
        // The requester can be told elsewhere.
        Part::Announcement if is_definite => Consequence::Dropped(Some(Part::DirectAnnouncement)),
        // Its thread can be seen by nobody.
        Part::Reminder { .. } | Part::Note { .. } if is_definite => Consequence::Dropped(None),
        Part::Card
        | Part::Requester
        | Part::Announcement
        | Part::DirectAnnouncement
        | Part::Outcome { .. }
        | Part::Reminder { .. }
        | Part::Note { .. }
        | Part::CardNotShown => Consequence::Repeated(None),
    }
}

/// A message is never given up while anybody could act on it, or while Slack cannot be called.
fn is_given_up(claimed: &ClaimedMessage, error: &Error, now: Timestamp) -> bool {
    let is_old = claimed.failing_since.is_some_and(|since| now.duration_since(since) >= MAX_AGE);
    match classify(error) {
        Refusal::Outage => false,
        Refusal::Definite if !claimed.part.is_live() => true,
        Refusal::Definite | Refusal::Unclear => is_old && !claimed.request.state.is_open(),
    }
}

fn next_attempt(claimed: &ClaimedMessage, error: &Error, now: Timestamp) -> Timestamp {
    let delay = match error.class {
        Class::RateLimited { after } => after.min(retry::MAX_MESSAGE_DELAY),
        _ => {
            let id = format!("{}/{}", claimed.request.id, claimed.part.name());
            retry::message_delay(&id, claimed.attempts)
        }
    };
    retry::after(now, delay)
}

fn is_pending(request: &Request) -> bool {
    matches!(request.state, State::Pending { .. })
}
