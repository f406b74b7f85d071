//! What is wrong with rules by what the instances have: roles and workspaces that are nowhere, and rules that can never
//! hold once names and ids are known to mean the same.

use super::{LintWarning, Policy, Rule, lint, lint::is_certainly_not_offered};
use crate::domain::{
    allowed_options::{AllowedOptions, Catalog},
    change::Named,
};

/// What is wrong by `catalogs`, those of all instances with their names. What is wrong by the policy's text alone is not
/// told again.
pub fn lint_catalogs(policy: &Policy, catalogs: &[(&str, &Catalog)]) -> Vec<LintWarning> {
    let mut found = Vec::new();
    for (at, rule) in policy.rules.iter().enumerate() {
        let own = &rule.condition.instances;
        let there: Vec<&Catalog> = catalogs
            .iter()
            .filter(|(name, _)| own.is_empty() || own.iter().any(|own| own == name))
            .map(|(_, catalog)| *catalog)
            .collect();
        let condition = &rule.condition;
        for (key, entries, offered) in [
            ("role", &condition.roles, &policy.roles),
            ("workspace", &condition.workspaces, &policy.workspaces),
        ] {
            let is_there = |entry: &String| {
                // What is not offered at all is told by the policy's text alone.
                is_certainly_not_offered(entry, offered)
                    || there.iter().any(|catalog| find(key, entry, catalog).is_some())
            };
            // Without an instance that it is about, something else is told about the rule.
            for entry in entries.iter().filter(|entry| !there.is_empty() && !is_there(entry)) {
                let place = if own.is_empty() { String::new() } else { format!(" in {}", own.join(", ")) };
                let text = format!("Marketo has no {key} {entry}{place}");
                found.push(LintWarning { key: format!("rule[{at}].{key}"), text });
            }
        }
    }
    let instances: Vec<&str> = catalogs.iter().map(|(name, _)| *name).collect();
    let told: Vec<String> = lint(policy, &instances).into_iter().map(|finding| finding.key).collect();
    let by_name = lint(&by_name(policy, catalogs), &instances);
    let is_new =
        |finding: &LintWarning| !told.contains(&finding.key) && !found.iter().any(|f| f.key == finding.key);
    let new: Vec<LintWarning> = by_name.into_iter().filter(is_new).collect();
    found.extend(new);
    found
}

/// The same policy with every role and workspace by its name, where all instances that have it agree on that.
fn by_name(policy: &Policy, catalogs: &[(&str, &Catalog)]) -> Policy {
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

/// What `entry` means in a catalog.
fn find(key: &str, entry: &str, catalog: &Catalog) -> Option<Named> {
    if key == "role" {
        return catalog
            .roles
            .iter()
            .map(|role| &role.named)
            .find(|named| named.matches_entry(entry))
            .cloned();
    }
    let all = AllowedOptions::all_workspaces(catalog);
    catalog.workspaces.iter().chain([&all]).find(|named| named.matches_entry(entry)).cloned()
}
