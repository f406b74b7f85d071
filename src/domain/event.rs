//! What can happen to a request: presses of people, outcomes of effects, and time.

use serde::{Deserialize, Serialize};

use super::{
    change::{Change, CreatedUser, Reduction},
    people::{Principal, UserId},
    request::{Failure, Waiting},
    text::Reason,
};

/// Something that happened to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody pressed a button.
    ActionTaken {
        /// Who.
        by: UserId,
        /// Which button.
        action: Action,
    },
    /// The change was carried out.
    Applied(CreatedUser),
    /// The change was not carried out, for good.
    ApplyFailed(Failure),
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
    DecisionTimedOut,
    /// Those who may decide were reminded.
    Reminded {
        /// How often before.
        sent: u32,
    },
    /// Nobody has decided for so long that more people are asked.
    EscalationDue,
}

/// A button and what was given with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "press", rename_all = "snake_case")]
pub enum Action {
    /// Yes, to what the approver saw.
    Approve {
        /// The revision that they saw.
        #[serde(default = "first_revision")]
        revision: i64,
        /// What they approve less of than was asked for.
        #[serde(default)]
        reduction: Reduction,
        /// What they say about it.
        #[serde(default)]
        note: Option<Reason>,
    },
    /// The form for a review is asked for; nothing is decided yet.
    OpenReview,
    /// The form for a denial is asked for; nothing is decided yet.
    OpenDenial,
    /// No.
    Deny {
        /// Why, in the approver's words.
        reason: Reason,
    },
    /// The requester takes the request back; or an approver does, while it waits.
    Cancel,
    /// The requester asks for the form to change the request; nothing is changed yet.
    OpenEdit,
    /// The requester asks for something else.
    Edit(Box<EditedRequest>),
    /// A failed change is tried again.
    Retry,
}

impl Action {
    /// Yes to all that was asked for in this revision.
    pub fn approves(revision: i64) -> Self {
        Self::Approve { revision, reduction: Reduction::default(), note: None }
    }

    /// The press's name, as it is stored.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::OpenReview => "ask_to_review",
            Self::OpenDenial => "ask_to_deny",
            Self::Deny { .. } => "deny",
            Self::Cancel => "cancel",
            Self::OpenEdit => "ask_to_edit",
            Self::Edit(_) => "edit",
            Self::Retry => "retry",
        }
    }
}

/// What a requester asks for instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditedRequest {
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
