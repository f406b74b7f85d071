//! What follows if a rule holds: who approves, by which settings, who is added later, where the card is posted, and what
//! the form requires.

use std::time::Duration;

use super::{
    Facts,
    format::{duration, id, row},
};
use crate::domain::{
    people::{Principal, UserId},
    policy::{Approval, Requirement, Terms, explain::RuleEvaluation},
};

/// Appends what follows if the rule of `step` holds.
pub(super) fn describe(text: &mut String, step: &RuleEvaluation<'_>, requester: &UserId, facts: &Facts<'_>) {
    let terms = step.rule.terms;
    let base = &facts.policy.base;
    // The setting that a value comes from: the rule's own, or that of [policy].
    let setting = |key: &str, is_own: bool| {
        let own = step.rule.index.filter(|_| is_own).map(|_| path(step));
        format!("{}.{key}", own.unwrap_or_else(|| "policy".to_owned()))
    };
    match &terms.approval {
        Approval::None { per_week } => {
            let approval = setting("approval", base.approval != terms.approval);
            let value = format!("none: the user is created as soon as the form is submitted ({approval})");
            row(text, "Approvers", &value);
            if let Some(max) = per_week {
                let key = setting("auto_per_week", true);
                row(
                    text,
                    "",
                    &format!("at most {max} in any 7 days ({key}); the rule below applies to the rest,"),
                );
                row(text, "", "and the form requires what both require");
            }
        }
        Approval::Required { approvers, needed } => {
            row(text, "Approvers", &format!("{needed} of: {}", members(approvers, facts)));
            let named_by = setting("approvers", base.approvers() != approvers.as_slice());
            let counted_by = setting("approvals_needed", base.approvals_needed() != *needed);
            row(text, "", &format!("set by {named_by} and {counted_by}"));
            describe_decision(text, step, requester, facts, *needed);
        }
    }
    let requirement = |requirement, key: &str| match requirement {
        Requirement::Required => format!("{key} required"),
        Requirement::Optional => format!("{key} optional"),
    };
    let reason = requirement(terms.reason, "reason");
    let expiration = requirement(terms.expiration, "access expiration");
    let max_access = Duration::try_from(terms.max_access).unwrap_or_default();
    row(text, "Form", &format!("{reason}; {expiration}, at most {} ahead", duration(max_access)));
}

/// Appends who may decide, where and until when.
fn describe_decision(
    text: &mut String,
    step: &RuleEvaluation<'_>,
    requester: &UserId,
    facts: &Facts<'_>,
    needed: u32,
) {
    let Terms { approval_channel, escalation, remind_after, pending_timeout, timezone, .. } = step.rule.terms;
    let base = &facts.policy.base;
    row(text, "", &format!("never {requester}: people cannot decide on their own request"));
    let is_too_few = |count: &usize| usize::try_from(needed).is_ok_and(|needed| *count < needed);
    let approvers = count_others(&step.rule.terms.current_approvers(true), requester, facts);
    if let Some(count) = approvers.filter(is_too_few) {
        row(text, "", &format!("which leaves {count}: this request can never be approved"));
    }
    let escalation = match escalation {
        Some(next) => {
            let after = duration(next.after);
            format!("after {after} without a decision also {}", members(&next.to, facts))
        }
        None => "none (escalate_after is off)".to_owned(),
    };
    row(text, "Escalation", &escalation);
    let card = match approval_channel {
        None => "where the command was typed".to_owned(),
        Some(channel) if base.approval_channel.as_ref() == Some(channel) => {
            format!("in {channel} (slack.approval_channel)")
        }
        Some(channel) => format!("in {channel} ({}.approval_channel)", path(step)),
    };
    row(text, "Card", &card);
    let quiet = timezone.as_ref().map(|zone| format!(", not from 22:00 to 07:00 {}", zone.name()));
    let reminders = remind_after.map_or_else(
        || "never".to_owned(),
        |after| format!("after {}, then at growing intervals{}", duration(after), quiet.unwrap_or_default()),
    );
    row(text, "Reminders", &reminders);
    let expires = pending_timeout
        .map_or_else(|| "never".to_owned(), |limit| format!("after {} without a decision", duration(limit)));
    row(text, "Expires", &expires);
}

/// People and groups, with the members of the latter.
fn members(principals: &[Principal], facts: &Facts<'_>) -> String {
    let describe = |principal: &Principal| {
        let id = id(principal);
        match facts.groups.get(principal) {
            None => id.to_owned(),
            Some(Ok(members)) if members.is_empty() => format!("{id} (no members)"),
            Some(Ok(members)) => {
                let members: Vec<&str> = members.iter().map(UserId::as_str).collect();
                format!("{id} ({})", members.join(", "))
            }
            Some(Err(reason)) => format!("{id} (members unknown: {reason})"),
        }
    };
    principals.iter().map(describe).collect::<Vec<_>>().join(", ")
}

/// How many people the principals are, without the requester; `None` if that is unknown.
fn count_others(principals: &[Principal], requester: &UserId, facts: &Facts<'_>) -> Option<usize> {
    let mut all: Vec<&UserId> = Vec::new();
    for principal in principals {
        match principal {
            Principal::User(user) => all.push(user),
            group => all.extend(facts.groups.get(group)?.as_ref().ok()?),
        }
    }
    all.retain(|user| *user != requester);
    all.sort();
    all.dedup();
    Some(all.len())
}

/// The path of a rule in the configuration.
pub(super) fn path(step: &RuleEvaluation<'_>) -> String {
    step.rule.index.map_or_else(|| "[policy]".to_owned(), |index| format!("rule[{index}]"))
}
