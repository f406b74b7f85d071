//! What has to happen outside because of a decision, stored together with the new state. Messages become wanted
//! ([`Effect::message`]); everything else is run later by the worker; how is not known here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    change::Change,
    event::Action,
    message::Part,
    note::Note,
    people::{ChannelId, UserId},
    request::Request,
};

/// A call or a message that a decision leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Apply the change. Carries the approved values, so that later changes cannot alter them.
    Apply {
        /// The approved change.
        change: Change,
        /// When an earlier effect made its first attempt with an unknown outcome.
        attempted_at: Option<Timestamp>,
    },
    /// Post or update the card in the approval channel.
    ShowCard,
    /// Post or update the requester's direct message.
    ShowRequester,
    /// Announce the applied change in the channel in which the command was used.
    Announce,
    /// Tell the requester that the request did not succeed.
    TellOutcome,
    /// Remind the approvers in the card's thread. In databases of earlier versions it is a timer.
    Remind {
        /// How many reminders there were before.
        #[serde(default)]
        sent: u32,
    },
    /// Only in databases of earlier versions: a timer. What is due is derived today.
    Escalate,
    /// Post a note in the card's thread.
    Note {
        /// The note.
        note: Note,
    },
    /// Only in databases of earlier versions: a timer.
    TimeOut,
    /// Look up whether somebody is an approver, then handle their action.
    #[serde(rename = "check_standing")]
    CheckMembership {
        /// Who.
        by: UserId,
        /// The action.
        #[serde(rename = "press")]
        action: Action,
        /// The channel in which they are told if the action is refused.
        answer_in: ChannelId,
        /// A URL by which they can be told if that fails; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        answer_url: String,
    },
}

/// Effects of a request in the same queue run one after another; queues are independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Changes to a Marketo instance.
    Apply,
    /// Messages, one at a time.
    Show,
    /// What is due by itself.
    Timer,
    /// Lookups that a decision needs.
    Check,
}

impl Queue {
    /// The queue's name, as it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Show => "show",
            Self::Timer => "timer",
            Self::Check => "check",
        }
    }
}

impl Effect {
    /// The queue of this effect.
    pub fn queue(&self) -> Queue {
        match self {
            Self::Apply { .. } => Queue::Apply,
            Self::ShowCard | Self::ShowRequester | Self::Announce | Self::TellOutcome | Self::Note { .. } => {
                Queue::Show
            }
            Self::Remind { .. } | Self::Escalate | Self::TimeOut => Queue::Timer,
            Self::CheckMembership { .. } => Queue::Check,
        }
    }

    /// The message of `request` that it asks for; `None` if it asks for something else.
    pub fn message(&self, request: &Request) -> Option<Part> {
        match self {
            Self::ShowCard => Some(Part::Card),
            Self::ShowRequester => Some(Part::Requester),
            Self::Announce => Some(Part::Announcement),
            Self::TellOutcome => Some(Part::Outcome { version: request.version }),
            Self::Remind { sent } => Some(Part::Reminder { sent: *sent }),
            Self::Note { note } => Some(Part::Note { note: note.clone() }),
            Self::Apply { .. } | Self::Escalate | Self::TimeOut | Self::CheckMembership { .. } => None,
        }
    }

    /// The effect's name, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Apply { .. } => "apply",
            Self::ShowCard => "show_card",
            Self::ShowRequester => "show_requester",
            Self::Announce => "announce",
            Self::TellOutcome => "tell_outcome",
            Self::Remind { .. } => "remind",
            Self::Escalate => "escalate",
            Self::Note { .. } => "note",
            Self::TimeOut => "time_out",
            Self::CheckMembership { .. } => "check_standing",
        }
    }
}
