//! Forms validated against a policy, and their field errors.

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

/// One approver, and no required fields.
pub(crate) fn terms() -> Terms {
    Terms {
        approval: Approval::Required { approvers: vec![Principal::User("U0APPROVE".into())], needed: 1 },
        approval_channel: Some("C0APPROVE".into()),
        reason: Requirement::Optional,
        expiration: Requirement::Optional,
        max_access: SignedDuration::from_hours(365 * 24),
        pending_timeout: None,
        remind_after: None,
        approval_valid_for: None,
        escalation: None,
        timezone: None,
    }
}

fn input() -> FormInput {
    FormInput {
        instance: "production".to_owned(),
        email: "svc@example.com".to_owned(),
        first_name: "Svc".to_owned(),
        last_name: "Crm".to_owned(),
        role: Some("101".to_owned()),
        ..FormInput::default()
    }
}

fn errors(policy: &Policy, input: &FormInput) -> Vec<(Field, FieldErrorKind)> {
    let options = AllowedOptions::of(policy, &catalog());
    let now = "2026-11-24T10:00:00Z".parse().unwrap();
    let (requester, channel) = ("U0REQ".into(), "C0OPS".into());
    let context = FormContext {
        now,
        policy,
        options: &options,
        zone: &Zone::utc(),
        requester: &requester,
        memberships: &[],
        channel: &channel,
    };
    match validate(context, input) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| (error.field, error.kind)).collect(),
    }
}

#[test]
fn valid_form_is_accepted() {
    assert_eq!(errors(&policy(), &input()), []);
}

#[test]
fn each_error_is_reported_at_its_field() {
    let day = |day: &str| day.parse().unwrap();
    let domains = vec!["example.com".to_owned(), "example.org".to_owned()];
    let strict = Policy {
        base: Terms { reason: Requirement::Required, expiration: Requirement::Required, ..terms() },
        email_domains: domains.clone(),
        ..policy()
    };
    let last = day("2027-11-24");
    for (input, field, kind) in [
        (
            FormInput { email: "a@other.com".into(), ..input() },
            Field::Email,
            FieldErrorKind::OtherDomain(domains),
        ),
        (input(), Field::Reason, FieldErrorKind::Text(TextError::Empty)),
        (input(), Field::Expiration, FieldErrorKind::DateRequired { last: Some(last) }),
    ] {
        let errors = errors(&strict, &input);
        assert!(errors.contains(&(field, kind)), "{errors:?}");
    }
    let text = FieldErrorKind::Text;
    let until = |day: &str| FormInput { expiration: Some(day.to_owned()), ..input() };
    for (input, field, kind) in [
        (FormInput { email: String::new(), ..input() }, Field::Email, text(TextError::Empty)),
        (FormInput { email: "nobody".into(), ..input() }, Field::Email, text(TextError::Malformed)),
        (
            FormInput { email: "\u{430}dmin@example.com".into(), ..input() },
            Field::Email,
            FieldErrorKind::UnsupportedCharacter('\u{430}'),
        ),
        (
            FormInput { email: "a\u{202E}b@example.com".into(), ..input() },
            Field::Email,
            FieldErrorKind::UnsupportedCharacter('\u{202E}'),
        ),
        (
            FormInput { email: format!("{}@example.com", "a".repeat(250)), ..input() },
            Field::Email,
            text(TextError::TooLong),
        ),
        (FormInput { first_name: " ".into(), ..input() }, Field::FirstName, text(TextError::Empty)),
        (FormInput { last_name: "\u{200B}".into(), ..input() }, Field::LastName, text(TextError::Empty)),
        (FormInput { first_name: "x".repeat(101), ..input() }, Field::FirstName, text(TextError::TooLong)),
        (FormInput { reason: "x".repeat(1001), ..input() }, Field::Reason, text(TextError::TooLong)),
        (until("2026-11-23"), Field::Expiration, FieldErrorKind::DateInPast { first: day("2026-11-24") }),
        (until("2028-11-24"), Field::Expiration, FieldErrorKind::DateTooLate { last }),
        (until("soon"), Field::Expiration, FieldErrorKind::InvalidDate),
        (FormInput { role: None, ..input() }, Field::Role, FieldErrorKind::NotChosen),
        (FormInput { role: Some("1".into()), ..input() }, Field::Role, FieldErrorKind::NotOffered),
        (FormInput { role: Some("x".into()), ..input() }, Field::Role, FieldErrorKind::NotOffered),
        (FormInput { workspace: Some("9".into()), ..input() }, Field::Workspace, FieldErrorKind::NotOffered),
    ] {
        assert_eq!(errors(&policy(), &input), [(field, kind)]);
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    let fields: Vec<Field> =
        errors(&policy(), &FormInput::default()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, [Field::Email, Field::FirstName, Field::LastName, Field::Role]);
}

#[test]
fn workspace_is_required_if_there_is_a_choice_and_must_fit_the_role() {
    let open = Policy { roles: vec!["API Only".into(), "Admin".into()], workspaces: Vec::new(), ..policy() };
    assert_eq!(errors(&open, &input()), [(Field::Workspace, FieldErrorKind::NotChosen)]);
    assert_eq!(errors(&open, &FormInput { workspace: Some("7".into()), ..input() }), []);
    let admin = |workspace: Option<&str>| FormInput {
        role: Some("1".into()),
        workspace: workspace.map(Into::into),
        ..input()
    };
    let all = Some("AllZones".to_owned());
    let kind = FieldErrorKind::AllWorkspacesOnly { role: "Admin".to_owned(), all };
    assert_eq!(errors(&open, &admin(Some("7"))), [(Field::Workspace, kind)]);
    assert_eq!(errors(&open, &admin(None)), []);
    assert_eq!(errors(&open, &admin(Some("0"))), []);
}
