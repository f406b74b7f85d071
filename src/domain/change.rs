//! What may be asked for. The approval core carries a change without looking into it; extending and
//! deleting a user will join here.

use serde::{Deserialize, Serialize};

use super::{
    expiration::Expiration,
    text::{Email, PersonName},
};

/// A change to the users of an instance, complete enough to be carried out as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A new API-only user.
    CreateUser(CreateUser),
}

/// A new API-only user, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateUser {
    /// The name of the instance in the configuration.
    pub instance: String,
    /// The login and address of the user.
    pub email: Email,
    /// First name.
    pub first_name: PersonName,
    /// Last name.
    pub last_name: PersonName,
    /// The role that the user gets.
    pub role: Named,
    /// The workspace in which the role holds.
    pub workspace: Named,
    /// When access ends; absent: never.
    pub expiration: Option<Expiration>,
}

/// Something of the instance with an id and a name, such as a role. The id decides, the name is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The instance's id.
    pub id: i64,
    /// The name at the time of asking.
    pub name: String,
}

impl Named {
    /// Whether an entry of a policy means it: by id, or by name without regard to case.
    pub fn matches_entry(&self, entry: &str) -> bool {
        entry.parse() == Ok(self.id) || entry.trim().to_lowercase() == self.name.trim().to_lowercase()
    }
}

/// What an approver leaves of a change: what is absent stays as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduction {
    /// Another role.
    #[serde(default)]
    pub role: Option<Named>,
    /// Another workspace.
    #[serde(default)]
    pub workspace: Option<Named>,
    /// An earlier end of access.
    #[serde(default)]
    pub expiration: Option<Expiration>,
}

impl Reduction {
    /// Whether everything stays as it was asked for.
    pub fn is_empty(&self) -> bool {
        self.role.is_none() && self.workspace.is_none() && self.expiration.is_none()
    }
}

/// Something that a change, or the reason for it, tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// The instance.
    Instance,
    /// The e-mail.
    Email,
    /// The first name.
    FirstName,
    /// The last name.
    LastName,
    /// The role.
    Role,
    /// The workspace.
    Workspace,
    /// When access ends.
    Expiration,
    /// Why.
    Reason,
}

/// What one detail was and what it is. An absent text is one that was not given: no end of access, no reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Which detail.
    pub detail: Detail,
    /// What it was.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

impl Change {
    /// The same change with less in it.
    pub fn reduced(&self, narrowing: &Reduction) -> Self {
        let Self::CreateUser(user) = self;
        let Reduction { role, workspace, expiration } = narrowing.clone();
        Self::CreateUser(CreateUser {
            role: role.unwrap_or_else(|| user.role.clone()),
            workspace: workspace.unwrap_or_else(|| user.workspace.clone()),
            expiration: expiration.or_else(|| user.expiration.clone()),
            ..user.clone()
        })
    }

    /// What is different in `other`.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let (Self::CreateUser(one), Self::CreateUser(other)) = (self, other);
        let ends = |user: &CreateUser| user.expiration.as_ref().map(|end| end.date().to_string());
        // What has an id may be called the same and be another nevertheless.
        let details = |user: &CreateUser| {
            [
                (Detail::Instance, None, Some(user.instance.clone())),
                (Detail::Email, None, Some(user.email.as_str().to_owned())),
                (Detail::FirstName, None, Some(user.first_name.as_str().to_owned())),
                (Detail::LastName, None, Some(user.last_name.as_str().to_owned())),
                (Detail::Role, Some(user.role.id), Some(user.role.name.clone())),
                (Detail::Workspace, Some(user.workspace.id), Some(user.workspace.name.clone())),
                (Detail::Expiration, None, ends(user)),
            ]
        };
        let pairs = details(one).into_iter().zip(details(other));
        pairs
            .filter(|(before, after)| before != after)
            .map(|((detail, _, before), (_, _, after))| Difference { detail, before, after })
            .collect()
    }

    /// The name of the instance that the change is for.
    pub fn instance(&self) -> &str {
        match self {
            Self::CreateUser(user) => &user.instance,
        }
    }

    /// The user that the change is about, in the form under which two open requests collide.
    pub fn subject_key(&self) -> String {
        match self {
            Self::CreateUser(user) => user.email.key(),
        }
    }

    /// When the access that is asked for ends.
    pub fn expiration(&self) -> Option<&Expiration> {
        match self {
            Self::CreateUser(user) => user.expiration.as_ref(),
        }
    }
}

/// The user that came of a change, as the instance shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedUser {
    /// The instance's user id: the e-mail or a GUID. Absent when the instance confirmed the creation but
    /// does not show the user yet.
    pub user_id: Option<String>,
}
