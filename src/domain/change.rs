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

impl Change {
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
