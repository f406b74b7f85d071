//! Creating an API-only user: the fields, and the answers to the questions of [`Change`](super::Change).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Detail, Difference, Named, Reduction, RuleFacts};
use crate::domain::{
    expiration::Expiration,
    text::{Email, PersonName},
};

/// The requested API-only user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateUser {
    /// The name of the Marketo instance in the configuration.
    pub instance: String,
    /// The user's login and address.
    pub email: Email,
    /// First name.
    pub first_name: PersonName,
    /// Last name.
    pub last_name: PersonName,
    /// The role that the user gets.
    pub role: Named,
    /// The workspace that the user gets the role in.
    pub workspace: Named,
    /// When access expires; `None`: never.
    pub expiration: Option<Expiration>,
}

/// The created user, as the instance shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedUser {
    /// Marketo's user id: the email or a GUID. `None` if the instance confirmed the creation but does not list the user
    /// yet.
    pub user_id: Option<String>,
    /// What the instance shows otherwise than approved, though it confirmed the creation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

impl CreatedUser {
    /// A user that is shown as approved.
    pub fn new(user_id: Option<String>) -> Self {
        Self { user_id, differences: Vec::new() }
    }
}

impl CreateUser {
    pub(super) fn rule_facts(&self) -> RuleFacts<'_> {
        let Self { instance, email, role, workspace, .. } = self;
        RuleFacts { instance, role: Some(role), workspace: Some(workspace), email }
    }

    pub(in crate::domain) fn reduced(&self, reduction: &Reduction) -> Self {
        let Reduction { role, workspace, expiration } = reduction.clone();
        Self {
            role: role.unwrap_or_else(|| self.role.clone()),
            workspace: workspace.unwrap_or_else(|| self.workspace.clone()),
            expiration: expiration.or_else(|| self.expiration.clone()),
            ..self.clone()
        }
    }

    /// Access may only expire earlier. Where the requested expiration has passed, or there is none, the limit is the
    /// one for a new request. A role or workspace exceeds nothing by itself: the policy decides who may approve it.
    pub(super) fn is_exceeded_by(&self, reduced: &Self, now: Timestamp, max_access: SignedDuration) -> bool {
        let Some(after) = &reduced.expiration else { return false };
        match &self.expiration {
            Some(before) if before == after => false,
            Some(before) if before.at() > now => after.at() > before.at(),
            Some(_) | None => after.date() > Expiration::last_day(after.zone(), now, max_access),
        }
    }

    pub(super) fn differences(&self, after: &Self) -> Vec<Difference> {
        // Roles and workspaces also differ by id, since names can collide.
        let fields = |user: &Self| {
            [
                (Detail::Instance, None, Some(user.instance.clone())),
                (Detail::Email, None, Some(user.email.as_str().to_owned())),
                (Detail::FirstName, None, Some(user.first_name.as_str().to_owned())),
                (Detail::LastName, None, Some(user.last_name.as_str().to_owned())),
                (Detail::Role, Some(user.role.id), Some(user.role.name.clone())),
                (Detail::Workspace, Some(user.workspace.id), Some(user.workspace.name.clone())),
                (Detail::Expiration, None, user.expiration.as_ref().map(|end| end.date().to_string())),
            ]
        };
        let pairs = fields(self).into_iter().zip(fields(after));
        pairs
            .filter(|(before, after)| before != after)
            .map(|((detail, _, before), (_, _, after))| Difference { detail, before, after })
            .collect()
    }
}
