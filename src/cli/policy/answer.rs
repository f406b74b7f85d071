//! The answer of `policy explain` as people read it: who asks and whether they may, rule by rule what holds, and what
//! follows in each case that is possible.

use std::fmt::Write;

use super::{
    Knowledge,
    decides::{decides, place},
    words::{any_of, id, row},
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

/// The whole answer. `instance` is the one that is asked about, where that is known.
pub(super) fn to(asked: &Explain, instance: Option<&str>, known: &Knowledge<'_>) -> String {
    let catalog = known.catalog.as_ref().ok();
    let role = catalog.and_then(|catalog| role_of(catalog, &asked.role));
    let workspace = asked.workspace.as_ref();
    let workspace_found = workspace.and_then(|text| catalog.and_then(|catalog| workspace_of(catalog, text)));
    let standing = |group: &_| known.membership(&asked.requester, group);
    let question = PolicyQuery {
        instance,
        role: RequestedEntry { text: &asked.role, named: role.as_ref() },
        workspace: workspace.map(|text| RequestedEntry { text, named: workspace_found.as_ref() }),
        requester: &asked.requester,
        channel: asked.channel.as_ref(),
        email: asked.email.as_ref(),
        membership: &standing,
    };
    let steps = explain(known.policy, &question);
    let mut text = String::new();
    request(&mut text, asked, instance, role.as_ref());
    may_ask(&mut text, asked, known);
    let _ = writeln!(text, "\nRules, in the order in which they are tried");
    let reached = steps.iter().position(RuleEvaluation::is_last).map_or(steps.len(), |at| at + 1);
    for (at, step) in steps.iter().enumerate() {
        let said = if at < reached { said(step, asked, instance, known) } else { "not reached".to_owned() };
        row(&mut text, &place(step), &named(step, &said));
    }
    let possible = steps[..reached].iter().filter(|step| step.matches != Membership::No);
    let mut before: Option<&RuleEvaluation<'_>> = None;
    for step in possible {
        let title = match (before.map(RuleEvaluation::is_for_some), step.matches) {
            (None, Membership::Unknown) => format!("If {} holds", place(step)),
            (Some(_), Membership::Unknown) => format!("Otherwise, if {} holds", place(step)),
            (None, _) => format!("So {} holds", place(step)),
            (Some(true), _) => format!("Beyond that, {} holds", place(step)),
            (Some(false), _) => format!("Otherwise {} holds", place(step)),
        };
        let _ = writeln!(text, "\n{title}");
        decides(&mut text, step, &asked.requester, known);
        before = Some(step);
    }
    text
}

fn role_of(catalog: &Catalog, text: &str) -> Option<Named> {
    let all = catalog.roles.iter().map(|role| &role.named);
    all.into_iter().find(|named| named.matches_entry(text)).cloned()
}

fn workspace_of(catalog: &Catalog, text: &str) -> Option<Named> {
    let all = catalog.all_workspaces();
    catalog.workspaces.iter().chain([&all]).find(|named| named.matches_entry(text)).cloned()
}

fn request(text: &mut String, asked: &Explain, instance: Option<&str>, role: Option<&Named>) {
    let role = role.map_or_else(|| asked.role.clone(), |role| format!("{} ({})", role.name, role.id));
    let mut line = format!("{} asks for a user with the role {role}", asked.requester);
    if let Some(workspace) = &asked.workspace {
        let _ = write!(line, " in workspace {workspace}");
    }
    if let Some(instance) = instance {
        let _ = write!(line, " on {instance}");
    }
    if let Some(channel) = &asked.channel {
        let _ = write!(line, ", from {channel}");
    }
    if let Some(email) = &asked.email {
        let _ = write!(line, ", with the e-mail {}", email.as_str());
    }
    let _ = writeln!(text, "{line}.\n");
}

/// Whether such a request can be sent at all.
fn may_ask(text: &mut String, asked: &Explain, known: &Knowledge<'_>) {
    let Policy { requesters, roles, workspaces, email_domains, .. } = known.policy;
    let requester = &asked.requester;
    let listed = Membership::of(requester, requesters, |group| known.membership(requester, group));
    let ids: Vec<&str> = requesters.iter().map(id).collect();
    let list = format!("policy.requesters: {}", ids.join(", "));
    let words = match (&known.kind, listed) {
        (Ok(Some(why)), _) => format!("no: {}", what(*why)),
        (_, Membership::No) if !requesters.is_empty() => format!("no: not among {list}"),
        (Err(why), _) => format!("not known: Slack does not tell what kind of member they are ({why})"),
        (Ok(None), _) if requesters.is_empty() => {
            "yes: every full member may (policy.requesters is empty)".to_owned()
        }
        (Ok(None), Membership::Yes) => format!("yes: a full member, and among {list}"),
        (Ok(None), _) => format!("not known: Slack does not tell whether they are among {list}"),
    };
    row(text, "May ask", &words);
    let lists = [("role", Some(&asked.role), roles), ("workspace", asked.workspace.as_ref(), workspaces)];
    for (key, wanted, list) in lists {
        let Some(wanted) = wanted else { continue };
        let words = match &known.catalog {
            Ok(catalog) => offered(key, wanted, list, catalog),
            Err(why) => format!("whether {wanted} is offered is not known ({why})"),
        };
        row(text, if key == "role" { "Role" } else { "Workspace" }, &words);
    }
    if let Some(email) = &asked.email {
        let is_allowed = email_domains.is_empty() || email_domains.iter().any(|domain| email.is_in(domain));
        let words = match (is_allowed, email_domains.is_empty()) {
            (true, true) => "allowed: any domain is (policy.email_domains is empty)".to_owned(),
            (true, false) => "allowed by policy.email_domains".to_owned(),
            (false, _) => format!("not allowed: policy.email_domains has {}", any_of(email_domains)),
        };
        row(text, "E-mail", &words);
    }
}

fn offered(key: &str, wanted: &str, list: &[String], catalog: &Catalog) -> String {
    let found = if key == "role" { role_of(catalog, wanted) } else { workspace_of(catalog, wanted) };
    match found {
        None => format!("cannot be asked for: Marketo has no {key} {wanted}"),
        Some(_) if list.is_empty() => format!("offered: all are (policy.{key}s is empty)"),
        Some(named) if list.iter().any(|entry| named.matches_entry(entry)) => {
            format!("offered by policy.{key}s")
        }
        Some(_) => format!("cannot be asked for: policy.{key}s does not list it"),
    }
}

fn what(why: NotRequester) -> &'static str {
    match why {
        NotRequester::Guest => "a guest",
        NotRequester::Bot => "a bot",
        NotRequester::Deactivated => "a deactivated account",
        NotRequester::OtherWorkspace => "somebody of another workspace",
        NotRequester::NotListed => "not listed",
        NotRequester::CannotCheck => "not known",
    }
}

