//! Where the bot is killed in a run: at one of its calls, or at a delivery to it.

use std::fmt;

/// What people do in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scenario {
    Approve,
    Deny,
    Cancel,
    Retry,
    NoApproval,
    /// Nobody decides until the approvers are reminded.
    Remind,
    /// Nobody decides, and the request expires.
    Expire,
}

pub(crate) const SCENARIOS: [Scenario; 7] = [
    Scenario::Approve,
    Scenario::Deny,
    Scenario::Cancel,
    Scenario::Retry,
    Scenario::NoApproval,
    Scenario::Remind,
    Scenario::Expire,
];

/// The `nth` call of its name since the scenario began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) nth: usize,
}

impl Call {
    pub(crate) fn is_to_marketo(&self) -> bool {
        MARKETO.contains(&self.name.as_str())
    }
}

/// The calls that change something or that a decision depends on. Ephemeral messages are best effort and not part of
/// these scenarios.
pub(crate) const MARKETO: [&str; 2] = ["allusers", "invite"];
pub(crate) const SLACK: [&str; 3] = ["views.open", "chat.postMessage", "chat.update"];

/// When the bot is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    /// SIGKILL when a call has arrived, before it is executed.
    Before,
    /// SIGKILL when a call is executed, before it is answered.
    Executed,
    /// SIGKILL when a call is answered, before anything of it is committed.
    Answered,
    /// SIGKILL when a call has arrived, and again when the next process's call of that name is executed and not yet
    /// answered.
    Twice,
    /// SIGKILL when a post is executed and not answered, and again when the next process has searched the history for it
    /// and has no answer.
    Searched,
    /// SIGKILL when a delivery has arrived, before it is committed.
    Uncommitted,
    /// SIGKILL when a delivery was answered with 200.
    Acknowledged,
    /// SIGTERM when a call has arrived, which is then executed and answered.
    TermBefore,
    /// SIGTERM when a call is executed, which is then answered.
    TermApplied,
}

impl When {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Executed => "applied",
            Self::Answered => "answered",
            Self::Twice => "twice",
            Self::Searched => "searched",
            Self::Uncommitted => "unkept",
            Self::Acknowledged => "kept",
            Self::TermBefore => "term-before",
            Self::TermApplied => "term-applied",
        }
    }
}

/// Where the bot is killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// Nowhere: the undisturbed run.
    Nowhere,
    Call(Call, When),
    /// A delivery, by the name of the person's action; and `expire`, the timeout of the request.
    Message(&'static str, When),
}

impl Point {
    pub(crate) fn is_at_marketo(&self) -> bool {
        matches!(self, Self::Call(call, _) if call.is_to_marketo())
    }

    pub(crate) fn when(&self) -> &'static str {
        match self {
            Self::Nowhere => "-",
            Self::Call(_, when) | Self::Message(_, when) => when.name(),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("nowhere"),
            Self::Call(Call { name, nth }, when) => write!(f, "{name}#{nth}/{}", when.name()),
            Self::Message(action, when) => write!(f, "{action}/{}", when.name()),
        }
    }
}

impl Scenario {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::NoApproval => "no-approval",
            Self::Remind => "remind",
            Self::Expire => "expire",
        }
    }

    /// The actions in it whose acknowledgment is a promise.
    pub(crate) fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Approve => &["submit", "approve"],
            Self::Deny => &["submit", "deny"],
            Self::Cancel => &["submit", "cancel"],
            Self::Retry => &["submit", "approve", "retry"],
            Self::NoApproval => &["submit"],
            Self::Remind | Self::Expire => &[],
        }
    }

    /// Its settings in the policy.
    pub(crate) fn policy(self) -> &'static str {
        match self {
            Self::Approve | Self::Deny | Self::Cancel | Self::Retry => "",
            Self::NoApproval => "approval = \"none\"\n",
            Self::Remind => "remind_after = \"3s\"\n",
            Self::Expire => "pending_timeout = \"4s\"\n",
        }
    }

    /// Whether the bot is killed at this call: not where other scenarios cover the same.
    pub(crate) fn is_killed_at(self, call: &Call) -> bool {
        match (self, call.name.as_str()) {
            (Self::Remind, "chat.update") => call.nth == 1,
            (Self::Remind | Self::Expire, "chat.postMessage") => call.nth == 3,
            (Self::Remind | Self::Expire, name) => name == "chat.update",
            _ => true,
        }
    }

    /// Whether the bot searches the history for what this call may have posted. It does not for the message about a
    /// failure: Retry is clicked by then.
    pub(crate) fn looks_for(self, call: &Call) -> bool {
        call.name == "chat.postMessage" && !(self == Self::Retry && call.nth == 3)
    }

    /// How many users it creates.
    pub(crate) fn users(self) -> usize {
        match self {
            Self::Approve | Self::Retry | Self::NoApproval => 1,
            Self::Deny | Self::Cancel | Self::Remind | Self::Expire => 0,
        }
    }

    /// The state in which its request ends.
    pub(crate) fn state(self) -> &'static str {
        match self {
            Self::Approve | Self::Retry | Self::NoApproval => "done",
            Self::Deny => "denied",
            Self::Cancel | Self::Remind => "cancelled",
            Self::Expire => "timed_out",
        }
    }

    /// Its ledger entries.
    pub(crate) fn entries(self) -> &'static [&'static str] {
        match self {
            Self::Approve => &["submitted", "approved", "applied"],
            Self::Deny => &["submitted", "denied"],
            Self::Cancel | Self::Remind => &["submitted", "cancelled"],
            Self::Expire => &["submitted", "timed_out"],
            Self::Retry => &["submitted", "approved", "not_applied", "retried", "applied"],
            Self::NoApproval => &["submitted", "applied"],
        }
    }

    /// The messages that the bot has posted for it, in alphabetical order.
    pub(crate) fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Approve => &["card", "created", "requester"],
            Self::Deny | Self::Expire => &["card", "outcome", "requester"],
            Self::Cancel => &["card", "requester"],
            Self::Retry => &["card", "created", "outcome", "requester"],
            Self::NoApproval => &["created", "requester"],
            Self::Remind => &["card", "reminder", "requester"],
        }
    }

    /// How many messages there are in the end: cards, direct messages, and where the command was typed.
    pub(crate) fn messages_due(self) -> [usize; 3] {
        let count = |places: &[&str]| self.parts().iter().filter(|&part| places.contains(part)).count();
        [count(&["card", "reminder"]), count(&["requester", "outcome"]), count(&["created"])]
    }

    /// The words that the card, or without one the direct message, ends with.
    pub(crate) fn last_words(self) -> &'static str {
        match self {
            Self::Approve | Self::Retry | Self::NoApproval => "The user is created in Marketo.",
            Self::Deny => "Denied",
            Self::Cancel | Self::Remind => "Cancelled",
            Self::Expire => "Expired",
        }
    }
}
