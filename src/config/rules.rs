//! The `[[rule]]` blocks: conditions, and the terms for requests that meet them. A setting without effect is an error,
//! since its author expected one. The domain checks whether a rule can ever hold.

use toml::{Table, Value};

use super::{
    error::ConfigErrors,
    keys,
    policy::{email_domain, name_or_id, requester},
    section::{Section, unexpected, wrong_type},
    slack::channel,
    terms::TermSettings,
};
use crate::domain::{
    people::{ChannelId, Principal},
    policy::{Approval, Condition, LintWarning, Policy, Rule, lint},
};

/// The longest name of a rule, in characters. Cards show it.
const MAX_NAME: usize = 75;
/// Keys that only have an effect if an approval is required.
const APPROVAL_KEYS: &[&str] = &[
    "approvers",
    "approvals_needed",
    "approval_channel",
    "pending_timeout",
    "remind_after",
    "approval_valid_for",
    "escalate_after",
    "escalate_to",
    "timezone",
];

/// Adds the rules to `policy`. They inherit the terms of `[policy]`, which are `defaults`. An invalid rule never holds.
pub(super) fn read(root: &Table, policy: &mut Policy, defaults: &TermSettings, errors: &ConfigErrors) {
    let blocks = match root.get("rule") {
        None => &[][..],
        Some(Value::Array(blocks)) => blocks,
        Some(other) => return errors.add("rule", wrong_type("[[rule]] blocks", other)),
    };
    let mut invalid = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let before = errors.count();
        let section = Section::of(block, format!("rule[{index}]"), keys::RULE, errors);
        let rule = rule(&section, index, defaults);
        if let Some(earlier) = policy.rules.iter().position(|earlier| earlier.label == rule.label) {
            section.reject("name", format!("is also the name of rule[{earlier}]"));
        }
        if errors.count() > before {
            invalid.push(index);
        }
        policy.rules.push(rule);
    }
    reject_ineffective_limits(policy, errors);
    reject_unused_escalation(policy, defaults, errors);
    for index in invalid {
        disable(policy, index);
    }
}

/// A weekly limit has no effect if nothing after it requires an approval.
fn reject_ineffective_limits(policy: &Policy, errors: &ConfigErrors) {
    let requires_approval = |approval: &Approval| matches!(approval, Approval::Required { .. });
    for (index, rule) in policy.rules.iter().enumerate() {
        let is_limited = matches!(rule.terms.approval, Approval::None { per_week: Some(_) });
        let mut later = policy.rules[index + 1..].iter().map(|rule| &rule.terms).chain([&policy.base]);
        if is_limited && !later.any(|terms| requires_approval(&terms.approval)) {
            errors.add(
                format!("rule[{index}].auto_per_week"),
                "has no effect: neither a later rule nor [policy] requires an approval beyond it",
            );
        }
    }
}

fn reject_unused_escalation(policy: &Policy, defaults: &TermSettings, errors: &ConfigErrors) {
    let is_used = policy
        .rules
        .iter()
        .map(|rule| &rule.terms)
        .chain([&policy.base])
        .filter_map(|terms| terms.escalation.as_ref())
        .any(|escalation| escalation.to == defaults.escalate_to);
    if !defaults.escalate_to.is_empty() && !is_used {
        errors.add("policy.escalate_to", "has no effect: set policy.escalate_after, such as \"2d\"");
    }
}

/// Adds what the domain's lint finds in the valid rules. `instances` are the names of the instances, if they are known.
pub(super) fn report_warnings(policy: &Policy, instances: Option<&[&str]>, errors: &ConfigErrors) {
    let is_about_disabled = |warning: &LintWarning| {
        let mut disabled = policy.rules.iter().enumerate().filter(|(_, rule)| is_disabled(rule));
        disabled.any(|(index, _)| warning.key.starts_with(&format!("rule[{index}]")))
    };
    for warning in lint(policy, instances.unwrap_or_default()) {
        let is_reliable = instances.is_some() || !warning.key.ends_with("].instance");
        if is_reliable && !is_about_disabled(&warning) {
            errors.add(warning.key, warning.text);
        }
    }
}

fn nobody() -> Vec<Principal> {
    vec![Principal::User("".into())]
}

