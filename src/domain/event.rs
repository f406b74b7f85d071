//! What can happen to a request: presses of people, outcomes of effects, and time.

use serde::{Deserialize, Serialize};

use super::{
    change::CreatedUser,
    people::{Standing, UserId},
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
        /// Whether they are an approver by today's policy.
        standing: Standing,
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
}

/// A button and what was given with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "press", rename_all = "snake_case")]
pub enum Press {
    /// Yes.
    Approve,
    /// The form for a denial is asked for; nothing is decided yet.
    AskToDeny,
    /// No.
    Deny {
        /// Why, in the approver's words.
        reason: Reason,
    },
    /// The requester takes the request back; or an approver does, while it waits.
    Cancel,
    /// A failed change is tried again.
    Retry,
}
