//! `[[rule]]` blocks: valid ones, what they inherit from `[policy]`, and the errors of invalid ones.

use std::time::Duration;

use jiff::SignedDuration;

use super::*;
use crate::domain::{
    people::Principal,
    policy::{Approval, Condition, Escalation, Requirement},
};

const HOUR: u64 = 3600;

/// The minimal file with lines added to `[policy]`, and rules.
fn file(policy: &str, rules: &str) -> String {
    format!("{MINIMAL}{policy}\n{rules}")
}

/// Expects errors that start with `expected`, in this order.
fn assert_errors(policy: &str, rules: &str, expected: &[&str]) {
    let errors = errors_of(load_with(&[], &file(policy, rules)));
    assert_eq!(errors.len(), expected.len(), "{policy} {rules}: {errors:#?}");
    for (error, start) in errors.iter().zip(expected) {
        assert!(error.starts_with(start), "{policy} {rules}: {error}");
    }
}

/// Expects exactly one error for each rule with these lines.
fn assert_each(cases: &[(&str, &str)]) {
    for (lines, expected) in cases {
        assert_errors("", &format!("[[rule]]\n{lines}\n"), &[expected]);
    }
}

#[test]
fn rule_can_set_every_key() {
    let rules = r#"
        escalate_to = ["U0BOSS"]
        escalate_after = "3d"
        timezone = "Europe/Vienna"
        [[rule]]
        name = "EMEA"
        instance = "production"
        role = ["API Only", 101]
        workspace = 7
        requester = ["U1", "S1", "C1"]
        channel = ["C2", "G2"]
        email_domain = "@Example.COM"
        approvers = ["S2"]
        approvals_needed = 2
        approval_channel = "C3"
        reason = "required"
        expiration = "required"
        max_access = "90d"
        pending_timeout = "2d"
        remind_after = "8h"
        escalate_after = "1d"
        escalate_to = ["S3"]
        timezone = "Europe/Paris"
        [[rule]]
        channel = "C2"
        approval = "none"
        auto_per_week = 3
        [[rule]]
        role = "API Only"
        escalate_after = "off"
        remind_after = "off""#;
    let file = file("", rules).replace("[\"API Only\"]", "[\"API Only\", 101]");
    let policy = load_with(&[], &file).unwrap().policy;
    let [emea, free, quiet] = policy.rules.as_slice() else { panic!("three rules") };
    let group = |id: &str| Principal::Group(id.into());
    let condition = Condition {
        instances: vec!["production".into()],
        roles: vec!["API Only".into(), "101".into()],
        workspaces: vec!["7".into()],
        requesters: vec![Principal::User("U1".into()), group("S1"), Principal::Channel("C1".into())],
        channels: vec!["C2".into(), "G2".into()],
        email_domains: vec!["example.com".into()],
    };
    assert_eq!((emea.label.as_str(), &emea.condition), ("EMEA", &condition));
    let terms = &emea.terms;
    assert_eq!(terms.approval, Approval::Required { approvers: vec![group("S2")], needed: 2 });
    assert_eq!(terms.approval_channel, Some("C3".into()));
    assert_eq!((terms.reason, terms.expiration), (Requirement::Required, Requirement::Required));
    assert_eq!(terms.max_access, SignedDuration::from_hours(90 * 24));
    assert_eq!(terms.pending_timeout, Some(Duration::from_secs(48 * HOUR)));
    assert_eq!(terms.remind_after, Some(Duration::from_secs(8 * HOUR)));
    let escalation = Escalation { after: Duration::from_secs(24 * HOUR), to: vec![group("S3")] };
    assert_eq!(terms.escalation, Some(escalation));
    assert_eq!(terms.timezone.as_ref().unwrap().name(), "Europe/Paris");
    assert_eq!(
        (free.label.as_str(), &free.terms.approval),
        ("rule[1]", &Approval::None { per_week: Some(3) })
    );
    // A rule inherits missing keys from [policy].
    assert_eq!(
        (&quiet.terms.approval, &quiet.terms.approval_channel),
        (&policy.base.approval, &policy.base.approval_channel)
    );
    assert_eq!((&quiet.terms.escalation, quiet.terms.remind_after), (&None, None));
    assert_eq!(quiet.terms.pending_timeout, policy.base.pending_timeout);
    assert_eq!(quiet.terms.timezone.as_ref().unwrap().name(), "Europe/Vienna");
    assert_eq!(policy.base.escalation.as_ref().unwrap().to, [Principal::User("U0BOSS".into())]);
}

