//! A request and its state. Each state holds exactly its own data, so that no two fields can contradict each other.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    change::{Change, CreatedUser, Difference, Reduction},
    people::{ChannelId, Principal, RequestId, UserId},
    text::Reason,
};

/// A request for a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The id.
    pub id: RequestId,
    /// Incremented with every change of state.
    pub version: i64,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// The requester.
    pub requester: UserId,
    /// The channel in which the command was used; the result is announced there.
    pub origin: ChannelId,
    /// The channel of the approval card; `None` if no approval is needed.
    pub approval_channel: Option<ChannelId>,
    /// The requested change.
    pub change: Change,
    /// The requester's reason.
    pub reason: Option<Reason>,
    /// The groups and channels named in rules that the requester was in at submission.
    #[serde(default)]
    pub memberships: Vec<Principal>,
    /// Incremented with every revision. An approval is for one revision.
    #[serde(default = "first")]
    pub revision: i64,
    /// What has changed since the submission, oldest first.
    #[serde(rename = "amendments", default)]
    pub revisions: Vec<Revision>,
    /// When the approvers were last asked again after a failure; `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_again: Option<AskedAgain>,
    /// The state.
    pub state: State,
}

/// That the approvers were asked again, because a retry needed a new approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedAgain {
    /// When.
    pub at: Timestamp,
    /// The version of the request before.
    pub version: i64,
    /// Why the approval before no longer holds.
    pub lapse: ApprovalLapse,
    /// When the first attempt with an unknown outcome was made under the approval before. `None` if there was none.
    pub attempted_at: Option<Timestamp>,
}

/// Why an approval no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalLapse {
    /// It was given too long ago.
    TooOld,
    /// Today's policy requires other or more approvals, or does not allow the request as it is.
    PolicyChanged,
}

impl Request {
    /// Since when the approvers have been asked: since the submission, or since they were asked again.
    pub fn asked_since(&self) -> Timestamp {
        self.asked_again.as_ref().map_or(self.created_at, |asked| asked.at)
    }

    /// Since when the approvers have been asked for what the request asks now.
    pub fn unchanged_since(&self) -> Timestamp {
        let last = self.revisions.iter().rfind(|revision| !revision.differences.is_empty());
        last.map_or(self.created_at, |revision| revision.at).max(self.asked_since())
    }

    /// When an attempt before the approvers were asked again may have created the user.
    pub fn attempted_at(&self) -> Option<Timestamp> {
        self.asked_again.as_ref()?.attempted_at
    }

    /// The number of a reminder in the thread of the card, `sent` others after the approvers were asked. Each has its own:
    /// there are fewer reminders than versions.
    pub fn reminder(&self, sent: u32) -> u32 {
        let before = self.asked_again.as_ref().map_or(0, |asked| asked.version);
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(sent)
    }

    /// The request with an approver's reduction applied.
    pub fn reduced(&self, reduction: &Reduction) -> Self {
        Self { change: self.change.reduced(reduction), ..self.clone() }
    }
}

fn first() -> i64 {
    1
}

/// A revision of a request, or an approver's note on an unchanged one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The requester who edited it, or the approver who reduced it.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// The resulting revision.
    pub revision: i64,
    /// The changed fields; empty if only a note was added.
    pub differences: Vec<Difference>,
    /// The approver's note.
    pub note: Option<Reason>,
    /// How many approvals of the previous revision were reset.
    #[serde(rename = "lapsed", default)]
    pub reset_approvals: u32,
}

/// One approval of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalGiven {
    /// Who.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
}

/// The reminders of a pending request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminders {
    /// How many there were.
    pub sent: u32,
    /// When the last one was due; `None` if there was none, or only by an earlier version, which did not store it.
    pub last_at: Option<Timestamp>,
}

