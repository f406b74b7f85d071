//! Warnings about a policy whose values are all valid: rules that can never match, and approvals that nobody can give.
//! Each warning names the key. Group members come in as an argument.

use super::{Approval, Condition, Policy, Rule, Terms};
use crate::domain::people::{Principal, UserId};

/// A probable mistake in the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintWarning {
    /// The key's path, such as `rule[3].approvers`.
    pub key: String,
    /// What is wrong and how to fix it.
    pub text: String,
}

/// The members of a group or a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupSize {
    /// These people.
    Members(Vec<UserId>),
    /// There is no such group.
    Missing,
    /// Slack did not return them; with its error.
    Unknown(String),
}

/// The warnings that follow from the policy alone. `instances` are the names of the configured instances.
pub fn lint(policy: &Policy, instances: &[&str]) -> Vec<LintWarning> {
    let mut warnings = Vec::new();
    for (index, rule) in policy.rules.iter().enumerate() {
        warnings.extend(unmatchable_entries(policy, instances, index, rule));
        let mut earlier = policy.rules[..index].iter().enumerate();
        let hides = |(_, earlier): &(usize, &Rule)| {
            !earlier.terms.has_weekly_limit() && covers(&earlier.condition, &rule.condition)
        };
        if let Some((earlier, _)) = earlier.find(hides) {
            let text = format!(
                "can never match: rule[{earlier}] is tried first and matches all of its requests; move it \
                 before that rule, or remove it"
            );
            warnings.push(LintWarning { key: format!("rule[{index}]"), text });
        }
    }
    for (key, terms) in own_approvals(policy) {
        if let Approval::Required { approvers, needed } = &terms.approval {
            let people = approvers.iter().filter(|approver| matches!(approver, Principal::User(_))).count();
            if people == approvers.len() {
                warnings.extend(too_few(&key, *needed, people));
            }
        }
    }
    warnings
}

/// The entries of a rule's condition that no request can match.
fn unmatchable_entries(policy: &Policy, instances: &[&str], index: usize, rule: &Rule) -> Vec<LintWarning> {
    let mut warnings = Vec::new();
    let mut warn = |key: &str, text: String| {
        warnings.push(LintWarning { key: format!("rule[{index}].{key}"), text });
    };
    let Condition { roles, workspaces, email_domains, .. } = &rule.condition;
    for name in rule.condition.instances.iter().filter(|name| !instances.contains(&name.as_str())) {
        let known = instances.join(", ");
        warn("instance", format!("{name:?} is not a Marketo instance: expected one of {known}"));
    }
    for (key, entries, offered) in
        [("role", roles, &policy.roles), ("workspace", workspaces, &policy.workspaces)]
    {
        for entry in entries.iter().filter(|entry| is_certainly_not_offered(entry, offered)) {
            warn(key, format!("{entry:?} cannot be requested: policy.{key}s does not list it"));
        }
    }
    let domains = &policy.email_domains;
    for domain in email_domains.iter().filter(|domain| !domains.is_empty() && !domains.contains(domain)) {
        warn(
            "email_domain",
            format!("{domain:?} cannot be requested: policy.email_domains does not list it"),
        );
    }
    warnings
}

/// The warnings that follow from the members of groups and channels, which `size` looks up.
pub fn lint_memberships(policy: &Policy, size: impl Fn(&Principal) -> GroupSize) -> Vec<LintWarning> {
    let mut warnings = Vec::new();
    for (key, terms) in own_approvals(policy) {
        let Approval::Required { approvers, needed } = &terms.approval else { continue };
        let people = count_people(&format!("{key}.approvers"), approvers, &size, &mut warnings);
        let has_groups = approvers.iter().any(|approver| !matches!(approver, Principal::User(_)));
        if let Some(people) = people.filter(|_| has_groups) {
            warnings.extend(too_few(&key, *needed, people));
        }
    }
    for (key, terms) in own_terms(policy) {
        let is_own = key == "policy" || terms.escalation != policy.base.escalation;
        if let Some(escalation) = terms.escalation.as_ref().filter(|_| is_own) {
            count_people(&format!("{key}.escalate_to"), &escalation.to, &size, &mut warnings);
        }
    }
    for (index, rule) in policy.rules.iter().enumerate() {
        let key = format!("rule[{index}].requester");
        count_people(&key, &rule.condition.requesters, &size, &mut warnings);
    }
    count_people("policy.requesters", &policy.requesters, &size, &mut warnings);
    warnings
}

