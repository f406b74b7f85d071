//! The output of `policy explain`: the request, whether the requester is eligible, the evaluation of each rule, and the
//! outcome in every possible case.

use std::fmt::Write;

use super::{
    Facts,
    format::{any_of, id, row},
    outcome::{self, path},
};
use crate::{
    cli::args::Explain,
    domain::{
        catalog::Catalog,
        change::Named,
        people::Membership,
        policy::{
            Condition, Policy,
            explain::{ConditionKind, PolicyQuery, RequestedEntry, RuleEvaluation, explain},
        },
    },
    slack::replies::NotRequester,
};

/// The request to explain, and everything that is known about it.
struct Case<'a> {
    args: &'a Explain,
    /// The requested instance, if it is known.
    instance: Option<&'a str>,
    facts: &'a Facts<'a>,
}

/// Explains the policy's evaluation of a request. `instance` is the requested one, if it is known.
pub(super) fn of(args: &Explain, instance: Option<&str>, facts: &Facts<'_>) -> String {
    let case = Case { args, instance, facts };
    let catalog = facts.catalog.as_ref().ok();
    let role = catalog.and_then(|catalog| find_role(catalog, &args.role));
    let workspace = args.workspace.as_ref();
    let known_workspace =
        workspace.and_then(|text| catalog.and_then(|catalog| find_workspace(catalog, text)));
    let standing = |group: &_| facts.membership(&args.requester, group);
    let query = PolicyQuery {
        instance,
        role: RequestedEntry { text: &args.role, named: role.as_ref() },
        workspace: workspace.map(|text| RequestedEntry { text, named: known_workspace.as_ref() }),
        requester: &args.requester,
        channel: args.channel.as_ref(),
        email: args.email.as_ref(),
        membership: &standing,
    };
    let steps = explain(facts.policy, &query);
    let reached = steps.iter().position(RuleEvaluation::is_last).map_or(steps.len(), |last| last + 1);
    let mut text = String::new();
    case.describe_request(&mut text, role.as_ref());
    case.describe_eligibility(&mut text);
    let _ = writeln!(text, "\nRules, in evaluation order");
    for (index, step) in steps.iter().enumerate() {
        let evaluation = if index < reached { case.evaluation(step) } else { "not reached".to_owned() };
        row(&mut text, &path(step), &with_label(step, &evaluation));
    }
    case.describe_outcomes(&mut text, &steps[..reached]);
    text
}

fn find_role(catalog: &Catalog, text: &str) -> Option<Named> {
    catalog.roles.iter().map(|role| &role.named).find(|named| named.matches_entry(text)).cloned()
}

fn find_workspace(catalog: &Catalog, text: &str) -> Option<Named> {
    let all = catalog.all_workspaces();
    catalog.workspaces.iter().chain([&all]).find(|named| named.matches_entry(text)).cloned()
}

