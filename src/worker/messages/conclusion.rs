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
    slack::error::Class,
    store::{ClaimedMessage, MessageRecord},
    worker::retry,
};

/// How long a message that nobody can act on is tried while Slack refuses it.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);
/// What to record, and the event that follows.
pub(super) fn conclude(
    claimed: &ClaimedMessage,
    ended: Ended,
    now: Timestamp,
) -> (MessageRecord, Option<Event>) {
    let Ended { mut record, failure, stands, is_replaced } = ended;
    let (request, part) = (&claimed.request, &claimed.part);
    let Some(error) = failure else {
        record.due_at = record.unsettled_until;
        // A new card is seen as well as a reminder.
        record.drops_reminders = *part == Part::Card && is_replaced && is_pending(request);
        return (record, None);
    };
    let refusal = classify(&error);
    let is_definite =
        refusal == Refusal::Definite || refusal == Refusal::Unclear && claimed.attempts >= UNCLEAR_ATTEMPTS;
    match part {
        // Nobody can approve without a card.
        Part::Card
            if is_pending(request)
                && !stands
                && record.posting_at.is_none()
                && refusal == Refusal::Definite =>
        {
            let settled = MessageRecord { error: None, ..record };
            return (settled, Some(Event::CardLost { detail: error.code }));
        }
        // An outage passes, and the requester could not be told either.
        Part::Card if is_pending(request) && is_definite => record.wants.push(Part::CardNotShown),
        // The requester can be told elsewhere.
        Part::Announcement if is_definite => {
            record.wants.push(Part::DirectAnnouncement);
            return (MessageRecord { error: None, ..record }, None);
        }
        // Its thread can be seen by nobody.
        Part::Reminder { .. } | Part::Note { .. } if is_definite => {
            return (MessageRecord { error: None, ..record }, None);
        }
        Part::Card
        | Part::Requester
        | Part::Announcement
        | Part::DirectAnnouncement
        | Part::Outcome { .. }
        | Part::Reminder { .. }
        | Part::Note { .. }
        | Part::CardNotShown => {}
    }
    let is_old = claimed.failing_since.is_some_and(|since| now.duration_since(since) >= MAX_AGE);
    record.is_given_up = match refusal {
        Refusal::Outage => false,
        Refusal::Definite if !part.is_live() => true,
        Refusal::Definite | Refusal::Unclear => is_old && !request.state.is_open(),
    };
    if !record.is_given_up {
        let delay = match error.class {
            Class::RateLimited { after } => after,
            _ => retry::message_delay(&format!("{}/{}", request.id, part.name()), claimed.attempts),
        };
        record.due_at = Some(retry::after(now, delay));
    }
    (record, None)
}

fn is_pending(request: &Request) -> bool {
    matches!(request.state, State::Pending { .. })
}