#[test]
fn each_invalid_condition_is_one_error() {
    assert_each(&[
        ("role = []", "rule[0].role: is empty: expected the name or id of a role, or no such key"),
        ("role = ' '", "rule[0].role: is blank: expected a name or an id"),
        ("role = ['API Only', true]", "rule[0].role[1]: expected a name or an id, found true or false"),
        ("workspace = -1", "rule[0].workspace: -1 is negative"),
        (
            "instance = 'sandbox'",
            "rule[0].instance: \"sandbox\" is not a Marketo instance: expected one of pro",
        ),
        ("instance = 1", "rule[0].instance: expected a string, found a whole number"),
        ("requester = ['@ada']", "rule[0].requester[0]: \"@ada\" is invalid"),
        ("requester = 'D1'", "rule[0].requester: \"D1\" is invalid"),
        ("channel = 'general'", "rule[0].channel: \"general\" is invalid: expected a channel id"),
        ("email_domain = 'a@b.com'", "rule[0].email_domain: \"a@b.com\" is invalid"),
        ("roles = 'API Only'", "rule[0].roles: unknown key: did you mean `role`?"),
        ("requesters = 'U1'", "rule[0].requesters: unknown key: did you mean `requester`?"),
        ("email_domains = 'b.com'", "rule[0].email_domains: unknown key: did you mean `email_domain`?"),
        ("role = 'Robot'", "rule[0].role: \"Robot\" cannot be requested: policy.roles does not list it"),
        ("name = 'policy'", "rule[0].name: \"policy\" is invalid"),
        ("name = 'rule[1]'", "rule[0].name: \"rule[1]\" is invalid"),
        ("name = ''", "rule[0].name: \"\" is invalid: expected a name of 1 to 75"),
        ("team_ids = ['T1']", "rule[0].team_ids: unknown key here: it belongs in [slack]"),
    ]);
    assert_errors("", "[rule]\nrole = 1", &["rule: expected [[rule]] blocks, found a table"]);
    let two = "[[rule]]\nname = 'a'\nchannel = 'C1'\n[[rule]]\nname = 'a'\nchannel = 'C2'";
    assert_errors("", two, &["rule[1].name: is also the name of rule[0]"]);
}

#[test]
fn each_invalid_setting_is_one_error() {
    assert_each(&[
        ("approvers = []", "rule[0].approvers: is empty: expected the Slack ids"),
        ("approvers = ['@ada']", "rule[0].approvers[0]: \"@ada\" is invalid"),
        ("approvers = ['C1']", "rule[0].approvers[0]: \"C1\" is a channel"),
        ("approvals_needed = 0", "rule[0].approvals_needed: 0 is out of range: expected a whole number, 1"),
        (
            "approvers = ['U1', 'U2']\napprovals_needed = 3",
            "rule[0].approvals_needed: 3 approvals are needed, but only 2 can approve",
        ),
        ("approval_channel = 'D1'", "rule[0].approval_channel: \"D1\" is invalid"),
        ("timezone = 'Mars'", "rule[0].timezone: \"Mars\" is invalid: expected the name of a time zone"),
        ("max_access = 'off'", "rule[0].max_access: \"off\" is invalid"),
        ("approval = 'none'\nauto_per_week = 0", "rule[0].auto_per_week: 0 is out of range"),
        ("auto_per_week = 2", "rule[0].auto_per_week: limits requests without approval"),
        (
            "approval = 'none'\napprovers = ['U1']",
            "rule[0].approvers: has no effect with approval = \"none\"",
        ),
        ("approval = 'none'\napprovals_needed = 2", "rule[0].approvals_needed: has no effect with"),
        ("approval = 'none'\nremind_after = 'off'", "rule[0].remind_after: has no effect with"),
    ]);
}

