//! What follows where a rule holds: who decides and why they, who is asked later, where the card is, what is demanded.

use std::time::Duration;

use super::{
    Knowledge,
    words::{id, row, span},
};
use crate::domain::{
    people::{Principal, UserId},
    policy::{Approval, Requirement, Terms, explain::RuleEvaluation},
};

pub(super) fn decides(
    text: &mut String,
    step: &RuleEvaluation<'_>,
    requester: &UserId,
    known: &Knowledge<'_>,
) {
    let terms = step.rule.terms;
    let base = &known.policy.base;
    let by = |key: &str, is_own: bool| {
        let own = step.rule.index.filter(|_| is_own).map(|_| place(step));
        format!("{}.{key}", own.unwrap_or_else(|| "policy".to_owned()))
    };
    match &terms.approval {
        Approval::None { per_week } => {
            let words = "nobody: the user is created as soon as the form is sent";
            row(text, "Decides", &format!("{words} ({})", by("approval", base.approval != terms.approval)));
            if let Some(most) = per_week {
                let key = by("auto_per_week", true);
                row(
                    text,
                    "",
                    &format!("only {most} in any 7 days ({key}); those beyond go on to what is below, and"),
                );
                row(text, "", "since that may be so, the form demands what both demand");
            }
        }
        Approval::Required { approvers, needed } => {
            let own = by("approvers", base.approvers() != approvers.as_slice());
            row(text, "Decides", &format!("{needed} of these must agree: {}", people(approvers, known)));
            row(
                text,
                "",
                &format!(
                    "since {own} names them and {} says how many",
                    by("approvals_needed", base.approvals_needed() != *needed)
                ),
            );
            waits(text, step, requester, known, *needed);
        }
    }
    let must = |demand, key: &str| match demand {
        Requirement::Required => format!("{key} required"),
        Requirement::Optional => format!("{key} optional"),
    };
    let reach = Duration::try_from(terms.max_access).unwrap_or_default();
    let (reason, end) = (must(terms.reason, "reason"), must(terms.expiration, "access expiration"));
    row(text, "Form demands", &format!("{reason}; {end}, at most {} ahead", span(reach)));
}

/// Who may come to decide, where, and until when.
fn waits(
    text: &mut String,
    step: &RuleEvaluation<'_>,
    requester: &UserId,
    known: &Knowledge<'_>,
    needed: u32,
) {
    let Terms { approval_channel, escalation, remind_after, pending_timeout, timezone, .. } = step.rule.terms;
    let base = &known.policy.base;
    let deciders = step.rule.terms.current_approvers(true);
    let others = others(&deciders, requester, known);
    let is_hopeless = |others: &usize| usize::try_from(needed).is_ok_and(|needed| *others < needed);
    row(text, "", &format!("and never {requester}: nobody decides on a request of their own"));
    if let Some(others) = others.filter(is_hopeless) {
        row(text, "", &format!("which leaves {others}: this request could never be approved"));
    }
    let later = match escalation {
        Some(next) => {
            format!("after {} without a decision also {}", span(next.after), people(&next.to, known))
        }
        None => "nobody else is asked later (escalate_after is off)".to_owned(),
    };
    row(text, "Escalation", &later);
    let card = match approval_channel {
        None => "where the command is typed".to_owned(),
        Some(channel) if base.approval_channel.as_ref() == Some(channel) => {
            format!("in {channel} (slack.approval_channel)")
        }
        Some(channel) => format!("in {channel} ({}.approval_channel)", place(step)),
    };
    row(text, "Card", &card);
    let night = timezone.as_ref().map(|zone| format!(", not from 22:00 to 07:00 {}", zone.name()));
    let remind = remind_after.map_or_else(
        || "never".to_owned(),
        |after| format!("after {}, then with growing gaps{}", span(after), night.unwrap_or_default()),
    );
    row(text, "Reminders", &remind);
    let closed = pending_timeout.map_or_else(
        || "never by itself".to_owned(),
        |limit| format!("after {} without a decision", span(limit)),
    );
    row(text, "Closed", &closed);
}

/// People and groups, with the members that are known.
fn people(principals: &[Principal], known: &Knowledge<'_>) -> String {
    let one = |principal: &Principal| {
        let id = id(principal);
        match known.groups.get(principal) {
            None => id.to_owned(),
            Some(Ok(members)) if members.is_empty() => format!("{id} (nobody is in it)"),
            Some(Ok(members)) => {
                let members: Vec<&str> = members.iter().map(UserId::as_str).collect();
                format!("{id} ({})", members.join(", "))
            }
            Some(Err(why)) => format!("{id} (not known who: {why})"),
        }
    };
    principals.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// How many people there are but for the requester, where that is known.
fn others(principals: &[Principal], requester: &UserId, known: &Knowledge<'_>) -> Option<usize> {
    let mut all: Vec<&UserId> = Vec::new();
    for principal in principals {
        match principal {
            Principal::User(user) => all.push(user),
            group => all.extend(known.groups.get(group)?.as_ref().ok()?),
        }
    }
    all.retain(|user| *user != requester);
    all.sort();
    all.dedup();
    Some(all.len())
}

/// The place of a rule in the configuration.
pub(super) fn place(step: &RuleEvaluation<'_>) -> String {
    step.rule.index.map_or_else(|| "[policy]".to_owned(), |at| format!("rule[{at}]"))
}
