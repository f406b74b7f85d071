//! The kinds of change that people can request. [`Change`] answers every question that the approval core, the policy and
//! the store ask about a change; each answer is a `match` without a wildcard arm, so that a new kind does not compile
//! until it has all of them. What only one kind knows is in its own file.
//!
//! This module must not know who approves a change, how it is shown, or how it is applied.

pub mod create_user;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::create_user::{CreateUser, CreatedUser};
use super::{expiration::Expiration, text::Email};

/// A change to the users of a Marketo instance, complete enough to be applied as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Create an API-only user.
    CreateUser(CreateUser),
}

/// What the conditions of a policy rule can test in a change. A condition on something that the change does not have is
/// not met.
#[derive(Clone, Copy, Debug)]
pub struct RuleFacts<'a> {
    /// The name of the Marketo instance.
    pub instance: &'a str,
    /// The role that the user gets.
    pub role: Option<&'a Named>,
    /// The workspace that the user gets the role in.
    pub workspace: Option<&'a Named>,
    /// The user's email.
    pub email: &'a Email,
}

/// An entry of a Marketo instance that has an id and a name, such as a role. Compare ids; names can collide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Marketo's id.
    pub id: i64,
    /// The name when the request was made, for display.
    pub name: String,
}

impl Named {
    /// Whether a policy entry refers to it: by id, or by name, ignoring case.
    pub fn matches_entry(&self, entry: &str) -> bool {
        entry.parse() == Ok(self.id) || entry.trim().to_lowercase() == self.name.trim().to_lowercase()
    }
}

/// What an approver changes before approving. Absent fields stay as requested.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduction {
    /// Another role.
    #[serde(default)]
    pub role: Option<Named>,
    /// Another workspace.
    #[serde(default)]
    pub workspace: Option<Named>,
    /// An earlier expiration.
    #[serde(default)]
    pub expiration: Option<Expiration>,
}

impl Reduction {
    /// Whether everything stays as requested.
    pub fn is_empty(&self) -> bool {
        self.role.is_none() && self.workspace.is_none() && self.expiration.is_none()
    }
}

/// A field of a change, or the reason for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// The Marketo instance.
    Instance,
    /// The email.
    Email,
    /// The first name.
    FirstName,
    /// The last name.
    LastName,
    /// The role.
    Role,
    /// The workspace.
    Workspace,
    /// When access expires.
    Expiration,
    /// The reason.
    Reason,
    /// Whether the user can use the API only.
    ApiOnly,
}

/// A field before and after a revision. `None` stands for an empty field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The field.
    pub detail: Detail,
    /// The old value.
    pub before: Option<String>,
    /// The new value.
    pub after: Option<String>,
}

impl Change {
    /// The kind of change, as it is stored and logged.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CreateUser(_) => "create_user",
        }
    }

    /// The name of the instance that is changed.
    pub fn instance(&self) -> &str {
        match self {
            Self::CreateUser(user) => &user.instance,
        }
    }

    /// The user that is changed. Two open requests with the same instance and key conflict.
    pub fn subject_key(&self) -> String {
        match self {
            Self::CreateUser(user) => user.email.key(),
        }
    }

    /// What policy rules can test.
    pub fn rule_facts(&self) -> RuleFacts<'_> {
        match self {
            Self::CreateUser(user) => user.rule_facts(),
        }
    }

    /// When the requested access expires; `None`: never.
    pub fn expiration(&self) -> Option<&Expiration> {
        match self {
            Self::CreateUser(user) => user.expiration.as_ref(),
        }
    }

    /// Whether the requested access has already expired, so that applying the change makes no sense.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expiration().is_some_and(|expiration| expiration.at() <= now)
    }

    /// The fields in which `after` differs.
    pub fn differences(&self, after: &Self) -> Vec<Difference> {
        match self {
            Self::CreateUser(before) => match after {
                Self::CreateUser(after) => before.differences(after),
            },
        }
    }

    /// The change with an approver's reduction applied.
    pub fn reduced(&self, reduction: &Reduction) -> Self {
        match self {
            Self::CreateUser(user) => Self::CreateUser(user.reduced(reduction)),
        }
    }

    /// Whether `reduced`, made by [`Change::reduced`], grants more than this change. `max_access` is the longest access
    /// that the policy allows for `reduced`.
    pub fn is_exceeded_by(&self, reduced: &Self, now: Timestamp, max_access: SignedDuration) -> bool {
        match self {
            Self::CreateUser(user) => match reduced {
                Self::CreateUser(reduced) => user.is_exceeded_by(reduced, now, max_access),
            },
        }
    }
}
