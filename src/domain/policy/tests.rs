//! Which rule matches which request, and lint warnings.

use super::*;
use crate::domain::people::Membership;
use crate::domain::{
    change::{CreateUser, Named},
    decide::{Submission, submit},
    form::tests::{policy, terms},
    text::{Email, PersonName},
};

pub(crate) fn request(role: (i64, &str), email: &str) -> Request {
    let user = CreateUser {
        instance: "production".to_owned(),
        email: Email::parse(email).unwrap(),
        first_name: PersonName::parse("Svc").unwrap(),
        last_name: PersonName::parse("Crm").unwrap(),
        role: Named { id: role.0, name: role.1.to_owned() },
        workspace: Named { id: 1, name: "Default".to_owned() },
        expiration: None,
    };
    let submission = Submission {
        id: "req-1".into(),
        requester: "U0REQ".into(),
        memberships: vec![Principal::Group("S0MKT".into())],
        origin: "C0OPS".into(),
        change: Change::CreateUser(user),
        reason: None,
    };
    submit("2026-11-24T10:00:00Z".parse().unwrap(), &terms(), submission).0
}

fn rule(condition: Condition) -> Rule {
    Rule { label: "a rule".to_owned(), condition, terms: terms() }
}

fn approved_by(approver: &str) -> Terms {
    let approvers = vec![Principal::User(approver.into())];
    Terms { approval: Approval::Required { approvers, needed: 1 }, ..terms() }
}

#[test]
fn rule_matches_if_every_list_does() {
    let request = request((101, "API Only"), "svc@example.com");
    let input = RuleInput::of(&request);
    let met = |condition: Condition| condition.is_met_by(&input);
    assert!(met(Condition::default()));
    assert!(met(Condition { roles: vec!["x".into(), "api only".into()], ..Condition::default() }));
    assert!(met(Condition {
        roles: vec!["101".into()],
        email_domains: vec!["example.com".into()],
        ..Condition::default()
    }));
    assert!(!met(Condition {
        roles: vec!["101".into()],
        email_domains: vec!["example.org".into()],
        ..Condition::default()
    }));
    assert!(met(Condition { requesters: vec![Principal::Group("S0MKT".into())], ..Condition::default() }));
    assert!(met(Condition { requesters: vec![Principal::User("U0REQ".into())], ..Condition::default() }));
    assert!(!met(Condition { requesters: vec![Principal::Group("S0OTHER".into())], ..Condition::default() }));
    assert!(!met(Condition { channels: vec!["C0ELSE".into()], ..Condition::default() }));
    assert!(!met(Condition { instances: vec!["sandbox".into()], ..Condition::default() }));
    assert!(!met(Condition { workspaces: vec!["EMEA".into()], ..Condition::default() }));
}

#[test]
fn first_matching_rule_applies_and_the_table_comes_last() {
    let narrow = Rule {
        terms: approved_by("U1"),
        ..rule(Condition { roles: vec!["102".into()], ..Condition::default() })
    };
    let wide = Rule { terms: approved_by("U2"), ..rule(Condition::default()) };
    let ordered = Policy { rules: vec![narrow.clone(), wide], ..policy() };
    let first = request((102, "EMEA"), "svc@example.com");
    assert_eq!(ordered.matched_rule(&RuleInput::of(&first)).index, Some(0));
    let second = request((101, "API Only"), "svc@example.com");
    assert_eq!(ordered.matched_rule(&RuleInput::of(&second)).index, Some(1));
    let alone = Policy { rules: vec![narrow], ..policy() };
    assert_eq!(alone.matched_rule(&RuleInput::of(&second)).index, None);
}

#[test]
fn pending_request_still_needs_an_approval_under_a_policy_without_one() {
    let free = Rule {
        terms: Terms { approval: Approval::None { per_week: None }, ..terms() },
        ..rule(Condition::default())
    };
    let changed = Policy { rules: vec![free], ..policy() };
    let pending = request((101, "API Only"), "svc@example.com");
    assert_eq!(changed.matched_rule(&RuleInput::of(&pending)).index, Some(0));
    assert_eq!(changed.approvers(pending.created_at, &pending), [Principal::User("U0APPROVE".into())]);
}

fn keys(warnings: &[LintWarning]) -> Vec<&str> {
    warnings.iter().map(|warning| warning.key.as_str()).collect()
}