#[test]
fn each_invalid_escalation_is_one_error() {
    assert_each(&[
        ("escalate_after = '1d'", "rule[0].escalate_to: is not set: expected the Slack ids"),
        ("escalate_after = '1d'\nescalate_to = []", "rule[0].escalate_to: is empty: expected the Slack ids"),
        ("escalate_to = ['U1']", "rule[0].escalate_after: is not set: expected the time until"),
        ("escalate_to = ['U1']\nescalate_after = 'off'", "rule[0].escalate_to: has no effect with"),
        (
            "escalate_to = ['U1']\nescalate_after = '7d'",
            "rule[0].escalate_after: is not shorter than pending_timeout",
        ),
        ("escalate_to = ['S0MOPS']\nescalate_after = '1d'", "rule[0].escalate_to: adds nobody"),
    ]);
    for (lines, expected) in [
        ("escalate_after = '1d'", "policy.escalate_to: is not set: expected the Slack ids"),
        ("escalate_to = ['U1']", "policy.escalate_to: has no effect: set policy.escalate_after"),
        ("escalate_to = ['U1']\nescalate_after = 'off'", "policy.escalate_to: has no effect"),
        (
            "escalate_to = ['U1']\nescalate_after = '8d'",
            "policy.escalate_after: is not shorter than pending_timeout",
        ),
        ("escalate_to = ['C1']\nescalate_after = '1d'", "policy.escalate_to[0]: \"C1\" is a channel"),
        ("timezone = 'CET time'", "policy.timezone: \"CET time\" is invalid"),
        ("auto_per_week = 3", "policy.auto_per_week: unknown key here: it belongs in a [[rule]]"),
        (
            "approvals_needed = 2\napprovers = ['U1']",
            "policy.approvals_needed: 2 approvals are needed, but only 1 can",
        ),
    ] {
        let own = if lines.contains("approvers") { "approvers" } else { "nothing" };
        let text = file(lines, "");
        let lines = text.lines().filter(|line| !line.starts_with(own) || *line == "approvers = ['U1']");
        let errors = errors_of(load_with(&[], &lines.collect::<Vec<_>>().join("\n")));
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with(expected), "{}", errors[0]);
    }
    // policy.escalate_to may be for a rule that sets escalate_after.
    let rule = "[[rule]]\nchannel = 'C1'\nescalate_after = '1d'";
    load_with(&[], &file("escalate_to = ['U1']", rule)).unwrap();
}

#[test]
fn rule_must_be_consistent_with_the_policy_it_inherits_from() {
    let free = "[policy]\napproval = 'none'\nroles = ['API Only']\n";
    for (policy, rule, expected) in [
        (
            "",
            "approval = 'required'",
            "rule[0].approvers: is not set: expected the Slack ids of users and user",
        ),
        (
            "",
            "approvers = ['U1']",
            "rule[0].approvers: has no effect, since this rule inherits policy.approval",
        ),
        ("", "approval = 'none'\nauto_per_week = 3", "rule[0].auto_per_week: has no effect: neither"),
    ] {
        let errors =
            errors_of(load_with(&[], &format!("{free}{policy}\n[[rule]]\nrole = 'API Only'\n{rule}")));
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with(expected), "{}", errors[0]);
    }
    // The approvers of a policy without approval are for its rules.
    let file = format!("{free}approvers = ['U1']\n[[rule]]\nrole = 'API Only'\napproval = 'required'");
    let policy = load_with(&[], &file).unwrap().policy;
    assert_eq!(policy.rules[0].terms.approvers(), [Principal::User("U1".into())]);
    assert_eq!(policy.base.approval, Approval::None { per_week: None });
}

#[test]
fn invalid_rule_does_not_hide_errors_of_others() {
    let rules =
        "[[rule]]\nrole = [true]\n[[rule]]\nchannel = 'C1'\n[[rule]]\nchannel = 'C1'\nrole = 'API Only'\n";
    assert_errors(
        "",
        rules,
        &["rule[0].role[0]: expected a name or an id", "rule[2]: can never match: rule[1] is tried"],
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.toml");
    std::fs::write(&path, file("", rules)).unwrap();
    let report = examine(&Environment::from_pairs(VARIABLES.iter().copied()), Some(&path));
    assert_eq!((report.errors.len(), report.config.unwrap().policy.rules.len()), (2, 3));
    std::fs::write(&path, file("max_access = 1", rules)).unwrap();
    assert!(examine(&Environment::from_pairs(VARIABLES.iter().copied()), Some(&path)).config.is_none());
}