/// Replaces an invalid rule by one that holds for nobody, so that later rules keep their index.
fn disable(policy: &mut Policy, index: usize) {
    let condition = Condition { requesters: nobody(), ..Condition::default() };
    let label = policy.rules[index].label.clone();
    policy.rules[index] = Rule { label, condition, terms: policy.base.clone() };
}

fn is_disabled(rule: &Rule) -> bool {
    rule.condition.requesters == nobody()
}

fn rule(section: &Section<'_>, index: usize, defaults: &TermSettings) -> Rule {
    let expected = "a name of 1 to 75 characters in one line, such as \"EMEA\"";
    let label = section.text("name", expected, |text| name(text, expected));
    let condition = condition(section);
    let channel_id = "a channel id, such as \"C0APPROVE\"";
    let own_channel = section.text("approval_channel", channel_id, |text| channel(text, channel_id));
    let mut settings = TermSettings::read(section, defaults);
    settings.approval_channel = own_channel.or(settings.approval_channel);
    let per_week = section.has("auto_per_week").then(|| section.whole("auto_per_week", 1..=u32::MAX, 1));
    if settings.is_required {
        check_approval(section, &settings, defaults);
    } else {
        let problem = if section.has("approval") {
            "has no effect with approval = \"none\": remove it, or set approval = \"required\""
        } else {
            "has no effect, since this rule inherits policy.approval = \"none\": add approval = \"required\""
        };
        for key in APPROVAL_KEYS.iter().filter(|key| section.has(key)) {
            section.reject(key, problem);
        }
    }
    let label = label.unwrap_or_else(|| format!("rule[{index}]"));
    Rule { label, condition, terms: settings.terms(per_week) }
}

fn check_approval(section: &Section<'_>, settings: &TermSettings, defaults: &TermSettings) {
    if section.has("auto_per_week") {
        section.reject(
            "auto_per_week",
            "limits requests without approval: expected approval = \"none\" as well",
        );
    }
    // If [policy] requires approvers and has none, that is reported there.
    if section.has("approvers") || (settings.approvers.is_empty() && !defaults.is_required) {
        section.require_list(
            "approvers",
            "the Slack ids of users and user groups who approve, such as approvers = [\"S0MOPS\"], since [policy] \
             names none",
        );
    }
    settings.check_escalation(section);
    if section.has("escalate_to") && settings.escalate_after.is_none() {
        if section.has("escalate_after") {
            section.reject("escalate_to", "has no effect with escalate_after = \"off\": remove one of them");
        } else {
            section
                .require("escalate_after", "the time until the request goes to escalate_to, such as \"2d\"");
        }
    }
}

fn condition(section: &Section<'_>) -> Condition {
    let text = |item: &Value| item.as_str().map(str::to_owned).ok_or_else(|| wrong_type("a string", item));
    let channel_id = "a channel id, such as \"C0OPS\"";
    let people = "a user, user-group or channel id";
    Condition {
        instances: section.one_or_more("instance", "the name of a Marketo instance", text),
        roles: section.one_or_more("role", "the name or id of a role", name_or_id),
        workspaces: section.one_or_more("workspace", "the name or id of a workspace", name_or_id),
        requesters: section.one_or_more("requester", people, |item| requester(&text(item)?)),
        channels: section
            .one_or_more("channel", channel_id, |item| channel(&text(item)?, channel_id))
            .into_iter()
            .collect::<Vec<ChannelId>>(),
        email_domains: section.one_or_more("email_domain", "a domain, such as \"example.com\"", |item| {
            email_domain(&text(item)?)
        }),
    }
}

/// A name must not look like the index of a rule, or like the table `[policy]`.
fn name(text: &str, expected: &str) -> Result<String, String> {
    let is_good = !text.trim().is_empty()
        && text.chars().count() <= MAX_NAME
        && !text.contains(|c: char| c.is_control());
    let is_taken = text == "policy" || text.starts_with("rule[");
    match (is_good, is_taken) {
        (true, false) => Ok(text.to_owned()),
        (true, true) => {
            Err(unexpected(text, "a name that is not \"policy\" and does not begin with \"rule[\""))
        }
        (false, _) => Err(unexpected(text, expected)),
    }
}
