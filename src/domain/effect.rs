//! What is to be done outside because of a decision. Effects are stored with the state they follow from
//! and carried out later; how, is not known here.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    change::Change,
    event::Action,
    people::{ChannelId, UserId},
};

/// One thing to do outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Carry out the change. It carries the approved values, so that nothing read later can alter them.
    Apply {
        /// What was approved.
        change: Change,
        /// When an earlier try was made whose outcome is not known for sure.
        attempted_at: Option<Timestamp>,
    },
    /// Bring the card in the approval channel up to date, or post it.
    ShowCard,
    /// Bring the requester's direct message up to date, or post it.
    ShowRequester,
    /// Announce the created user where the command was typed.
    Announce,
    /// Tell the requester about an end that is not the wished one.
    TellOutcome,
    /// Remind the approvers in the card's thread.
    Remind {
        /// How many reminders there were before.
        #[serde(default)]
        sent: u32,
    },
    /// Ask more people, if it is still undecided.
    Escalate,
    /// Tell in the card's thread what the card will not tell for long.
    Note {
        /// What happened.
        note: Note,
    },
    /// Close the request if it is still undecided.
    TimeOut,
    /// Find out whether somebody is an approver, then take their press.
    CheckMembership {
        /// Who pressed.
        by: UserId,
        /// What.
        action: Action,
        /// Where they are told if the press counts for nothing.
        answer_in: ChannelId,
    },
}

/// Something that is told in the thread of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// Somebody agreed, and more have to.
    Approval {
        /// Who.
        by: UserId,
        /// The revision that they agreed to.
        revision: i64,
        /// How many have agreed now.
        given: u32,
        /// How many have to.
        needed: u32,
    },
    /// The request was changed; the revision with this revision says how.
    Amended {
        /// The revision that came of it.
        revision: i64,
        /// How many had agreed to what it was before.
        lapsed: u32,
    },
    /// More people are asked.
    Escalated,
}

impl Note {
    /// The name under which it stands once in its thread.
    pub fn part(&self) -> String {
        match self {
            Self::Approval { by, revision, .. } => format!("approval_{revision}_{by}"),
            Self::Amended { revision, .. } => format!("amended_{revision}"),
            Self::Escalated => "escalated".to_owned(),
        }
    }
}

/// Effects of one request that share a queue are carried out one after the other; queues do not wait for
/// each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Changes to the instance.
    Apply,
    /// Messages.
    Show,
    /// Time.
    Timer,
    /// Reads that a decision needs.
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
    /// The queue in which this effect waits.
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

/// An effect and how long it waits before it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledEffect {
    /// What to do.
    pub effect: Effect,
    /// How long after the decision.
    pub after: Duration,
}

impl ScheduledEffect {
    /// An effect that is due at once.
    pub fn now(effect: Effect) -> Self {
        Self { effect, after: Duration::ZERO }
    }

    /// An effect that is due later.
    pub fn after(effect: Effect, after: Duration) -> Self {
        Self { effect, after }
    }
}
