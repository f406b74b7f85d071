//! One request and its state. A state holds exactly its own data, so that nothing can contradict it.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    change::{Change, CreatedUser, Difference, Reduction},
    people::{ChannelId, Principal, RequestId, UserId},
    text::Reason,
};

/// A request for a change, from its submission to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// Grows by one with every change of state.
    pub version: i64,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// Who asks.
    pub requester: UserId,
    /// Where the command was typed; the result is announced there.
    pub origin: ChannelId,
    /// Where the card is shown; absent when no approval is needed.
    pub approval_channel: Option<ChannelId>,
    /// What is asked for.
    pub change: Change,
    /// Why.
    pub reason: Option<Reason>,
    /// Which of the groups and channels that rules name the requester was in when they asked.
    #[serde(default)]
    pub memberships: Vec<Principal>,
    /// Grows by one with every change of what is asked for. Who approves, approves one revision.
    #[serde(default = "first")]
    pub revision: i64,
    /// How what is asked for has changed, oldest first.
    #[serde(default)]
    pub revisions: Vec<Revision>,
    /// How far it has come.
    pub state: State,
}

impl Request {
    /// The same request for less.
    pub fn reduced(&self, narrowing: &Reduction) -> Self {
        Self { change: self.change.reduced(narrowing), ..self.clone() }
    }
}

fn first() -> i64 {
    1
}

/// A change of what is asked for, or what an approver said when they approved it as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Who changed it: the requester, or an approver who reduced it.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// The revision that came of it.
    pub revision: i64,
    /// What is different; empty where nothing is.
    pub differences: Vec<Difference>,
    /// What an approver said about it.
    pub note: Option<Reason>,
    /// How many had agreed to what it was before.
    #[serde(default)]
    pub lapsed: u32,
}

/// One approval of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalGiven {
    /// Who.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
}

/// How far a request has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Waits for approvers.
    Pending {
        /// Who has agreed to the present revision.
        #[serde(default)]
        approvals: Vec<ApprovalGiven>,
        /// Whether more people were asked, since nobody decided for long.
        #[serde(default)]
        is_escalated: bool,
    },
    /// Approved; the change is being carried out.
    Applying {
        /// Who approved and when.
        approved: Approved,
        /// Why nothing happens at the moment, if the instance makes it wait.
        waiting: Option<Waiting>,
    },
    /// The change is carried out.
    Done {
        /// Who approved and when.
        approved: Approved,
        /// What came of it.
        user: CreatedUser,
        /// When it was carried out.
        at: Timestamp,
    },
    /// The change was not carried out, and will not be unless somebody tries again.
    Failed {
        /// Who approved and when; absent when it failed before anybody could.
        approved: Option<Approved>,
        /// What went wrong.
        failure: Failure,
        /// When.
        at: Timestamp,
    },
    /// An approver said no.
    Denied {
        /// Who.
        by: UserId,
        /// Why, in their words.
        reason: Reason,
        /// When.
        at: Timestamp,
    },
    /// The requester took it back, or an approver did while it waited.
    Cancelled {
        /// Who; absent in what earlier versions wrote: the requester.
        #[serde(default)]
        by: Option<UserId>,
        /// When.
        at: Timestamp,
    },
    /// Nobody decided in time.
    TimedOut {
        /// When.
        at: Timestamp,
    },
}

impl State {
    /// The state in which a request waits for its first approval.
    pub fn pending() -> Self {
        Self::Pending { approvals: Vec::new(), is_escalated: false }
    }

    /// Whether the request can still lead to a change by itself: another one for the same user must wait.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Pending { .. } | Self::Applying { .. } => true,
            Self::Done { .. }
            | Self::Failed { .. }
            | Self::Denied { .. }
            | Self::Cancelled { .. }
            | Self::TimedOut { .. } => false,
        }
    }

    /// The state's name, as it is stored and logged.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Applying { .. } => "applying",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Denied { .. } => "denied",
            Self::Cancelled { .. } => "cancelled",
            Self::TimedOut { .. } => "timed_out",
        }
    }
}

/// An approval, by as many as the policy wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// Who approved, in order; empty when the policy asks nobody.
    #[serde(deserialize_with = "several")]
    pub by: Vec<UserId>,
    /// When.
    pub at: Timestamp,
}

/// Earlier versions wrote one person, or null.
fn several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<UserId>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Several(Vec<UserId>),
        One(Option<UserId>),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Several(several) => several,
        Written::One(one) => one.into_iter().collect(),
    })
}

/// Why an approved change is not being carried out right now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The cause.
    pub cause: WaitCause,
    /// When it will be tried again.
    pub until: Timestamp,
    /// Whether the change may have been carried out already, by a try without an answer. Then nobody can cancel. Where
    /// nothing is written about it, as earlier versions did not, it may.
    #[serde(default = "may_be")]
    pub may_be_applied: bool,
}

fn may_be() -> bool {
    true
}

/// What an approved change waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitCause {
    /// The instance takes no more calls today.
    Quota,
    /// The instance does not answer, or answers that it is busy.
    Unavailable,
}

/// Why a change was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind, which decides what to do about it.
    pub kind: FailureKind,
    /// The instance's own words or the facts found, for the person who mends it; may be empty.
    pub detail: String,
    /// When the change was first attempted with an outcome that is not known for sure: a user found later
    /// may be our own. Absent when it certainly was not carried out.
    pub attempted_at: Option<Timestamp>,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Somebody else made a user with this e-mail in the meantime.
    Taken,
    /// Another instance has a user with this e-mail, which must be unique across all instances.
    TakenElsewhere,
    /// The instance that was asked for is not configured any more.
    InstanceGone,
    /// A user was found after our attempt, but it is not what was approved.
    Mismatch,
    /// The bot's own API user lacks a permission, or an allow-list keeps it out.
    AccessDenied,
    /// The instance does not accept the bot's credentials.
    Credentials,
    /// The instance or the endpoint does not exist.
    Configuration,
    /// The instance refused these values.
    Rejected,
    /// The instance could not be reached, or stayed busy, until the bot gave up.
    Unavailable,
    /// The card could not be posted, so nobody could have approved.
    CardUndeliverable,
    /// The chosen end of access has passed before the change was carried out.
    ExpirationPassed,
}

impl FailureKind {
    /// Whether trying the same request again can succeed once somebody has mended the cause.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::AccessDenied
            | Self::Credentials
            | Self::Configuration
            | Self::InstanceGone
            | Self::Unavailable => true,
            Self::Taken
            | Self::TakenElsewhere
            | Self::Mismatch
            | Self::Rejected
            | Self::CardUndeliverable
            | Self::ExpirationPassed => false,
        }
    }
}
