//! The blocks `[[rule]]`: for which requests other terms hold than those of `[policy]`. Each setting that would have no
//! effect is a fault, since whoever wrote it meant something. Whether a rule can ever hold is the domain's matter.

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

/// The longest name of a rule: it is shown on cards.
const NAME_MAX: usize = 75;
/// What is of use only where somebody is asked.
const FOR_APPROVALS: &[&str] = &[
    "approvers",
    "approvals_needed",
    "approval_channel",
    "pending_timeout",
    "remind_after",
    "escalate_after",
    "escalate_to",
    "timezone",
];

/// Puts the rules into `policy`; `usual` is what its table says. One that is at fault never holds.
pub(super) fn read(root: &Table, policy: &mut Policy, usual: &TermSettings, faults: &ConfigErrors) {
    let blocks = match root.get("rule") {
        None => &[][..],
        Some(Value::Array(blocks)) => blocks,
        Some(other) => return faults.add("rule", wrong_type("[[rule]] blocks", other)),
    };
    let mut bad = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let before = faults.count();
        let section = Section::of(block, format!("rule[{at}]"), keys::RULE, faults);
        let rule = rule(&section, at, usual);
        if let Some(earlier) = policy.rules.iter().position(|earlier| earlier.label == rule.label) {
            section.fault("name", format!("is also the name of rule[{earlier}]"));
        }
        if faults.count() > before {
            bad.push(at);
        }
        policy.rules.push(rule);
    }
    let asks = |approval: &Approval| matches!(approval, Approval::Required { .. });
    for (at, rule) in policy.rules.iter().enumerate() {
        let is_capped = matches!(rule.terms.approval, Approval::None { per_week: Some(_) });
        let after = policy.rules[at + 1..].iter().map(|rule| &rule.terms).chain([&policy.base]);
        if is_capped && !after.into_iter().any(|terms| asks(&terms.approval)) {
            faults.add(
                format!("rule[{at}].auto_per_week"),
                "has no effect: beyond it neither a later rule nor [policy] asks for an approval",
            );
        }
    }
    let is_used = policy
        .rules
        .iter()
        .map(|rule| &rule.terms)
        .chain([&policy.base])
        .filter_map(|terms| terms.escalation.as_ref())
        .any(|escalation| escalation.to == usual.escalate_to);
    if !usual.escalate_to.is_empty() && !is_used {
        faults.add("policy.escalate_to", "nobody is ever asked: set policy.escalate_after, such as \"2d\"");
    }
    for at in bad {
        set_aside(policy, at);
    }
}

/// What is wrong with rules that can be read, and not because of one that cannot. `instances` are those that there
/// are, where that is known.
pub(super) fn tell_findings(policy: &Policy, instances: Option<&[&str]>, faults: &ConfigErrors) {
    let found = lint(policy, instances.unwrap_or_default());
    let is_about_bad = |finding: &LintWarning| {
        let bad = policy.rules.iter().enumerate().filter(|(_, rule)| is_set_aside(rule));
        bad.into_iter().any(|(at, _)| finding.key.starts_with(&format!("rule[{at}]")))
    };
    for finding in found.into_iter().filter(|finding| !is_about_bad(finding)) {
        if instances.is_some() || !finding.key.ends_with("].instance") {
            faults.add(finding.key, finding.text);
        }
    }
}

fn nobody() -> Vec<Principal> {
    vec![Principal::User("".into())]
}

/// Keeps a rule in its place, but for nobody: what is after it keeps its number.
fn set_aside(policy: &mut Policy, at: usize) {
    let condition = Condition { requesters: nobody(), ..Condition::default() };
    policy.rules[at] = Rule { label: policy.rules[at].label.clone(), condition, terms: policy.base.clone() };
}

fn is_set_aside(rule: &Rule) -> bool {
    rule.condition.requesters == nobody()
}

fn rule(section: &Section<'_>, at: usize, usual: &TermSettings) -> Rule {
    let expected = "a name of 1 to 75 characters in one line, such as \"EMEA\"";
    let label = section.text("name", expected, |text| name(text, expected));
    let condition = condition(section);
    let channel_id = "a channel id, such as \"C0APPROVE\"";
    let own_channel = section.text("approval_channel", channel_id, |text| channel(text, channel_id));
    let mut settings = TermSettings::read(section, usual);
    settings.approval_channel = own_channel.or(settings.approval_channel);
    let per_week = section.has("auto_per_week").then(|| section.whole("auto_per_week", 1..=u32::MAX, 1));
    if settings.is_required {
        check_approval(section, &settings, usual);
    } else {
        let why = if section.has("approval") {
            "has no effect where approval = \"none\": remove it, or set approval = \"required\""
        } else {
            "has no effect, since policy.approval = \"none\" holds for this rule too: add approval = \"required\""
        };
        for key in FOR_APPROVALS.iter().filter(|key| section.has(key)) {
            section.fault(key, why);
        }
    }
    let label = label.unwrap_or_else(|| format!("rule[{at}]"));
    Rule { label, condition, terms: settings.terms(per_week) }
}

fn check_approval(section: &Section<'_>, settings: &TermSettings, usual: &TermSettings) {
    if section.has("auto_per_week") {
        section
            .fault("auto_per_week", "counts what needs no approval: expected approval = \"none\" beside it");
    }
    // Where [policy] lacks approvers although it needs some, that is told there.
    if section.has("approvers") || (settings.approvers.is_empty() && !usual.is_required) {
        section.require_list(
            "approvers",
            "the Slack ids of the people and user groups who approve, such as approvers = [\"S0MOPS\"], since \
             [policy] names none",
        );
    }
    settings.check_escalation(section);
    if section.has("escalate_to") && settings.escalate_after.is_none() {
        if section.has("escalate_after") {
            section.fault("escalate_to", "nobody is ever asked where escalate_after = \"off\": remove one");
        } else {
            section.require("escalate_after", "after how long escalate_to are asked as well, such as \"2d\"");
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

/// A name must not be taken for the number of another rule, or for the table `[policy]`.
fn name(text: &str, expected: &str) -> Result<String, String> {
    let is_good = !text.trim().is_empty()
        && text.chars().count() <= NAME_MAX
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
