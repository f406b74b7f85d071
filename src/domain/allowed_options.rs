//! The roles and workspaces that people can choose from: those of the instance that the policy allows.

use super::{
    catalog::{ALL_WORKSPACES, Catalog, Role},
    change::Named,
    policy::Policy,
};

/// The choices that the policy allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOptions {
    /// The roles, in the policy's order.
    pub roles: Vec<Role>,
    /// The workspaces, in the policy's order, or all of the instance if the policy names none.
    pub workspaces: Vec<Named>,
}

/// A policy entry that cannot be offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingEntry {
    /// The instance has no role with this name or id.
    Role(String),
    /// The instance has no workspace with this name or id.
    Workspace(String),
    /// The role can only be granted in all workspaces, which the policy does not allow.
    AllWorkspacesNotAllowed(String),
}

impl AllowedOptions {
    /// The choices of `catalog` that `policy` allows.
    pub fn of(policy: &Policy, catalog: &Catalog) -> Self {
        let mut roles: Vec<Role> = Vec::new();
        for entry in &policy.roles {
            let role = catalog.roles.iter().find(|role| role.named.matches_entry(entry));
            if let Some(role) = role.filter(|role| !roles.contains(role)) {
                roles.push(role.clone());
            }
        }
        let all = catalog.all_workspaces();
        let mut workspaces: Vec<Named> = Vec::new();
        if policy.workspaces.is_empty() {
            workspaces.clone_from(&catalog.workspaces);
            let is_needed = workspaces.is_empty() || roles.iter().any(|role| role.only_all_workspaces);
            if is_needed && !workspaces.contains(&all) {
                workspaces.push(all);
            }
        } else {
            for entry in &policy.workspaces {
                let workspace =
                    catalog.workspaces.iter().chain([&all]).find(|workspace| workspace.matches_entry(entry));
                if let Some(workspace) = workspace.filter(|workspace| !workspaces.contains(workspace)) {
                    workspaces.push(workspace.clone());
                }
            }
        }
        Self { roles, workspaces }
    }

    /// The entries of `policy` that cannot be offered.
    pub fn missing(policy: &Policy, catalog: &Catalog) -> Vec<MissingEntry> {
        let options = Self::of(policy, catalog);
        let mut missing = Vec::new();
        for entry in &policy.roles {
            match options.roles.iter().find(|role| role.named.matches_entry(entry)) {
                None => missing.push(MissingEntry::Role(entry.clone())),
                Some(role) if role.only_all_workspaces && options.workspace(ALL_WORKSPACES).is_none() => {
                    missing.push(MissingEntry::AllWorkspacesNotAllowed(entry.clone()));
                }
                Some(_) => {}
            }
        }
        for entry in &policy.workspaces {
            if !options.workspaces.iter().any(|workspace| workspace.matches_entry(entry)) {
                missing.push(MissingEntry::Workspace(entry.clone()));
            }
        }
        missing
    }

    /// The offered role with this id.
    pub fn role(&self, id: i64) -> Option<&Role> {
        self.roles.iter().find(|role| role.named.id == id)
    }

    /// The offered workspace with this id.
    pub fn workspace(&self, id: i64) -> Option<&Named> {
        self.workspaces.iter().find(|workspace| workspace.id == id)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::{form, policy::Policy};

    fn policy() -> Policy {
        Policy { workspaces: Vec::new(), ..form::tests::policy() }
    }

    pub(crate) fn catalog() -> Catalog {
        let role = |id, name: &str, only_all_workspaces| Role {
            named: Named { id, name: name.to_owned() },
            only_all_workspaces,
        };
        Catalog {
            roles: vec![
                role(1, "Admin", true),
                role(101, "API Only", false),
                role(102, "API Only - EMEA", false),
            ],
            workspaces: vec![
                Named { id: 1, name: "Default".to_owned() },
                Named { id: 7, name: "EMEA".to_owned() },
            ],
        }
    }

    #[test]
    fn roles_are_offered_by_name_or_id_in_policy_order() {
        let policy = Policy { roles: vec!["102".into(), "api only".into(), "101".into()], ..policy() };
        let options = AllowedOptions::of(&policy, &catalog());
        assert_eq!(options.roles.iter().map(|role| role.named.id).collect::<Vec<_>>(), [102, 101]);
        assert_eq!(options.workspaces.iter().map(|w| w.id).collect::<Vec<_>>(), [1, 7]);
    }

    #[test]
    fn all_workspaces_is_offered_for_a_role_that_needs_it_unless_the_policy_forbids_it() {
        let admin = Policy { roles: vec!["Admin".into()], ..policy() };
        assert!(AllowedOptions::of(&admin, &catalog()).workspace(ALL_WORKSPACES).is_some());
        let restricted = Policy { workspaces: vec!["EMEA".into()], ..admin };
        assert!(AllowedOptions::of(&restricted, &catalog()).workspace(ALL_WORKSPACES).is_none());
        assert_eq!(
            AllowedOptions::missing(&restricted, &catalog()),
            [MissingEntry::AllWorkspacesNotAllowed("Admin".to_owned())]
        );
    }

    #[test]
    fn missing_entries_are_reported() {
        let policy = Policy { roles: vec!["Robot".into()], workspaces: vec!["Mars".into()], ..policy() };
        assert_eq!(
            AllowedOptions::missing(&policy, &catalog()),
            [MissingEntry::Role("Robot".to_owned()), MissingEntry::Workspace("Mars".to_owned())]
        );
    }

    #[test]
    fn instance_without_workspaces_offers_all_workspaces() {
        let bare = Catalog { workspaces: Vec::new(), ..catalog() };
        assert_eq!(AllowedOptions::of(&policy(), &bare).workspaces.len(), 1);
        assert!(AllowedOptions::of(&policy(), &bare).workspace(ALL_WORKSPACES).is_some());
    }
}
