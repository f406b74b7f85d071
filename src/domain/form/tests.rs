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

fn faults(policy: &Policy, draft: &Draft) -> Vec<(Field, Fault)> {
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
        Err(faults) => faults.into_iter().map(|fault| (fault.field, fault.why)).collect(),
    }
}

#[test]
fn a_good_form_becomes_a_change() {
    assert_eq!(faults(&policy(), &draft()), []);
}

#[test]
fn each_fault_is_told_beside_its_field() {
    let day = |day: &str| day.parse().unwrap();
    let domains = vec!["example.com".to_owned(), "example.org".to_owned()];
    let strict = Policy {
        base: Terms { reason: Demand::Required, expiration: Demand::Required, ..terms() },
        email_domains: domains.clone(),
        ..policy()
    };
    let last = day("2027-11-24");
    for (draft, field, why) in [
        (Draft { email: "a@other.com".into(), ..draft() }, Field::Email, Fault::OtherDomain(domains)),
        (draft(), Field::Reason, Fault::Text(TextFault::Empty)),
        (draft(), Field::Expiration, Fault::NoDay { last: Some(last) }),
    ] {
        let found = faults(&strict, &draft);
        assert!(found.contains(&(field, why)), "{found:?}");
    }
    let text = |why| Fault::Text(why);
    let until = |day: &str| Draft { expiration: Some(day.to_owned()), ..draft() };
    for (draft, field, why) in [
        (Draft { email: String::new(), ..draft() }, Field::Email, text(TextFault::Empty)),
        (Draft { email: "nobody".into(), ..draft() }, Field::Email, text(TextFault::Malformed)),
        (
            Draft { email: "\u{430}dmin@example.com".into(), ..draft() },
            Field::Email,
            Fault::Character('\u{430}'),
        ),
        (
            Draft { email: "a\u{202E}b@example.com".into(), ..draft() },
            Field::Email,
            Fault::Character('\u{202E}'),
        ),
        (
            Draft { email: format!("{}@example.com", "a".repeat(250)), ..draft() },
            Field::Email,
            text(TextFault::TooLong),
        ),
        (Draft { first_name: " ".into(), ..draft() }, Field::FirstName, text(TextFault::Empty)),
        (Draft { last_name: "\u{200B}".into(), ..draft() }, Field::LastName, text(TextFault::Empty)),
        (Draft { first_name: "x".repeat(101), ..draft() }, Field::FirstName, text(TextFault::TooLong)),
        (Draft { reason: "x".repeat(1001), ..draft() }, Field::Reason, text(TextFault::TooLong)),
        (until("2026-11-23"), Field::Expiration, Fault::DayIsOver { first: day("2026-11-24") }),
        (until("2028-11-24"), Field::Expiration, Fault::TooFar { last }),
        (until("soon"), Field::Expiration, Fault::NotADay),
        (Draft { role: None, ..draft() }, Field::Role, Fault::NotChosen),
        (Draft { role: Some("1".into()), ..draft() }, Field::Role, Fault::NotOffered),
        (Draft { role: Some("x".into()), ..draft() }, Field::Role, Fault::NotOffered),
        (Draft { workspace: Some("9".into()), ..draft() }, Field::Workspace, Fault::NotOffered),
    ] {
        assert_eq!(faults(&policy(), &draft), [(field, why)]);
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
    assert_eq!(faults(&open, &draft()), [(Field::Workspace, Fault::NotChosen)]);
    assert_eq!(faults(&open, &Draft { workspace: Some("7".into()), ..draft() }), []);
    let admin = |workspace: Option<&str>| Draft {
        role: Some("1".into()),
        workspace: workspace.map(Into::into),
        ..draft()
    };
    let all = Some("AllZones".to_owned());
    let why = Fault::AllWorkspacesOnly { role: "Admin".to_owned(), all };
    assert_eq!(faults(&open, &admin(Some("7"))), [(Field::Workspace, why)]);
    assert_eq!(faults(&open, &admin(None)), []);
    assert_eq!(faults(&open, &admin(Some("0"))), []);
}
