//! Forms under the policy, and what stands beside their fields.

use jiff::SignedDuration;

use super::*;
use crate::domain::allowed_options::tests::catalog;

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
        reason: Requirement::Optional,
        expiration: Requirement::Optional,
        max_access: SignedDuration::from_hours(365 * 24),
        pending_timeout: None,
        remind_after: None,
        escalation: None,
        timezone: None,
    }
}

fn draft() -> FormInput {
    FormInput {
        instance: "production".to_owned(),
        email: "svc@example.com".to_owned(),
        first_name: "Svc".to_owned(),
        last_name: "Crm".to_owned(),
        role: Some("101".to_owned()),
        ..FormInput::default()
    }
}

fn faults(policy: &Policy, draft: &FormInput) -> Vec<(Field, FieldErrorKind)> {
    let offer = AllowedOptions::of(policy, &catalog());
    let now = "2026-11-24T10:00:00Z".parse().unwrap();
    let (requester, channel) = ("U0REQ".into(), "C0OPS".into());
    let rules = FormContext {
        now,
        policy,
        offer: &offer,
        zone: &Zone::utc(),
        requester: &requester,
        memberships: &[],
        channel: &channel,
    };
    match validate(rules, draft) {
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
        base: Terms { reason: Requirement::Required, expiration: Requirement::Required, ..terms() },
        email_domains: domains.clone(),
        ..policy()
    };
    let last = day("2027-11-24");
    for (draft, field, why) in [
        (
            FormInput { email: "a@other.com".into(), ..draft() },
            Field::Email,
            FieldErrorKind::OtherDomain(domains),
        ),
        (draft(), Field::Reason, FieldErrorKind::Text(TextError::Empty)),
        (draft(), Field::Expiration, FieldErrorKind::NoDay { last: Some(last) }),
    ] {
        let found = faults(&strict, &draft);
        assert!(found.contains(&(field, why)), "{found:?}");
    }
    let text = |why| FieldErrorKind::Text(why);
    let until = |day: &str| FormInput { expiration: Some(day.to_owned()), ..draft() };
    for (draft, field, why) in [
        (FormInput { email: String::new(), ..draft() }, Field::Email, text(TextError::Empty)),
        (FormInput { email: "nobody".into(), ..draft() }, Field::Email, text(TextError::Malformed)),
        (
            FormInput { email: "\u{430}dmin@example.com".into(), ..draft() },
            Field::Email,
            FieldErrorKind::Strange('\u{430}'),
        ),
        (
            FormInput { email: "a\u{202E}b@example.com".into(), ..draft() },
            Field::Email,
            FieldErrorKind::Strange('\u{202E}'),
        ),
        (
            FormInput { email: format!("{}@example.com", "a".repeat(250)), ..draft() },
            Field::Email,
            text(TextError::TooLong),
        ),
        (FormInput { first_name: " ".into(), ..draft() }, Field::FirstName, text(TextError::Empty)),
        (FormInput { last_name: "\u{200B}".into(), ..draft() }, Field::LastName, text(TextError::Empty)),
        (FormInput { first_name: "x".repeat(101), ..draft() }, Field::FirstName, text(TextError::TooLong)),
        (FormInput { reason: "x".repeat(1001), ..draft() }, Field::Reason, text(TextError::TooLong)),
        (until("2026-11-23"), Field::Expiration, FieldErrorKind::DayIsOver { first: day("2026-11-24") }),
        (until("2028-11-24"), Field::Expiration, FieldErrorKind::TooFar { last }),
        (until("soon"), Field::Expiration, FieldErrorKind::NotADay),
        (FormInput { role: None, ..draft() }, Field::Role, FieldErrorKind::NotChosen),
        (FormInput { role: Some("1".into()), ..draft() }, Field::Role, FieldErrorKind::NotOffered),
        (FormInput { role: Some("x".into()), ..draft() }, Field::Role, FieldErrorKind::NotOffered),
        (FormInput { workspace: Some("9".into()), ..draft() }, Field::Workspace, FieldErrorKind::NotOffered),
    ] {
        assert_eq!(faults(&policy(), &draft), [(field, why)]);
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let fields: Vec<Field> =
        faults(&policy(), &FormInput::default()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, [Field::Email, Field::FirstName, Field::LastName, Field::Role]);
}

#[test]
fn a_workspace_must_be_chosen_where_there_is_a_choice_and_must_fit_the_role() {
    let open = Policy { roles: vec!["API Only".into(), "Admin".into()], workspaces: Vec::new(), ..policy() };
    assert_eq!(faults(&open, &draft()), [(Field::Workspace, FieldErrorKind::NotChosen)]);
    assert_eq!(faults(&open, &FormInput { workspace: Some("7".into()), ..draft() }), []);
    let admin = |workspace: Option<&str>| FormInput {
        role: Some("1".into()),
        workspace: workspace.map(Into::into),
        ..draft()
    };
    let all = Some("AllZones".to_owned());
    let why = FieldErrorKind::AllWorkspacesOnly { role: "Admin".to_owned(), all };
    assert_eq!(faults(&open, &admin(Some("7"))), [(Field::Workspace, why)]);
    assert_eq!(faults(&open, &admin(None)), []);
    assert_eq!(faults(&open, &admin(Some("0"))), []);
}
