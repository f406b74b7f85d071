//! Which roles and workspaces a person may choose from: what the instance has, reduced by the policy.

use super::{change::Named, policy::Policy};

/// The id under which the instance keeps "all workspaces".
pub const ALL_WORKSPACES: i64 = 0;

/// A role of the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Id and name.
    pub named: Named,
    /// Whether it can only be given in all workspaces at once.
    pub only_all_workspaces: bool,
}

/// The roles and workspaces of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Every role.
    pub roles: Vec<Role>,
    /// Every workspace.
    pub workspaces: Vec<Named>,
}

/// What may be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOptions {
    /// The roles, in the policy's order.
    pub roles: Vec<Role>,
    /// The workspaces, in the policy's order, or the instance's where the policy names none.
    pub workspaces: Vec<Named>,
}

/// Entries of a policy that the instance does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingEntry {
    /// No role has this name or id.
    Role(String),
    /// No workspace has this name or id.
    Workspace(String),
    /// The role is given in all workspaces only, which the policy does not allow.
    AllWorkspacesNotAllowed(String),
}

impl AllowedOptions {
    /// What `policy` lets people choose of `catalog`.
    pub fn of(policy: &Policy, catalog: &Catalog) -> Self {
        let mut roles: Vec<Role> = Vec::new();
        for entry in &policy.roles {
            let found = catalog.roles.iter().find(|role| role.named.matches_entry(entry));
            if let Some(role) = found.filter(|role| !roles.contains(role)) {
                roles.push(role.clone());
            }
        }
        let all = Self::all_workspaces(catalog);
        let mut workspaces: Vec<Named> = Vec::new();
        if policy.workspaces.is_empty() {
            workspaces.clone_from(&catalog.workspaces);
            let is_needed = workspaces.is_empty() || roles.iter().any(|role| role.only_all_workspaces);
            if is_needed && !workspaces.contains(&all) {
                workspaces.push(all);
            }
        } else {
            for entry in &policy.workspaces {
                let found =
                    catalog.workspaces.iter().chain([&all]).find(|workspace| workspace.matches_entry(entry));
                if let Some(workspace) = found.filter(|workspace| !workspaces.contains(workspace)) {
                    workspaces.push(workspace.clone());
                }
            }
        }
        Self { roles, workspaces }
    }

    /// The entry for all workspaces at once, as the instance names it.
    pub fn all_workspaces(catalog: &Catalog) -> Named {
        let own = catalog.workspaces.iter().find(|workspace| workspace.id == ALL_WORKSPACES);
        own.cloned().unwrap_or_else(|| Named { id: ALL_WORKSPACES, name: "AllZones".to_owned() })
    }

    /// What `policy` names that cannot be offered.
    pub fn missing(policy: &Policy, catalog: &Catalog) -> Vec<MissingEntry> {
        let offer = Self::of(policy, catalog);
        let mut missing = Vec::new();
        for entry in &policy.roles {
            match offer.roles.iter().find(|role| role.named.matches_entry(entry)) {
                None => missing.push(MissingEntry::Role(entry.clone())),
                Some(role) if role.only_all_workspaces && offer.workspace(ALL_WORKSPACES).is_none() => {
                    missing.push(MissingEntry::AllWorkspacesNotAllowed(entry.clone()));
                }
                Some(_) => {}
            }
        }
        for entry in &policy.workspaces {
            if !offer.workspaces.iter().any(|workspace| workspace.matches_entry(entry)) {
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
    fn roles_are_offered_by_name_or_id_in_the_policys_order() {
        let policy = Policy { roles: vec!["102".into(), "api only".into(), "101".into()], ..policy() };
        let offer = AllowedOptions::of(&policy, &catalog());
        assert_eq!(offer.roles.iter().map(|role| role.named.id).collect::<Vec<_>>(), [102, 101]);
        assert_eq!(offer.workspaces.iter().map(|w| w.id).collect::<Vec<_>>(), [1, 7]);
    }

    #[test]
    fn a_role_for_all_workspaces_brings_that_choice_unless_the_policy_forbids_it() {
        let admin = Policy { roles: vec!["Admin".into()], ..policy() };
        assert!(AllowedOptions::of(&admin, &catalog()).workspace(ALL_WORKSPACES).is_some());
        let narrowed = Policy { workspaces: vec!["EMEA".into()], ..admin };
        assert!(AllowedOptions::of(&narrowed, &catalog()).workspace(ALL_WORKSPACES).is_none());
        assert_eq!(
            AllowedOptions::missing(&narrowed, &catalog()),
            [MissingEntry::AllWorkspacesNotAllowed("Admin".to_owned())]
        );
    }

    #[test]
    fn what_the_instance_lacks_is_named() {
        let policy = Policy { roles: vec!["Robot".into()], workspaces: vec!["Mars".into()], ..policy() };
        assert_eq!(
            AllowedOptions::missing(&policy, &catalog()),
            [MissingEntry::Role("Robot".to_owned()), MissingEntry::Workspace("Mars".to_owned())]
        );
    }

    #[test]
    fn an_instance_without_workspaces_has_the_one_that_is_all() {
        let bare = Catalog { workspaces: Vec::new(), ..catalog() };
        assert_eq!(AllowedOptions::of(&policy(), &bare).workspaces.len(), 1);
        assert!(AllowedOptions::of(&policy(), &bare).workspace(ALL_WORKSPACES).is_some());
    }
}
