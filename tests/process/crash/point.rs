//! Where a run is struck: at a call of the bot, or at a message to it.

use std::fmt;

/// A scenario that is struck at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scenario {
    Approve,
    Deny,
    Cancel,
    Retry,
    NoApproval,
    /// Nobody decides until the approvers are reminded.
    Remind,
    /// Nobody decides at all.
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

/// A call of the bot: the `nth` of its name since the scenario began.
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

/// The calls that change something or that a decision rests on. What only one person is told is best effort, and no
/// part of these scenarios.
pub(crate) const MARKETO: [&str; 2] = ["allusers", "invite"];
pub(crate) const SLACK: [&str; 3] = ["views.open", "chat.postMessage", "chat.update"];

/// When the bot is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    /// SIGKILL when a call has arrived, before it is carried out.
    Before,
    /// SIGKILL when a call is carried out, before it is answered.
    Applied,
    /// SIGKILL when a call is answered, before anything of it is committed.
    Answered,
    /// SIGKILL when it is committed where a message stands, but not yet that the work is done (PostgreSQL).
    Noted,
    /// SIGKILL when a call has arrived, and once more when the next process's call of that name is carried out and not
    /// answered.
    Twice,
    /// SIGKILL when a post is carried out and not answered, and once more when the next process has searched the
    /// history for it and has no answer.
    Searched,
    /// SIGKILL when a message from Slack has arrived, before it is committed.
    Unkept,
    /// SIGKILL when a message from Slack was answered 200.
    Kept,
    /// SIGTERM when a call has arrived, which is then carried out and answered.
    TermBefore,
    /// SIGTERM when a call is carried out, which is then answered.
    TermApplied,
}

impl When {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Applied => "applied",
            Self::Answered => "answered",
            Self::Noted => "noted",
            Self::Twice => "twice",
            Self::Searched => "searched",
            Self::Unkept => "unkept",
            Self::Kept => "kept",
            Self::TermBefore => "term-before",
            Self::TermApplied => "term-applied",
        }
    }
}

/// Where a run is struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// Nowhere: how the scenario goes by itself.
    Nowhere,
    Call(Call, When),
    /// A message from Slack, by the name of what somebody does; and `expire`, the end of a request's time.
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
            Self::Message(act, when) => write!(f, "{act}/{}", when.name()),
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

    /// What people send to the bot in it, where an answer is a promise.
    pub(crate) fn acts(self) -> &'static [&'static str] {
        match self {
            Self::Approve => &["submit", "approve"],
            Self::Deny => &["submit", "deny"],
            Self::Cancel => &["submit", "cancel"],
            Self::Retry => &["submit", "approve", "retry"],
            Self::NoApproval => &["submit"],
            Self::Remind | Self::Expire => &[],
        }
    }

    /// What is set for it in the policy.
    pub(crate) fn policy(self) -> &'static str {
        match self {
            Self::Approve | Self::Deny | Self::Cancel | Self::Retry => "",
            Self::NoApproval => "approval = \"none\"\n",
            Self::Remind => "remind_after = \"3s\"\n",
            Self::Expire => "pending_timeout = \"4s\"\n",
        }
    }

    /// Whether it is struck at this call: where others tell the same, it is not.
    pub(crate) fn is_struck_at(self, call: &Call) -> bool {
        match (self, call.name.as_str()) {
            (Self::Remind, "chat.update") => call.nth == 1,
            (Self::Remind | Self::Expire, "chat.postMessage") => call.nth == 3,
            (Self::Remind | Self::Expire, name) => name == "chat.update",
            _ => true,
        }
    }

    /// Whether the bot looks in the history for what this call may have posted. What tells of a failure is not looked for
    /// any more: by then Retry is pressed.
    pub(crate) fn looks_for(self, call: &Call) -> bool {
        call.name == "chat.postMessage" && !(self == Self::Retry && call.nth == 3)
    }

    /// How many users it makes.
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

    /// What the ledger says of it.
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