impl Case<'_> {
    fn describe_request(&self, text: &mut String, role: Option<&Named>) {
        let args = self.args;
        let role = role.map_or_else(|| args.role.clone(), |role| format!("{} ({})", role.name, role.id));
        let _ = write!(text, "{} requests a user with the role {role}", args.requester);
        if let Some(workspace) = &args.workspace {
            let _ = write!(text, " in workspace {workspace}");
        }
        if let Some(instance) = self.instance {
            let _ = write!(text, " on {instance}");
        }
        if let Some(channel) = &args.channel {
            let _ = write!(text, ", from {channel}");
        }
        if let Some(email) = &args.email {
            let _ = write!(text, ", with the email {}", email.as_str());
        }
        text.push_str(".\n\n");
    }

    /// Whether the requester can submit such a request at all.
    fn describe_eligibility(&self, text: &mut String) {
        let (args, facts) = (self.args, self.facts);
        row(text, "Eligible", &self.eligibility());
        let Policy { roles, workspaces, email_domains, .. } = facts.policy;
        let entries = [
            ("role", "Role", Some(&args.role), roles),
            ("workspace", "Workspace", args.workspace.as_ref(), workspaces),
        ];
        for (key, label, requested, allowed) in entries {
            let Some(requested) = requested else { continue };
            let availability = match &facts.catalog {
                Ok(catalog) => availability(key, requested, allowed, catalog),
                Err(reason) => format!("unknown whether {requested} is offered ({reason})"),
            };
            row(text, label, &availability);
        }
        if let Some(email) = &args.email {
            let is_allowed = email_domains.iter().any(|domain| email.is_in(domain));
            let value = match (email_domains.is_empty(), is_allowed) {
                (true, _) => "allowed: every domain is (policy.email_domains is empty)".to_owned(),
                (false, true) => "allowed by policy.email_domains".to_owned(),
                (false, false) => format!("not allowed: policy.email_domains has {}", any_of(email_domains)),
            };
            row(text, "Email", &value);
        }
    }

    fn eligibility(&self) -> String {
        let (requester, requesters) = (&self.args.requester, &self.facts.policy.requesters);
        let listed = Membership::of(requester, requesters, |group| self.facts.membership(requester, group));
        let ids: Vec<&str> = requesters.iter().map(id).collect();
        let list = format!("policy.requesters: {}", ids.join(", "));
        match (&self.facts.profile_problem, listed) {
            (Ok(Some(reason)), _) => format!("no: {}", ineligible(*reason)),
            (_, Membership::No) if !requesters.is_empty() => format!("no: not in {list}"),
            (Err(reason), _) => format!("unknown: the profile could not be read ({reason})"),
            (Ok(None), _) if requesters.is_empty() => {
                "yes: every full member is (policy.requesters is empty)".to_owned()
            }
            (Ok(None), Membership::Yes) => format!("yes: a full member, and in {list}"),
            (Ok(None), _) => format!("unknown: the members could not be read of {list}"),
        }
    }

    /// Whether a rule holds, and by which of its conditions.
    fn evaluation(&self, step: &RuleEvaluation<'_>) -> String {
        let Some(rule) = step.rule.index else {
            return "holds: no rule before it certainly does".to_owned();
        };
        let condition = &self.facts.policy.rules[rule].condition;
        let with_result = |wanted: Membership| -> String {
            let aspects = step.conditions.iter().filter(|(_, result)| *result == wanted);
            let texts = aspects.map(|(kind, result)| self.condition(*kind, *result, condition));
            texts.collect::<Vec<_>>().join(", ")
        };
        match step.matches {
            Membership::Yes if step.conditions.is_empty() => "holds: it has no conditions".to_owned(),
            Membership::Yes => format!("holds: {}", with_result(Membership::Yes)),
            Membership::No => format!("does not hold: {}", with_result(Membership::No)),
            Membership::Unknown => format!("may hold: {}", with_result(Membership::Unknown)),
        }
    }

    /// The result of one condition, and why.
    fn condition(&self, kind: ConditionKind, result: Membership, condition: &Condition) -> String {
        let args = self.args;
        let (key, expected, actual) = match kind {
            ConditionKind::Requester => return self.requester_condition(result, condition),
            ConditionKind::Instance => {
                ("instance", any_of(&condition.instances), self.instance.map(str::to_owned))
            }
            ConditionKind::Role => ("role", any_of(&condition.roles), Some(args.role.clone())),
            ConditionKind::Workspace => ("workspace", any_of(&condition.workspaces), args.workspace.clone()),
            ConditionKind::Channel => {
                let channels: Vec<&str> = condition.channels.iter().map(|channel| channel.as_str()).collect();
                let actual = args.channel.as_ref().map(|channel| channel.as_str().to_owned());
                ("channel", any_of(&channels), actual)
            }
            ConditionKind::EmailDomain => {
                let parts = args.email.as_ref().and_then(|email| email.as_str().rsplit_once('@'));
                let actual = parts.map(|(_, domain)| domain.to_owned());
                ("email_domain", any_of(&condition.email_domains), actual)
            }
        };
        match (result, actual) {
            (Membership::Yes, _) => format!("{key} is {expected}"),
            (Membership::No, Some(actual)) => format!("{key} is {actual}, not {expected}"),
            (Membership::Unknown, Some(actual)) => format!("unknown whether {key} {actual} is {expected}"),
            (_, None) => {
                let option = if kind == ConditionKind::EmailDomain { "email" } else { key };
                format!("if {key} is {expected} (--{option} is not given)")
            }
        }
    }

    fn requester_condition(&self, result: Membership, condition: &Condition) -> String {
        let requester = &self.args.requester;
        let ids: Vec<&str> = condition.requesters.iter().map(id).collect();
        let expected = any_of(&ids);
        match result {
            Membership::Yes => {
                let is_member = |group: &_| self.facts.membership(requester, group);
                let matching = condition.requesters.iter().find(|principal| {
                    Membership::of(requester, std::slice::from_ref(principal), is_member) == Membership::Yes
                });
                let matching = matching.map_or("", id);
                let verb = if matching == requester.as_str() { "is" } else { "is in" };
                format!("requester {verb} {matching}")
            }
            Membership::No => format!("requester {requester} is not in {expected}"),
            Membership::Unknown => {
                let error =
                    |principal| self.facts.groups.get(principal).and_then(|group| group.as_ref().err());
                let reason =
                    condition.requesters.iter().find_map(error).map_or("not requested", String::as_str);
                format!("unknown whether requester is in {expected} ({reason})")
            }
        }
    }

    /// Appends the outcome of every rule that may hold.
    fn describe_outcomes(&self, text: &mut String, steps: &[RuleEvaluation<'_>]) {
        let mut previous: Option<&RuleEvaluation<'_>> = None;
        for step in steps.iter().filter(|step| step.matches != Membership::No) {
            let path = path(step);
            let title = match (previous.map(RuleEvaluation::is_for_some), step.matches) {
                (None, Membership::Unknown) => format!("If {path} holds"),
                (Some(_), Membership::Unknown) => format!("Otherwise, if {path} holds"),
                (None, _) => format!("So {path} holds"),
                (Some(true), _) => format!("Beyond that limit, {path} holds"),
                (Some(false), _) => format!("Otherwise {path} holds"),
            };
            let _ = writeln!(text, "\n{title}");
            outcome::describe(text, step, &self.args.requester, self.facts);
            previous = Some(step);
        }
    }
}