/// The state of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Waiting for approvals.
    Pending {
        /// The approvals of the current revision.
        #[serde(default)]
        approvals: Vec<ApprovalGiven>,
        /// Whether additional approvers have been asked. Whether they can decide follows from the current policy.
        #[serde(default)]
        is_escalated: bool,
        /// The reminders of the approvers.
        #[serde(default)]
        reminders: Reminders,
    },
    /// Approved; the change is being applied.
    Applying {
        /// Who approved and when.
        approved: Approved,
        /// Why the change is waiting, if it is.
        waiting: Option<Waiting>,
    },
    /// The change has been applied.
    Done {
        /// Who approved and when.
        approved: Approved,
        /// The resulting user.
        user: CreatedUser,
        /// When it was applied.
        at: Timestamp,
    },
    /// The change was not applied, and will not be unless somebody retries it.
    Failed {
        /// Who approved and when; `None` if it failed before that.
        approved: Option<Approved>,
        /// What went wrong.
        failure: Failure,
        /// When.
        at: Timestamp,
    },
    /// Denied by an approver.
    Denied {
        /// Who.
        by: UserId,
        /// Their reason.
        reason: Reason,
        /// When.
        at: Timestamp,
    },
    /// Cancelled by the requester, or by an approver while the change was waiting.
    Cancelled {
        /// Who; `None` in requests of earlier versions, where it is the requester.
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
    /// The initial state of a request that needs an approval.
    pub fn pending() -> Self {
        Self::Pending { approvals: Vec::new(), is_escalated: false, reminders: Reminders::default() }
    }

    /// Whether the request can still lead to a change without a retry. Only one request about a user can be open.
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

/// A complete approval, with as many approvers as the policy requires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// The approvers, in order; empty if no approval was needed.
    #[serde(deserialize_with = "one_or_several")]
    pub by: Vec<UserId>,
    /// When.
    pub at: Timestamp,
}

/// Earlier versions stored one person, or null.
fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<UserId>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Several(Vec<UserId>),
        One(Option<UserId>),
    }
    Ok(match Stored::deserialize(deserializer)? {
        Stored::Several(several) => several,
        Stored::One(one) => one.into_iter().collect(),
    })
}

/// Why an approved change is not being applied right now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The cause.
    pub cause: WaitCause,
    /// When it will be retried.
    pub until: Timestamp,
    /// Whether an attempt without an answer may have applied the change. Then it cannot be cancelled. `true` for requests
    /// of earlier versions, which did not store it.
    #[serde(default = "may_be_applied")]
    pub may_be_applied: bool,
}

fn may_be_applied() -> bool {
    true
}

/// What an approved change waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitCause {
    /// The instance's daily API quota is used up.
    Quota,
    /// The instance does not respond, or is busy.
    Unavailable,
}

/// Why a change was not applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of failure, from which the way to fix it follows.
    pub kind: FailureKind,
    /// The instance's error message, for the person who fixes it; may be empty.
    pub detail: String,
    /// What the instance shows otherwise than approved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// When the first attempt with an unknown outcome was made: a user that shows up later may be ours. `None` if the
    /// change certainly was not applied.
    pub attempted_at: Option<Timestamp>,
}

impl Failure {
    /// A failure of which only the kind is known; nothing was attempted.
    pub fn new(kind: FailureKind) -> Self {
        Self { kind, detail: String::new(), differences: Vec::new(), attempted_at: None }
    }
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Another user with this email exists.
    Taken,
    /// Another user, whose email differs, logs in with this email.
    LoginTaken,
    /// Another instance has a user with this email, which must be unique across all instances.
    TakenElsewhere,
    /// The requested instance is no longer configured.
    InstanceGone,
    /// A user exists after our attempt, but differs from what was approved.
    Mismatch,
    /// The bot's API user lacks a permission, or its address is not in an allow-list.
    AccessDenied,
    /// The instance does not accept the bot's credentials.
    Credentials,
    /// The instance or the endpoint does not exist.
    Configuration,
    /// The instance rejected these values.
    Rejected,
    /// The instance answered several times without creating the user, and its answers are not documented.
    Declined,
    /// The instance was unreachable or busy until the bot gave up.
    Unavailable,
    /// The card could not be posted, so that nobody could approve.
    CardUndeliverable,
    /// Access would have expired before the change was applied.
    ExpirationPassed,
}

impl FailureKind {
    /// Whether a retry can succeed once somebody has fixed the cause.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::AccessDenied
            | Self::Credentials
            | Self::Configuration
            | Self::InstanceGone
            | Self::Mismatch
            | Self::Declined
            | Self::Unavailable => true,
            Self::Taken
            | Self::LoginTaken
            | Self::TakenElsewhere
            | Self::Rejected
            | Self::CardUndeliverable
            | Self::ExpirationPassed => false,
        }
    }
}
