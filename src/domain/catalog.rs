//! The roles and workspaces that a Marketo instance has. This file must not know what a policy allows.

use serde::{Deserialize, Serialize};

use super::change::Named;

/// Marketo's id for "all workspaces".
pub const ALL_WORKSPACES: i64 = 0;

/// A role of the instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Id and name.
    pub named: Named,
    /// Whether it can only be granted in all workspaces at once.
    pub only_all_workspaces: bool,
}

/// The roles and workspaces of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// Every role.
    pub roles: Vec<Role>,
    /// Every workspace.
    pub workspaces: Vec<Named>,
}

impl Catalog {
    /// The entry for all workspaces, as the instance names it.
    pub fn all_workspaces(&self) -> Named {
        let own = self.workspaces.iter().find(|workspace| workspace.id == ALL_WORKSPACES);
        own.cloned().unwrap_or_else(|| Named { id: ALL_WORKSPACES, name: "AllZones".to_owned() })
    }
}
