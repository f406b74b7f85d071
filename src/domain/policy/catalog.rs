//! Lint warnings that need the instances' roles and workspaces: entries that do not exist, and rules that can never match
//! once names and ids are known to refer to the same entry.

use super::{LintWarning, Policy, Rule, lint, lint::is_certainly_not_offered};
use crate::domain::{catalog::Catalog, change::Named};

/// The warnings that follow from `catalogs`, those of all instances by name. Warnings that [`lint()`] gives are not
/// repeated.
pub fn lint_catalogs(policy: &Policy, catalogs: &[(&str, &Catalog)]) -> Vec<LintWarning> {
    let mut warnings = Vec::new();
    for (index, rule) in policy.rules.iter().enumerate() {
        let instances = &rule.condition.instances;
        let relevant: Vec<&Catalog> = catalogs
            .iter()
            .filter(|(name, _)| instances.is_empty() || instances.iter().any(|own| own == name))
            .map(|(_, catalog)| *catalog)
            .collect();
        let condition = &rule.condition;
        for (key, entries, offered) in [
            ("role", &condition.roles, &policy.roles),
            ("workspace", &condition.workspaces, &policy.workspaces),
        ] {
            let exists = |entry: &String| {
                // `lint` warns about entries that are not offered.
                is_certainly_not_offered(entry, offered)
                    || relevant.iter().any(|catalog| find(key, entry, catalog).is_some())
            };
            // `lint` warns about rules for unknown instances.
            for entry in entries.iter().filter(|entry| !relevant.is_empty() && !exists(entry)) {
                let suffix = if instances.is_empty() {
                    String::new()
                } else {
                    format!(" in {}", instances.join(", "))
                };
                let text = format!("Marketo has no {key} {entry}{suffix}");
                warnings.push(LintWarning { key: format!("rule[{index}].{key}"), text });
            }
        }
    }
    let instances: Vec<&str> = catalogs.iter().map(|(name, _)| *name).collect();
    let known: Vec<String> = lint(policy, &instances).into_iter().map(|warning| warning.key).collect();
    let is_new = |warning: &LintWarning, warnings: &[LintWarning]| {
        !known.contains(&warning.key) && !warnings.iter().any(|earlier| earlier.key == warning.key)
    };
    let mut new = lint(&with_names(policy, catalogs), &instances);
    new.retain(|warning| is_new(warning, &warnings));
    warnings.extend(new);
    warnings
}

/// The policy with ids replaced by names, where all instances that have the entry agree on its name.
fn with_names(policy: &Policy, catalogs: &[(&str, &Catalog)]) -> Policy {
    let named = |key: &str, entries: &[String]| -> Vec<String> {
        let name = |entry: &String| {
            let mut all = catalogs.iter().filter_map(|(_, catalog)| find(key, entry, catalog));
            let first = all.next().map(|named| named.name);
            first.filter(|name| all.all(|other| other.name == *name)).unwrap_or_else(|| entry.clone())
        };
        entries.iter().map(name).collect()
    };
    let rule = |rule: &Rule| {
        let mut rule = rule.clone();
        rule.condition.roles = named("role", &rule.condition.roles);
        rule.condition.workspaces = named("workspace", &rule.condition.workspaces);
        rule
    };
    Policy {
        roles: named("role", &policy.roles),
        workspaces: named("workspace", &policy.workspaces),
        rules: policy.rules.iter().map(rule).collect(),
        ..policy.clone()
    }
}

/// The role or workspace that `entry` refers to.
fn find(key: &str, entry: &str, catalog: &Catalog) -> Option<Named> {
    if key == "role" {
        return catalog
            .roles
            .iter()
            .map(|role| &role.named)
            .find(|named| named.matches_entry(entry))
            .cloned();
    }
    let all = catalog.all_workspaces();
    catalog.workspaces.iter().chain([&all]).find(|named| named.matches_entry(entry)).cloned()
}