/// The number of different people in the list; `None` if some members are unknown. Warns about empty groups.
fn count_people(
    key: &str,
    principals: &[Principal],
    size: impl Fn(&Principal) -> GroupSize,
    warnings: &mut Vec<LintWarning>,
) -> Option<usize> {
    let mut all: Vec<UserId> = Vec::new();
    let mut is_known = true;
    for (index, principal) in principals.iter().enumerate() {
        let id = match principal {
            Principal::User(user) => {
                all.push(user.clone());
                continue;
            }
            Principal::Group(group) => group.as_str(),
            Principal::Channel(channel) => channel.as_str(),
        };
        let problem = match size(principal) {
            GroupSize::Members(members) if members.is_empty() => Some(format!("{id} has no members")),
            GroupSize::Members(members) => {
                all.extend(members);
                None
            }
            GroupSize::Missing => {
                // What else follows from it is no news.
                is_known = false;
                Some(format!(
                    "there is no user group {id}, so it has no members: it was deleted or disabled, or the id is wrong"
                ))
            }
            GroupSize::Unknown(why) => {
                is_known = false;
                Some(format!("cannot read the members of {id} ({why}): check the id"))
            }
        };
        warnings.extend(problem.map(|text| LintWarning { key: format!("{key}[{index}]"), text }));
    }
    all.sort();
    all.dedup();
    is_known.then_some(all.len())
}

fn too_few(key: &str, needed: u32, people: usize) -> Option<LintWarning> {
    let is_too_few = usize::try_from(needed).is_ok_and(|needed| needed > people);
    is_too_few.then(|| LintWarning {
        key: format!("{key}.approvals_needed"),
        text: format!(
            "{needed} approvals are needed, but only {people} can approve; lower it, or name more approvers"
        ),
    })
}

/// The terms of every rule and of the table `[policy]`, with the configuration key.
fn own_terms(policy: &Policy) -> impl Iterator<Item = (String, &Terms)> {
    let rules = policy.rules.iter().enumerate().map(|(index, rule)| (format!("rule[{index}]"), &rule.terms));
    std::iter::once(("policy".to_owned(), &policy.base)).chain(rules)
}

/// As [`own_terms`], without the rules that inherit the approval from the table `[policy]`.
fn own_approvals(policy: &Policy) -> impl Iterator<Item = (String, &Terms)> {
    own_terms(policy).filter(|(key, terms)| key == "policy" || terms.approval != policy.base.approval)
}

/// Names are compared with names and ids with ids: without a catalog, a name and an id may refer to the same entry.
pub(super) fn is_certainly_not_offered(entry: &str, offered: &[String]) -> bool {
    let is_id = |text: &str| text.trim().parse::<i64>().is_ok();
    let same = |other: &String| other.trim().to_lowercase() == entry.trim().to_lowercase();
    !offered.is_empty() && offered.iter().all(|other| is_id(other) == is_id(entry) && !same(other))
}

/// Whether every request that matches `narrow` also matches `wide`.
fn covers(wide: &Condition, narrow: &Condition) -> bool {
    fn is_within<T: PartialEq>(wide: &[T], narrow: &[T]) -> bool {
        wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(|entry| wide.contains(entry)))
    }
    is_within(&wide.instances, &narrow.instances)
        && is_within(&wide.roles, &narrow.roles)
        && is_within(&wide.workspaces, &narrow.workspaces)
        && is_within(&wide.requesters, &narrow.requesters)
        && is_within(&wide.channels, &narrow.channels)
        && is_within(&wide.email_domains, &narrow.email_domains)
}
