//! What a message of a request says now, and where it belongs. A message that has become pointless is not shown.

use jiff::{SignedDuration, Timestamp};

use super::Worker;
use crate::{
    domain::{
        message::Part,
        people::{ChannelId, UserId},
        request::State,
    },
    slack::messages::{self, Message},
    store::{ClaimedCard, ClaimedMessage},
};

/// How long a reply waits when it is not known when its card is posted.
const CARD_DELAY: SignedDuration = SignedDuration::from_secs(1);

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

/// What to do with a message that is due.
pub(super) enum Rendered {
    /// Show it.
    Show(Destination, Box<Message>),
    /// Its card is not there yet.
    WaitUntil(Timestamp),
    /// It has become pointless.
    Drop,
}

impl Worker {
    /// What the message says now.
    pub(super) fn render(&self, claimed: &ClaimedMessage, now: Timestamp) -> Rendered {
        let ClaimedMessage { request, part, card, .. } = claimed;
        let direct = || Destination::Direct(request.requester.clone());
        let show = |destination, message| Rendered::Show(destination, Box::new(message));
        match part {
            Part::Card => {
                let Some(channel) = request.approval_channel.clone() else { return Rendered::Drop };
                let (request, approvers) = self.with_counted_approvals(request);
                let message = messages::card(&request, &approvers, self.names_instance());
                show(Destination::Channel(channel), message)
            }
            Part::Requester => {
                let (request, approvers) = self.with_counted_approvals(request);
                show(direct(), messages::requester(&request, &approvers, self.names_instance()))
            }
            Part::Announcement | Part::DirectAnnouncement => {
                if !matches!(request.state, State::Done { .. }) {
                    return Rendered::Drop;
                }
                let destination = match part {
                    Part::Announcement => Destination::Channel(request.origin.clone()),
                    _ => direct(),
                };
                show(destination, messages::announcement(request, self.names_instance()))
            }
            // A retry may have followed.
            Part::Outcome { version } if *version == request.version && has_no_success(&request.state) => {
                show(direct(), messages::outcome(request))
            }
            Part::Outcome { .. } => Rendered::Drop,
            Part::Reminder { sent } => {
                let State::Pending { reminders, .. } = &request.state else { return Rendered::Drop };
                if request.reminder(reminders.sent) != sent.saturating_add(1) {
                    return Rendered::Drop;
                }
                in_thread(card, now, || {
                    messages::reminder(
                        request,
                        &self.remaining_approvers(request, self.approver_set(request)),
                    )
                })
            }
            Part::Note { note } => in_thread(card, now, || {
                let approvers = self.remaining_approvers(request, self.approver_set(request));
                messages::note(request, note, &approvers)
            }),
            Part::CardNotShown => {
                let Some(problem) = &card.problem else { return Rendered::Drop };
                if !matches!(request.state, State::Pending { .. }) {
                    return Rendered::Drop;
                }
                // An error ends with Slack's code.
                let code = problem.rsplit(": ").next().unwrap_or_default();
                show(direct(), messages::card_not_shown(request, &self.approver_set(request), code))
            }
        }
    }
}

/// Whether the requester hears the outcome by a direct message.
fn has_no_success(state: &State) -> bool {
    match state {
        State::Denied { .. } | State::Failed { .. } | State::TimedOut { .. } | State::Cancelled { .. } => {
            true
        }
        State::Pending { .. } | State::Applying { .. } | State::Done { .. } => false,
    }
}

/// A reply in the thread of the card that was posted last. Without a card there is no thread; a card that is never posted
/// needs no replies.
fn in_thread(card: &ClaimedCard, now: Timestamp, message: impl FnOnce() -> Message) -> Rendered {
    match (card.copies.last(), card.due_at) {
        (Some(copy), _) => {
            let thread = Destination::Thread(copy.channel.clone(), copy.ts.clone());
            Rendered::Show(thread, Box::new(message()))
        }
        (None, Some(due_at)) => Rendered::WaitUntil(due_at.max(now.checked_add(CARD_DELAY).unwrap_or(now))),
        (None, None) => Rendered::Drop,
    }
}
