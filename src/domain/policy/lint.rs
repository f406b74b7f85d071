//! What is wrong with a policy although each of its values is possible: rules that can never hold, and approvals that
//! nobody can give. Each finding names the key. Who is in a group comes in as an argument.

use super::{Approval, Condition, Policy, Terms};
use crate::domain::people::{Principal, UserId};

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintWarning {
    /// The key's path, such as `rule[3].approvers`.
    pub key: String,
    /// What is wrong, and what to do.
    pub text: String,
}

/// Who is in a group or a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupSize {
    /// These people.
    Members(Vec<UserId>),
    /// It cannot be found; with the words of whoever was asked.
    Unknown(String),
}

/// What is wrong by the text of the policy alone. `instances` are the names of those that there are.
pub fn lint(policy: &Policy, instances: &[&str]) -> Vec<LintWarning> {
    let mut found = Vec::new();
    let mut tell = |key: String, text: String| found.push(LintWarning { key, text });
    for (at, rule) in policy.rules.iter().enumerate() {
        let Condition { roles, workspaces, email_domains, .. } = &rule.condition;
        for name in rule.condition.instances.iter().filter(|name| !instances.contains(&name.as_str())) {
            let there = instances.join(", ");
            tell(
                format!("rule[{at}].instance"),
                format!("{name:?} is no Marketo instance: expected one of {there}"),
            );
        }
        for (key, entries, offered) in
            [("role", roles, &policy.roles), ("workspace", workspaces, &policy.workspaces)]
        {
            for entry in entries.iter().filter(|entry| is_certainly_not_offered(entry, offered)) {
                tell(
                    format!("rule[{at}].{key}"),
                    format!("{entry:?} is never asked for: policy.{key}s does not list it"),
                );
            }
        }
        let domains = &policy.email_domains;
        for domain in email_domains.iter().filter(|domain| !domains.is_empty() && !domains.contains(domain)) {
            tell(
                format!("rule[{at}].email_domain"),
                format!("{domain:?} is never asked for: policy.email_domains does not list it"),
            );
        }
        let before = policy.rules[..at].iter().enumerate();
        let mut hides = before
            .filter(|(_, earlier)| !is_capped(&earlier.terms) && covers(&earlier.condition, &rule.condition));
        if let Some((earlier, _)) = hides.next() {
            let text = format!(
                "can never hold: rule[{earlier}] is tried first and holds for all of its requests; put it \
                 before that one, or remove it"
            );
            tell(format!("rule[{at}]"), text);
        }
    }
    for (key, terms) in own_approvals(policy) {
        if let Approval::Required { approvers, needed } = &terms.approval {
            let people = approvers.iter().filter(|approver| matches!(approver, Principal::User(_))).count();
            if people == approvers.len() {
                found.extend(too_few(&key, *needed, people));
            }
        }
    }
    found
}

/// What is wrong by who is in the groups, which `size` tells.
pub fn lint_memberships(policy: &Policy, size: impl Fn(&Principal) -> GroupSize) -> Vec<LintWarning> {
    let mut found = Vec::new();
    for (key, terms) in own_approvals(policy) {
        let Approval::Required { approvers, needed } = &terms.approval else { continue };
        let people = people(&format!("{key}.approvers"), approvers, &size, &mut found);
        let has_groups = approvers.iter().any(|approver| !matches!(approver, Principal::User(_)));
        if let Some(people) = people.filter(|_| has_groups) {
            found.extend(too_few(&key, *needed, people));
        }
    }
    for (key, escalation, own) in own_terms(policy).filter_map(|(key, terms)| {
        let own = key == "policy" || terms.escalation != policy.base.escalation;
        Some((key, terms.escalation.as_ref()?, own))
    }) {
        if own {
            people(&format!("{key}.escalate_to"), &escalation.to, &size, &mut found);
        }
    }
    for (at, rule) in policy.rules.iter().enumerate() {
        people(&format!("rule[{at}].requester"), &rule.condition.requesters, &size, &mut found);
    }
    people("policy.requesters", &policy.requesters, &size, &mut found);
    found
}

/// How many different people a list means; absent where that is not known. Tells about groups without anybody in them.
fn people(
    key: &str,
    principals: &[Principal],
    size: impl Fn(&Principal) -> GroupSize,
    found: &mut Vec<LintWarning>,
) -> Option<usize> {
    let mut all: Vec<UserId> = Vec::new();
    let mut is_known = true;
    for (at, principal) in principals.iter().enumerate() {
        let id = match principal {
            Principal::User(user) => {
                all.push(user.clone());
                continue;
            }
            Principal::Group(group) => group.as_str(),
            Principal::Channel(channel) => channel.as_str(),
        };
        let trouble = match size(principal) {
            GroupSize::Members(members) if members.is_empty() => Some(format!("{id} has no members")),
            GroupSize::Members(members) => {
                all.extend(members);
                None
            }
            GroupSize::Unknown(why) => {
                is_known = false;
                Some(format!("{id} cannot be looked into ({why}): is it right?"))
            }
        };
        found.extend(trouble.map(|text| LintWarning { key: format!("{key}[{at}]"), text }));
    }
    all.sort();
    all.dedup();
    is_known.then_some(all.len())
}

fn too_few(key: &str, needed: u32, people: usize) -> Option<LintWarning> {
    let is_too_few = usize::try_from(needed).is_ok_and(|needed| needed > people);
    is_too_few.then(|| LintWarning {
        key: format!("{key}.approvals_needed"),
        text: format!("{needed} must agree, but only {people} may approve; lower it, or name more approvers"),
    })
}

/// Everybody's terms with the key of the table that they stand in.
fn own_terms(policy: &Policy) -> impl Iterator<Item = (String, &Terms)> {
    let rules = policy.rules.iter().enumerate().map(|(at, rule)| (format!("rule[{at}]"), &rule.terms));
    std::iter::once(("policy".to_owned(), &policy.base)).chain(rules)
}

/// As [`own_terms`], without the rules that leave the approval to the table `[policy]`.
fn own_approvals(policy: &Policy) -> impl Iterator<Item = (String, &Terms)> {
    own_terms(policy).filter(|(key, terms)| key == "policy" || terms.approval != policy.base.approval)
}

fn is_capped(terms: &Terms) -> bool {
    matches!(terms.approval, Approval::None { per_week: Some(_) })
}

/// Names are compared with names and ids with ids; whether a name and an id mean the same is not known here.
pub(super) fn is_certainly_not_offered(entry: &str, offered: &[String]) -> bool {
    let is_id = |text: &str| text.trim().parse::<i64>().is_ok();
    let same = |other: &String| other.trim().to_lowercase() == entry.trim().to_lowercase();
    !offered.is_empty() && offered.iter().all(|other| is_id(other) == is_id(entry) && !same(other))
}

/// Whether whatever meets `narrow` meets `wide` as well.
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
