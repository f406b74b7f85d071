//! From the form that a person filled in to a change that may be asked for, or to the faults beside its
//! fields. Everything a form says is checked here, whatever the form itself promised to check.

use jiff::Timestamp;

use super::{
    change::CreateUser,
    expiration::{DateFault, Expiration, Zone},
    offer::{ALL_WORKSPACES, Offer},
    policy::{Demand, Policy},
    text::{EMAIL_MAX, Email, NAME_MAX, PersonName, REASON_MAX, Reason, TextFault},
};

/// What was typed and chosen, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The name of the instance.
    pub instance: String,
    /// E-mail.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Reason.
    pub reason: String,
    /// `YYYY-MM-DD`, or absent.
    pub expiration: Option<String>,
    /// The id of the chosen role.
    pub role: Option<String>,
    /// The id of the chosen workspace; absent where there was no choice.
    pub workspace: Option<String>,
}

impl Draft {
    /// The form that would lead to this user.
    pub fn of(user: &CreateUser, reason: Option<&Reason>) -> Self {
        Self {
            instance: user.instance.clone(),
            email: user.email.as_str().to_owned(),
            first_name: user.first_name.as_str().to_owned(),
            last_name: user.last_name.as_str().to_owned(),
            reason: reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
            expiration: user.expiration.as_ref().map(|end| end.date().to_string()),
            role: Some(user.role.id.to_string()),
            workspace: Some(user.workspace.id.to_string()),
        }
    }
}

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// E-mail.
    Email,
    /// First name.
    FirstName,
    /// Last name.
    LastName,
    /// Reason.
    Reason,
    /// Access expiration.
    Expiration,
    /// Role.
    Role,
    /// Workspace.
    Workspace,
    /// Marketo instance.
    Instance,
}

/// What is wrong with one field, in words for the person who filled it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// Beside which field it is shown.
    pub field: Field,
    /// What is wrong and what to do.
    pub text: String,
}

impl FieldFault {
    /// A fault beside `field`.
    pub fn new(field: Field, text: impl Into<String>) -> Self {
        Self { field, text: text.into() }
    }
}

/// What a form is held against.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The time of the submission.
    pub now: Timestamp,
    /// The policy of today.
    pub policy: &'a Policy,
    /// What may be chosen.
    pub offer: &'a Offer,
    /// The zone of the person who asks.
    pub zone: &'a Zone,
}

/// Turns a form into a change and its reason.
///
/// # Errors
/// Every fault that was found, at most one for each field.
pub fn check(rules: Rules<'_>, draft: &Draft) -> Result<(CreateUser, Option<Reason>), Vec<FieldFault>> {
    let mut faults = Vec::new();
    let email = keep(&mut faults, email(rules.policy, &draft.email));
    let first_name = keep(&mut faults, name(Field::FirstName, "first name", &draft.first_name));
    let last_name = keep(&mut faults, name(Field::LastName, "last name", &draft.last_name));
    let reason = keep(&mut faults, reason(rules.policy, &draft.reason));
    let expiration = keep(&mut faults, expiration(rules, draft.expiration.as_deref()));
    let place = keep(&mut faults, place(rules.offer, draft));
    match (email, first_name, last_name, reason, expiration, place) {
        (
            Some(email),
            Some(first_name),
            Some(last_name),
            Some(reason),
            Some(expiration),
            Some((role, workspace)),
        ) => {
            let instance = draft.instance.clone();
            Ok((CreateUser { instance, email, first_name, last_name, role, workspace, expiration }, reason))
        }
        _ => Err(faults),
    }
}

fn keep<T>(faults: &mut Vec<FieldFault>, result: Result<T, FieldFault>) -> Option<T> {
    result.map_err(|fault| faults.push(fault)).ok()
}

fn email(policy: &Policy, typed: &str) -> Result<Email, FieldFault> {
    let fault = |text: String| FieldFault::new(Field::Email, text);
    let email = Email::parse(typed).map_err(|why| {
        fault(match why {
            TextFault::Empty => "Enter an e-mail address.".to_owned(),
            TextFault::TooLong => format!("An e-mail address has at most {EMAIL_MAX} characters."),
            TextFault::Malformed => "Enter an e-mail address such as svc-crm@example.com.".to_owned(),
        })
    })?;
    let is_allowed = policy.email_domains.is_empty() || policy.email_domains.iter().any(|d| email.is_in(d));
    if is_allowed {
        Ok(email)
    } else {
        Err(fault(format!("Use an address that ends in @{}.", policy.email_domains.join(" or @"))))
    }
}

