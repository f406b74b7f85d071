//! What can happen to a request: presses of people, outcomes of effects, and time.

use serde::{Deserialize, Serialize};

use super::{
    change::{Change, CreatedUser, Narrowing},
    people::{Principal, UserId},
    request::{Failure, Waiting},
    text::Reason,
};

/// Something that happened to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody pressed a button.
    Pressed {
        /// Who.
        by: UserId,
        /// Which button.
        press: Press,
    },
    /// The change was carried out.
    Applied(CreatedUser),
    /// The change was not carried out, for good.
    NotApplied(Failure),
    /// The change has to wait.
    Waits(Waiting),
    /// The change need not wait any more.
    Resumed,
    /// The card could not be posted, for good.
    CardLost {
        /// What Slack said.
        detail: String,
    },
    /// The card is no longer where it was posted.
    CardGone,
    /// The time for a decision is over.
    TimeIsUp,
    /// Those who may decide were reminded.
    Reminded {
        /// How often before.
        sent: u32,
    },
    /// Nobody has decided for so long that more people are asked.
    EscalationIsDue,
}

/// A button and what was given with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "press", rename_all = "snake_case")]
pub enum Press {
    /// Yes, to what the approver saw.
    Approve {
        /// The revision that they saw.
        #[serde(default = "first_revision")]
        revision: i64,
        /// What they approve less of than was asked for.
        #[serde(default)]
        narrowing: Narrowing,
        /// What they say about it.
        #[serde(default)]
        note: Option<Reason>,
    },
    /// The form for a review is asked for; nothing is decided yet.
    AskToReview,
    /// The form for a denial is asked for; nothing is decided yet.
    AskToDeny,
    /// No.
    Deny {
        /// Why, in the approver's words.
        reason: Reason,
    },
    /// The requester takes the request back; or an approver does, while it waits.
    Cancel,
    /// The requester asks for the form to change the request; nothing is changed yet.
    AskToEdit,
    /// The requester asks for something else.
    Edit(Box<Edited>),
    /// A failed change is tried again.
    Retry,
}

impl Press {
    /// Yes to all that was asked for in this revision.
    pub fn approves(revision: i64) -> Self {
        Self::Approve { revision, narrowing: Narrowing::default(), note: None }
    }

    /// The press's name, as it is stored.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::AskToReview => "ask_to_review",
            Self::AskToDeny => "ask_to_deny",
            Self::Deny { .. } => "deny",
            Self::Cancel => "cancel",
            Self::AskToEdit => "ask_to_edit",
            Self::Edit(_) => "edit",
            Self::Retry => "retry",
        }
    }
}

/// What a requester asks for instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// The revision that they saw.
    pub revision: i64,
    /// The change.
    pub change: Change,
    /// Why.
    pub reason: Option<Reason>,
    /// Which of the groups and channels that rules name they are in.
    pub memberships: Vec<Principal>,
}

/// What a button without a revision, as earlier versions wrote it, was about.
fn first_revision() -> i64 {
    1
}
