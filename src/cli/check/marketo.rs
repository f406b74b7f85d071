//! What `check` looks at on each Marketo instance, and whether what the policy names is anywhere. It knows nothing of
//! Slack or the database.

use super::Report;
use crate::{
    config::{Config, Instance},
    directory::instance::catalog_of,
    domain::{
        allowed_options::{AllowedOptions, Catalog, MissingEntry},
        policy::{Policy, lint_catalogs},
    },
    marketo::{Class, Client},
};

/// What is found on one instance.
struct Look<'a> {
    settings: &'a Instance,
    /// The instance's name, where there are several.
    named: Option<&'a str>,
    report: &'a mut Report,
}

/// Looks at each instance of `config` through its client.
pub(super) async fn look(config: &Config, clients: &[Client], report: &mut Report) {
    let are_several = config.instances.len() > 1;
    let mut catalogs = Vec::new();
    for (settings, client) in config.instances.iter().zip(clients) {
        let named = are_several.then_some(settings.name.as_str());
        let catalog = Look { settings, named, report }.at(client).await;
        catalogs.extend(catalog.map(|catalog| (settings, catalog)));
    }
    // What one instance lacks another may have, so nothing is said to be missing before all are read.
    if catalogs.len() == config.instances.len() {
        let named: Vec<(&str, &Catalog)> =
            catalogs.iter().map(|(settings, catalog)| (settings.name.as_str(), catalog)).collect();
        for finding in lint_catalogs(&config.policy, &named) {
            report.bad("marketo roles", format!("{}: {}", finding.key, finding.text));
        }
        let catalogs: Vec<&Catalog> = catalogs.iter().map(|(_, catalog)| catalog).collect();
        missing(&config.policy, &catalogs, report);
    }
    for (settings, catalog) in &catalogs {
        let named = are_several.then_some(settings.name.as_str());
        Look { settings, named, report }.offer(&config.policy, catalog);
    }
}

impl Look<'_> {
    fn good(&mut self, check: &'static str, detail: impl Into<String>) {
        self.report.found(check, self.named.map(str::to_owned), true, detail.into());
    }

    fn bad(&mut self, check: &'static str, detail: impl Into<String>) {
        self.report.found(check, self.named.map(str::to_owned), false, detail.into());
    }

    /// The roles and workspaces, if they can be read.
    async fn at(&mut self, client: &Client) -> Option<Catalog> {
        if let Err(error) = client.authenticate().await {
            let at = &self.settings.set_at;
            let detail = match error.class {
                Class::Credentials => format!(
                    "{}, {}: {error}; copy both from Admin, LaunchPoint, View Details",
                    at.client_id, at.client_secret
                ),
                _ => format!("{}: {error}; is it the REST address of the instance?", at.base_url),
            };
            self.bad("marketo credentials", detail);
            return None;
        }
        self.good("marketo credentials", "Marketo gives a token for them");
        match client.all_users().await {
            Ok(users) => {
                let api_only = users.iter().filter(|user| user.api_only).count();
                let detail = format!("{} users can be read, {api_only} of them API-only", users.len());
                self.good("marketo permissions", detail);
            }
            Err(error) => {
                let detail = format!(
                    "{error}; the API user's role needs \"Access User Management Api\" and \"Access Users\""
                );
                self.bad("marketo permissions", detail);
                return None;
            }
        }
        match (client.roles().await, client.workspaces().await) {
            (Ok(roles), Ok(workspaces)) => Some(catalog_of(roles, workspaces)),
            (Err(error), _) | (_, Err(error)) => {
                self.bad("marketo roles", error.to_string());
                None
            }
        }
    }

    /// What can be asked for on an instance. That it lacks some of what the policy names is no fault where another
    /// instance has it.
    fn offer(&mut self, policy: &Policy, catalog: &Catalog) {
        let is_named = self.named.is_some();
        let absent: Vec<String> = AllowedOptions::missing(policy, catalog).into_iter().map(entry).collect();
        if !is_named && !absent.is_empty() {
            return;
        }
        let offer = AllowedOptions::of(policy, catalog);
        let names: Vec<String> =
            offer.roles.iter().map(|role| format!("{} ({})", role.named.name, role.named.id)).collect();
        let offered = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        let lacks =
            if absent.is_empty() { String::new() } else { format!("; not there: {}", absent.join(", ")) };
        self.good("marketo roles", format!("offered: {offered}{lacks}"));
    }
}

/// Tells what the policy names and none of `catalogs` has.
fn missing(policy: &Policy, catalogs: &[&Catalog], report: &mut Report) {
    let mut lacked = catalogs.iter().map(|catalog| AllowedOptions::missing(policy, catalog));
    let Some(mut nowhere) = lacked.next() else { return };
    for lacked in lacked {
        // Where one lacks a role and another has it for all workspaces only, the latter can be mended here.
        nowhere = nowhere
            .into_iter()
            .filter_map(|one| {
                let other = lacked.iter().find(|other| is_same(&one, other))?;
                Some(if matches!(other, MissingEntry::AllWorkspacesNotAllowed(_)) {
                    other.clone()
                } else {
                    one
                })
            })
            .collect();
    }
    for missing in nowhere {
        report.bad("marketo roles", match missing {
            MissingEntry::Role(name) => format!("policy.roles: Marketo has no role {name}; see Admin, Users & Roles"),
            MissingEntry::Workspace(name) => {
                format!("policy.workspaces: Marketo has no workspace {name}; see Admin, Workspaces & Partitions")
            }
            MissingEntry::AllWorkspacesNotAllowed(name) => format!(
                "policy.roles: {name} is given in all workspaces only, and policy.workspaces does not allow that; \
                 add 0 to it"
            ),
        });
    }
}

/// Whether two instances lack the same entry of the policy, for whatever reason.
fn is_same(one: &MissingEntry, other: &MissingEntry) -> bool {
    let is_workspace = |missing: &MissingEntry| matches!(missing, MissingEntry::Workspace(_));
    is_workspace(one) == is_workspace(other) && entry(one.clone()) == entry(other.clone())
}

fn entry(missing: MissingEntry) -> String {
    match missing {
        MissingEntry::Role(name)
        | MissingEntry::Workspace(name)
        | MissingEntry::AllWorkspacesNotAllowed(name) => name,
    }
}