fn named(step: &RuleEvaluation<'_>, said: &str) -> String {
    match step.rule.index {
        Some(at) if step.rule.label != format!("rule[{at}]") => format!("“{}” {said}", step.rule.label),
        _ => said.to_owned(),
    }
}

/// Whether a rule holds, by which of its conditions.
fn said(step: &RuleEvaluation<'_>, asked: &Explain, instance: Option<&str>, known: &Knowledge<'_>) -> String {
    let Some(at) = step.rule.index else { return "holds: nothing before it surely does".to_owned() };
    let condition = &known.policy.rules[at].condition;
    let of = |wanted: Membership| -> Vec<String> {
        let aspects = step.conditions.iter().filter(|(_, standing)| *standing == wanted);
        aspects.map(|(aspect, standing)| one(*aspect, *standing, condition, asked, instance, known)).collect()
    };
    match step.matches {
        Membership::Yes if step.conditions.is_empty() => "holds: it has no conditions".to_owned(),
        Membership::Yes => format!("holds: {}", of(Membership::Yes).join(", ")),
        Membership::No => format!("does not hold: {}", of(Membership::No).join(", ")),
        Membership::Unknown => format!("may hold: {}", of(Membership::Unknown).join(", ")),
    }
}

/// What is the matter with one condition.
fn one(
    aspect: ConditionKind,
    standing: Membership,
    condition: &Condition,
    asked: &Explain,
    instance: Option<&str>,
    known: &Knowledge<'_>,
) -> String {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let requesters: Vec<&str> = condition.requesters.iter().map(id).collect();
    let channels: Vec<&str> = condition.channels.iter().map(|channel| channel.as_str()).collect();
    let domain = asked.email.as_ref().and_then(|email| email.as_str().rsplit_once('@'));
    let (key, list, own) = match aspect {
        ConditionKind::Instance => ("instance", any_of(&condition.instances), owned(instance)),
        ConditionKind::Role => ("role", any_of(&condition.roles), Some(asked.role.clone())),
        ConditionKind::Workspace => ("workspace", any_of(&condition.workspaces), asked.workspace.clone()),
        ConditionKind::Requester => ("requester", any_of(&requesters), owned(Some(asked.requester.as_str()))),
        ConditionKind::Channel => {
            ("channel", any_of(&channels), owned(asked.channel.as_ref().map(|id| id.as_str())))
        }
        ConditionKind::EmailDomain => {
            ("email_domain", any_of(&condition.email_domains), owned(domain.map(|(_, d)| d)))
        }
    };
    let why = |principal| known.groups.get(principal).and_then(|group| group.as_ref().err());
    match (standing, own) {
        (Membership::Yes, _) if aspect == ConditionKind::Requester => {
            let met = condition.requesters.iter().find(|principal| {
                Membership::of(&asked.requester, std::slice::from_ref(principal), |group| {
                    known.membership(&asked.requester, group)
                }) == Membership::Yes
            });
            let by = met.map_or("", id);
            if by == asked.requester.as_str() {
                format!("{key} is {by}")
            } else {
                format!("{key} is in {by}")
            }
        }
        (Membership::No, Some(own)) if aspect == ConditionKind::Requester => {
            format!("{key} {own} is not in {list}")
        }
        (Membership::Unknown, _) if aspect == ConditionKind::Requester => {
            let why = condition.requesters.iter().find_map(why).map_or("not asked", String::as_str);
            format!("whether {key} is in {list} is not known ({why})")
        }
        (Membership::Yes, _) => format!("{key} is {list}"),
        (Membership::No, Some(own)) => format!("{key} is {own}, not {list}"),
        (Membership::Unknown, Some(own)) => format!("whether {key} {own} is {list} is not known"),
        (_, None) => format!(
            "if {key} is {list} (--{} is not given)",
            if key == "email_domain" { "email" } else { key }
        ),
    }
}