fn name(field: Field, what: &str, typed: &str) -> Result<PersonName, FieldFault> {
    PersonName::parse(typed).map_err(|why| match why {
        TextFault::TooLong => FieldFault::new(field, format!("A {what} has at most {NAME_MAX} characters.")),
        TextFault::Empty | TextFault::Malformed => FieldFault::new(field, format!("Enter a {what}.")),
    })
}

fn reason(policy: &Policy, typed: &str) -> Result<Option<Reason>, FieldFault> {
    match (Reason::parse(typed), policy.reason) {
        (Ok(reason), _) => Ok(Some(reason)),
        (Err(TextFault::TooLong), _) => {
            Err(FieldFault::new(Field::Reason, format!("A reason has at most {REASON_MAX} characters.")))
        }
        (Err(_), Demand::Required) => {
            Err(FieldFault::new(Field::Reason, "Say what the user is for: the approver decides by it."))
        }
        (Err(_), Demand::Optional) => Ok(None),
    }
}

fn expiration(rules: Rules<'_>, typed: Option<&str>) -> Result<Option<Expiration>, FieldFault> {
    let fault = |text: String| Err(FieldFault::new(Field::Expiration, text));
    let Some(typed) = typed.filter(|typed| !typed.trim().is_empty()) else {
        return match rules.policy.expiration {
            Demand::Optional => Ok(None),
            Demand::Required => {
                let last = Expiration::last_day(rules.zone, rules.now, rules.policy.max_access);
                fault(format!("Choose the last day of access, {last} at the latest."))
            }
        };
    };
    match Expiration::parse(typed, rules.zone, rules.now, rules.policy.max_access) {
        Ok(expiration) => Ok(Some(expiration)),
        Err(DateFault::Malformed) => fault("Choose a date.".to_owned()),
        Err(DateFault::Past) => {
            fault(format!("That day is over. Choose {} or later.", rules.zone.today(rules.now)))
        }
        Err(DateFault::TooFar(last)) => fault(format!("Access may last until {last} at the latest.")),
    }
}

type Place = (super::change::Named, super::change::Named);

/// The chosen role and workspace, which must go together.
fn place(offer: &Offer, draft: &Draft) -> Result<Place, FieldFault> {
    let chosen = draft.role.as_deref().filter(|id| !id.is_empty());
    let Some(chosen) = chosen else { return Err(FieldFault::new(Field::Role, "Choose a role.")) };
    let role = chosen.parse().ok().and_then(|id| offer.role(id));
    let Some(role) = role else {
        return Err(FieldFault::new(Field::Role, "This role is no longer offered. Choose another one."));
    };
    let all = offer.workspace(ALL_WORKSPACES);
    let workspace =
        match (draft.workspace.as_deref().filter(|id| !id.is_empty()), offer.workspaces.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) if role.only_all_workspaces => all,
            (None, _) => return Err(FieldFault::new(Field::Workspace, "Choose a workspace.")),
            (Some(id), _) => id.parse().ok().and_then(|id| offer.workspace(id)),
        };
    match workspace {
        None => {
            Err(FieldFault::new(Field::Workspace, "This workspace is no longer offered. Choose another one."))
        }
        Some(workspace) if role.only_all_workspaces && workspace.id != ALL_WORKSPACES => match all {
            Some(all) => Err(FieldFault::new(
                Field::Workspace,
                format!("The role {} is given in all workspaces only: choose {}.", role.named.name, all.name),
            )),
            None => Err(FieldFault::new(
                Field::Role,
                "This role is given in all workspaces only, which is not allowed here. Choose another one.",
            )),
        },
        Some(workspace) => Ok((role.named.clone(), workspace.clone())),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::{offer::tests::catalog, people::Principal, policy::Approval};

    pub(crate) fn policy() -> Policy {
        Policy {
            approval: Approval::Required { approvers: vec![Principal::User("U0APPROVE".into())] },
            approval_channel: Some("C0APPROVE".into()),
            requesters: Vec::new(),
            reason: Demand::Optional,
            expiration: Demand::Optional,
            max_access: SignedDuration::from_hours(365 * 24),
            email_domains: Vec::new(),
            roles: vec!["API Only".to_owned()],
            workspaces: vec!["Default".to_owned()],
            pending_timeout: None,
            remind_after: None,
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
        let rules = Rules { now, policy, offer: &offer, zone: &Zone::utc() };
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
            reason: Demand::Required,
            expiration: Demand::Required,
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
            (
                Draft { expiration: Some("2028-11-24".into()), ..draft() },
                Field::Expiration,
                "until 2027-11-24",
            ),
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
        let open =
            Policy { roles: vec!["API Only".into(), "Admin".into()], workspaces: Vec::new(), ..policy() };
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
}
