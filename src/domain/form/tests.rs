//! Forms under the policy, and what stands beside their fields.

use jiff::SignedDuration;

use super::*;
use crate::domain::offer::tests::catalog;

pub(crate) fn policy() -> Policy {
    Policy {
        requesters: Vec::new(),
        email_domains: Vec::new(),
        roles: vec!["API Only".to_owned()],
        workspaces: vec!["Default".to_owned()],
        rules: Vec::new(),
        base: terms(),
    }
}

/// One approver, and nothing that must be given.
pub(crate) fn terms() -> Terms {
    Terms {
        approval: Approval::Required { approvers: vec![Principal::User("U0APPROVE".into())], needed: 1 },
        approval_channel: Some("C0APPROVE".into()),
        reason: Demand::Optional,
        expiration: Demand::Optional,
        max_access: SignedDuration::from_hours(365 * 24),
        pending_timeout: None,
        remind_after: None,
        escalation: None,
        timezone: None,
    }
}

fn draft() -> Draft {
    Draft {
        instance: "production".to_owned(),
        email: "svc@example.com".to_owned(),
        first_name: "Svc".to_owned(),
        last_name: "Crm".to_owned(),
        role: Some("101".to_owned()),
        ..Draft::default()
    }
}

fn faults(policy: &Policy, draft: &Draft) -> Vec<(Field, String)> {
    let offer = Offer::of(policy, &catalog());
    let now = "2026-11-24T10:00:00Z".parse().unwrap();
    let (requester, channel) = ("U0REQ".into(), "C0OPS".into());
    let rules = Rules {
        now,
        policy,
        offer: &offer,
        zone: &Zone::utc(),
        requester: &requester,
        memberships: &[],
        channel: &channel,
    };
    match check(rules, draft) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.into_iter().map(|fault| (fault.field, fault.text)).collect(),
    }
}

#[test]
fn a_good_form_becomes_a_change() {
    assert_eq!(faults(&policy(), &draft()), []);
}

#[test]
fn each_fault_is_told_beside_its_field() {
    let long = "x".repeat(1001);
    let strict = Policy {
        base: Terms { reason: Demand::Required, expiration: Demand::Required, ..terms() },
        email_domains: vec!["example.com".to_owned(), "example.org".to_owned()],
        ..policy()
    };
    let cases: Vec<(&Policy, Draft, Field, &str)> = vec![
        (
            &strict,
            Draft { email: "a@other.com".into(), ..draft() },
            Field::Email,
            "ends in @example.com or @example.org",
        ),
        (&strict, draft(), Field::Reason, "Say what the user is for"),
        (&strict, draft(), Field::Expiration, "2027-11-24 at the latest"),
    ];
    for (policy, draft, field, words) in cases {
        let found = faults(policy, &draft);
        assert!(found.iter().any(|(f, text)| *f == field && text.contains(words)), "{found:?}");
    }
    for (draft, field, words) in [
        (Draft { email: String::new(), ..draft() }, Field::Email, "Enter an e-mail"),
        (Draft { email: "nobody".into(), ..draft() }, Field::Email, "such as"),
        (Draft { email: "\u{430}dmin@example.com".into(), ..draft() }, Field::Email, "“а” (U+0430)"),
        (
            Draft { email: "a\u{202E}b@example.com".into(), ..draft() },
            Field::Email,
            "invisible character (U+202E)",
        ),
        (Draft { email: format!("{}@example.com", "a".repeat(250)), ..draft() }, Field::Email, "254"),
        (Draft { first_name: " ".into(), ..draft() }, Field::FirstName, "Enter a first name."),
        (Draft { last_name: "\u{200B}".into(), ..draft() }, Field::LastName, "Enter a last name."),
        (Draft { first_name: "x".repeat(101), ..draft() }, Field::FirstName, "100"),
        (Draft { reason: long, ..draft() }, Field::Reason, "1000"),
        (
            Draft { expiration: Some("2026-11-23".into()), ..draft() },
            Field::Expiration,
            "2026-11-24 or later",
        ),
        (Draft { expiration: Some("2028-11-24".into()), ..draft() }, Field::Expiration, "until 2027-11-24"),
        (Draft { expiration: Some("soon".into()), ..draft() }, Field::Expiration, "Choose a date"),
        (Draft { role: None, ..draft() }, Field::Role, "Choose a role."),
        (Draft { role: Some("1".into()), ..draft() }, Field::Role, "no longer offered"),
        (Draft { role: Some("x".into()), ..draft() }, Field::Role, "no longer offered"),
        (Draft { workspace: Some("9".into()), ..draft() }, Field::Workspace, "no longer offered"),
    ] {
        let found = faults(&policy(), &draft);
        assert!(found.len() == 1 && found[0].0 == field && found[0].1.contains(words), "{found:?}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let fields: Vec<Field> =
        faults(&policy(), &Draft::default()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, [Field::Email, Field::FirstName, Field::LastName, Field::Role]);
}

#[test]
fn a_workspace_must_be_chosen_where_there_is_a_choice_and_must_fit_the_role() {
    let open = Policy { roles: vec!["API Only".into(), "Admin".into()], workspaces: Vec::new(), ..policy() };
    assert_eq!(faults(&open, &draft())[0].0, Field::Workspace);
    assert_eq!(faults(&open, &Draft { workspace: Some("7".into()), ..draft() }), []);
    let admin = |workspace: Option<&str>| Draft {
        role: Some("1".into()),
        workspace: workspace.map(Into::into),
        ..draft()
    };
    assert!(faults(&open, &admin(Some("7")))[0].1.contains("choose AllZones"));
    assert_eq!(faults(&open, &admin(None)), []);
    assert_eq!(faults(&open, &admin(Some("0"))), []);
}
