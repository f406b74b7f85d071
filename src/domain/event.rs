//! What can happen to a request: actions of people, results of effects, and the passing of time.

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
    /// Somebody clicked a button or submitted a form.
    ActionTaken {
        /// Who.
        by: UserId,
        /// The action.
        action: Action,
    },
    /// The change was applied.
    Applied(CreatedUser),
    /// Applying the change failed permanently.
    ApplyFailed(Failure),
    /// The change has to wait.
    Delayed(Waiting),
    /// The change no longer waits.
    Resumed,
    /// The card was never posted, and Slack refuses it for good.
    CardLost {
        /// Slack's error code.
        detail: String,
    },
    /// The time has come to see what is due, or the policy has changed.
    Woken,
}

/// A button or a submitted form, with its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "press", rename_all = "snake_case")]
pub enum Action {
    /// Approve what the approver saw.
    Approve {
        /// The revision that they saw.
        #[serde(default = "first_revision")]
        revision: i64,
        /// What they changed.
        #[serde(rename = "narrowing", default)]
        reduction: Reduction,
        /// Their note.
        #[serde(default)]
        note: Option<Reason>,
    },
    /// Open the review form; decides nothing.
    #[serde(rename = "ask_to_review")]
    OpenReview,
    /// Open the denial form; decides nothing.
    #[serde(rename = "ask_to_deny")]
    OpenDenial,
    /// Deny the request.
    Deny {
        /// The approver's reason.
        reason: Reason,
    },
    /// Cancel the request: the requester, or an approver while the change is waiting.
    Cancel,
    /// Open the requester's form to edit the request; changes nothing.
    #[serde(rename = "ask_to_edit")]
    OpenEdit,
    /// Edit the request.
    Edit(Box<EditedRequest>),
    /// Retry a failed change.
    Retry,
}

impl Action {
    /// An approval of this revision as it is.
    pub fn approves(revision: i64) -> Self {
        Self::Approve { revision, reduction: Reduction::default(), note: None }
    }

    /// The action's name, as it is stored.
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

/// An edited request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditedRequest {
    /// The revision that they saw.
    pub revision: i64,
    /// The requested change.
    pub change: Change,
    /// The requester's reason.
    pub reason: Option<Reason>,
    /// The groups and channels named in rules that the requester is in.
    pub memberships: Vec<Principal>,
}

/// Earlier versions stored no revision with a button.
fn first_revision() -> i64 {
    1
}
