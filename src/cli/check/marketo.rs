//! The checks of each Marketo instance, and whether the roles and workspaces of the policy exist. It does not know Slack
//! or the database.

use super::{
    Report,
    write_probe::{Fact, Probe},
};
use crate::{
    clock::Clock,
    config::{Config, Instance},
    directory::instance::catalog_of,
    domain::{
        allowed_options::{AllowedOptions, MissingEntry},
        catalog::Catalog,
        policy::{Policy, lint_catalogs},
    },
    marketo::{Class, Client, Error},
    slack::remedies::remedy,
};

/// The checks of one instance.
struct InstanceCheck<'a> {
    settings: &'a Instance,
    /// The instance's name, if there are several.
    name: Option<&'a str>,
    report: &'a mut Report,
}

/// Checks each instance of `config` through its client.
pub(super) async fn check(config: &Config, clients: &[Client], report: &mut Report) {
    let are_several = config.instances.len() > 1;
    let mut catalogs = Vec::new();
    for (settings, client) in config.instances.iter().zip(clients) {
        let name = are_several.then_some(settings.name.as_str());
        let catalog = InstanceCheck { settings, name, report }.check_access(client).await;
        catalogs.extend(catalog.map(|catalog| (settings, catalog)));
    }
    // Another instance may have what one lacks, so nothing is reported as missing before all are read.
    if catalogs.len() == config.instances.len() {
        let named: Vec<(&str, &Catalog)> =
            catalogs.iter().map(|(settings, catalog)| (settings.name.as_str(), catalog)).collect();
        for warning in lint_catalogs(&config.policy, &named) {
            report.fail("marketo roles", format!("{}: {}", warning.key, warning.text));
        }
        let catalogs: Vec<&Catalog> = catalogs.iter().map(|(_, catalog)| catalog).collect();
        report_missing(&config.policy, &catalogs, report);
    }
    for (settings, catalog) in &catalogs {
        let name = are_several.then_some(settings.name.as_str());
        InstanceCheck { settings, name, report }.report_options(&config.policy, catalog);
    }
}

/// Probes the instance with this name with a user of this email, and reports each fact.
pub(super) async fn probe(
    config: &Config,
    clients: &[Client],
    clock: &Clock,
    (name, email): (&str, &str),
    report: &mut Report,
) {
    let instances = config.instances.iter().zip(clients);
    let Some((_, client)) = instances.into_iter().find(|(settings, _)| settings.name == name) else { return };
    let check = "marketo write probe";
    let catalog = match (client.roles().await, client.workspaces().await) {
        (Ok(roles), Ok(workspaces)) => catalog_of(roles, workspaces),
        (Err(error), _) | (_, Err(error)) => return report.fail(check, with_remedy(&error)),
    };
    let findings = Probe::new(client, clock, email).run(&AllowedOptions::of(&config.policy, &catalog)).await;
    for Fact { name, reading } in findings.facts {
        report.pass(check, format!("{name}: {reading}"));
    }
    findings.problems.into_iter().for_each(|problem| report.fail(check, problem));
}

impl InstanceCheck<'_> {
    fn pass(&mut self, check: &'static str, detail: impl Into<String>) {
        self.report.add(check, self.name.map(str::to_owned), true, detail.into());
    }

    fn fail(&mut self, check: &'static str, detail: impl Into<String>) {
        self.report.add(check, self.name.map(str::to_owned), false, detail.into());
    }

    /// Checks credentials and permissions. Returns the roles and workspaces if they can be read.
    async fn check_access(&mut self, client: &Client) -> Option<Catalog> {
        if let Err(error) = client.authenticate().await {
            let set_at = &self.settings.set_at;
            let keys = match error.class {
                Class::Credentials => format!("{}, {}", set_at.client_id, set_at.client_secret),
                _ => set_at.base_url.clone(),
            };
            self.fail("marketo credentials", format!("{keys}: {}", with_remedy(&error)));
            return None;
        }
        self.pass("marketo credentials", "Marketo issued a token");
        match client.all_users().await {
            Ok(users) => {
                let api_only = users.iter().filter(|user| user.api_only).count();
                let detail = format!("{} users are readable, {api_only} of them API-only", users.len());
                self.pass("marketo permissions", detail);
            }
            Err(error) => {
                self.fail("marketo permissions", with_remedy(&error));
                return None;
            }
        }
        match (client.roles().await, client.workspaces().await) {
            (Ok(roles), Ok(workspaces)) => Some(catalog_of(roles, workspaces)),
            (Err(error), _) | (_, Err(error)) => {
                self.fail("marketo roles", with_remedy(&error));
                None
            }
        }
    }

    /// Reports the roles that people may request on the instance. With several instances, one may lack entries of the
    /// policy that another has.
    fn report_options(&mut self, policy: &Policy, catalog: &Catalog) {
        let are_several = self.name.is_some();
        let missing: Vec<String> =
            AllowedOptions::missing(policy, catalog).into_iter().map(entry_name).collect();
        if !are_several && !missing.is_empty() {
            return;
        }
        let options = AllowedOptions::of(policy, catalog);
        let names: Vec<String> =
            options.roles.iter().map(|role| format!("{} ({})", role.named.name, role.named.id)).collect();
        let offered = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let missing =
            if missing.is_empty() { String::new() } else { format!("; missing: {}", missing.join(", ")) };
        self.pass("marketo roles", format!("offered: {offered}{missing}"));
    }
}

/// An error, and what to do about it.
fn with_remedy(error: &Error) -> String {
    format!("{error}; {}", remedy(error.class.problem()).step)
}

/// Reports the entries of the policy that no instance has.
fn report_missing(policy: &Policy, catalogs: &[&Catalog], report: &mut Report) {
    let mut missing_by_instance = catalogs.iter().map(|catalog| AllowedOptions::missing(policy, catalog));
    let Some(mut missing) = missing_by_instance.next() else { return };
    for other_missing in missing_by_instance {
        // If one instance lacks a role and another has it for all workspaces only, the latter is easier to fix.
        missing = missing
            .into_iter()
            .filter_map(|entry| {
                let other = other_missing.iter().find(|other| is_same_entry(&entry, other))?;
                let is_fixable = matches!(other, MissingEntry::AllWorkspacesNotAllowed(_));
                Some(if is_fixable { other.clone() } else { entry })
            })
            .collect();
    }
    for entry in missing {
        let detail = match entry {
            MissingEntry::Role(name) => {
                format!("policy.roles: Marketo has no role {name}; see Admin, Users & Roles")
            }
            MissingEntry::Workspace(name) => {
                format!(
                    "policy.workspaces: Marketo has no workspace {name}; see Admin, Workspaces & Partitions"
                )
            }
            MissingEntry::AllWorkspacesNotAllowed(name) => format!(
                "policy.roles: {name} can be assigned in all workspaces only, which policy.workspaces does not \
                 allow; add 0 to it"
            ),
        };
        report.fail("marketo roles", detail);
    }
}

/// Whether two instances lack the same entry of the policy.
fn is_same_entry(one: &MissingEntry, other: &MissingEntry) -> bool {
    let is_workspace = |missing: &MissingEntry| matches!(missing, MissingEntry::Workspace(_));
    is_workspace(one) == is_workspace(other) && entry_name(one.clone()) == entry_name(other.clone())
}

fn entry_name(missing: MissingEntry) -> String {
    match missing {
        MissingEntry::Role(name)
        | MissingEntry::Workspace(name)
        | MissingEntry::AllWorkspacesNotAllowed(name) => name,
    }
}