#[test]
fn rules_that_can_never_match_are_reported() {
    let roles = |roles: &[&str]| Condition {
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        ..Condition::default()
    };
    let capped = Terms { approval: Approval::None { per_week: Some(3) }, ..terms() };
    let faulty = Policy {
        email_domains: vec!["example.com".to_owned()],
        rules: vec![
            Rule { terms: capped, ..rule(roles(&["API Only"])) },
            rule(roles(&["api only"])),
            rule(Condition { instances: vec!["sandbox".to_owned()], ..Condition::default() }),
            rule(roles(&["Robot"])),
            rule(Condition { email_domains: vec!["example.org".to_owned()], ..roles(&["API Only"]) }),
            rule(Condition { channels: vec!["C1".into()], ..Condition::default() }),
            rule(Condition { channels: vec!["C1".into()], ..roles(&["101"]) }),
            rule(Condition::default()),
            rule(Condition { channels: vec!["C2".into()], ..Condition::default() }),
        ],
        ..policy()
    };
    let warnings = lint(&faulty, &["production"]);
    assert_eq!(
        keys(&warnings),
        ["rule[2].instance", "rule[3].role", "rule[4].email_domain", "rule[6]", "rule[8]"]
    );
    assert!(warnings[3].text.contains("rule[5]"), "{}", warnings[3].text);
}

#[test]
fn approvals_that_nobody_can_give_are_reported() {
    let two = |approvers: Vec<Principal>| Terms {
        approval: Approval::Required { approvers, needed: 2 },
        ..terms()
    };
    let group = |id: &str| Principal::Group(id.into());
    let people = Policy { base: two(vec![Principal::User("U1".into())]), ..policy() };
    assert_eq!(keys(&lint(&people, &["production"])), ["policy.approvals_needed"]);
    let rules =
        [vec![group("S0ONE")], vec![group("S0NONE"), Principal::User("U1".into())], vec![group("S0GONE")]];
    let groups = Policy {
        rules: rules.map(|approvers| Rule { terms: two(approvers), ..rule(Condition::default()) }).into(),
        ..policy()
    };
    let size = |principal: &Principal| match principal {
        Principal::Group(group) if group.as_str() == "S0ONE" => GroupSize::Members(vec!["U1".into()]),
        Principal::Group(group) if group.as_str() == "S0NONE" => GroupSize::Members(Vec::new()),
        _ => GroupSize::Unknown("no_such_subteam".to_owned()),
    };
    assert_eq!(
        keys(&lint_memberships(&groups, size)),
        [
            "rule[0].approvals_needed",
            "rule[1].approvers[0]",
            "rule[1].approvals_needed",
            "rule[2].approvers[0]"
        ]
    );
}

#[test]
fn catalogs_reveal_more_mistakes() {
    let roles = |roles: &[&str]| Condition {
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        ..Condition::default()
    };
    let faulty = Policy {
        roles: vec!["API Only".to_owned(), "Robot".to_owned()],
        rules: vec![
            rule(roles(&["101"])),
            // Refers to the same role as the rule before.
            rule(roles(&["API Only"])),
            // Offered by the policy, but not in Marketo.
            rule(roles(&["Robot"])),
            // In Marketo, but not offered by the policy.
            rule(roles(&["102"])),
            rule(Condition { workspaces: vec!["Mars".to_owned()], ..Condition::default() }),
        ],
        ..Policy { workspaces: Vec::new(), ..policy() }
    };
    assert!(lint(&faulty, &["production"]).is_empty());
    let catalog = crate::domain::allowed_options::tests::catalog();
    let warnings = lint_catalogs(&faulty, &[("production", &catalog)]);
    assert_eq!(keys(&warnings), ["rule[2].role", "rule[4].workspace", "rule[1]", "rule[3].role"]);
    assert_eq!(warnings[0].text, "Marketo has no role Robot");
}

proptest::proptest! {
    #[test]
    fn explanation_agrees_with_the_matched_rule(picks in proptest::collection::vec(0_u32..64, 1..5)) {
        use explain::{PolicyQuery, RequestedEntry, explain};
        let request = request((101, "API Only"), "svc@example.com");
        let rules = picks.iter().map(|pick| {
            let one = |bit: u32, good: &str, bad: &str| match pick >> bit & 3 {
                0 => vec![good.to_owned()],
                1 => vec![bad.to_owned()],
                _ => Vec::new(),
            };
            let group = |id: String| Principal::Group(id.as_str().into());
            rule(Condition {
                roles: one(0, "101", "102"),
                requesters: one(2, "S0MKT", "S0OTHER").into_iter().map(group).collect(),
                email_domains: one(4, "example.com", "example.org"),
                ..Condition::default()
            })
        });
        let policy = Policy { rules: rules.collect(), ..policy() };
        let facts = request.change.rule_facts();
        let membership = |principal: &Principal| {
            if request.memberships.contains(principal) { Membership::Yes } else { Membership::No }
        };
        let steps = explain(&policy, &PolicyQuery {
            instance: Some(facts.instance),
            role: RequestedEntry { text: "101", named: facts.role },
            workspace: None,
            requester: &request.requester,
            channel: None,
            email: Some(facts.email),
            membership: &membership,
        });
        let first = steps.iter().find(|step| step.is_last()).map(|step| step.rule.index);
        proptest::prop_assert_eq!(first, Some(policy.matched_rule(&RuleInput::of(&request)).index));
    }
}