fn availability(key: &str, requested: &str, allowed: &[String], catalog: &Catalog) -> String {
    let found =
        if key == "role" { find_role(catalog, requested) } else { find_workspace(catalog, requested) };
    match found {
        None => format!("not available: Marketo has no {key} {requested}"),
        Some(_) if allowed.is_empty() => format!("offered: every {key} is (policy.{key}s is empty)"),
        Some(named) if allowed.iter().any(|entry| named.matches_entry(entry)) => {
            format!("offered by policy.{key}s")
        }
        Some(_) => format!("not available: policy.{key}s does not list it"),
    }
}

fn ineligible(reason: NotRequester) -> &'static str {
    match reason {
        NotRequester::Guest => "a guest",
        NotRequester::Bot => "a bot",
        NotRequester::Deactivated => "a deactivated account",
        NotRequester::OtherWorkspace => "a member of another workspace",
        NotRequester::NotListed => "not listed",
        NotRequester::CannotCheck => "unknown",
    }
}

/// Puts the rule's name, if it has one, in front of its evaluation.
fn with_label(step: &RuleEvaluation<'_>, evaluation: &str) -> String {
    match step.rule.index {
        Some(index) if step.rule.label != format!("rule[{index}]") => {
            format!("“{}” {evaluation}", step.rule.label)
        }
        _ => evaluation.to_owned(),
    }
}
