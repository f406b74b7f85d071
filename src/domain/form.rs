//! Validates the request form: turns its fields into a [`CreateUser`] or into field errors. Everything is checked here,
//! even what Slack checks too.

mod field_error;

use jiff::{SignedDuration, Timestamp};

pub use self::field_error::{FieldError, FieldErrorKind};
use super::{
    allowed_options::AllowedOptions,
    catalog::ALL_WORKSPACES,
    change::{CreateUser, RuleFacts},
    expiration::{Expiration, Zone},
    people::{ChannelId, Principal, UserId},
    policy::{Approval, Policy, Requirement, RuleContext, RuleInput, Terms},
    text::{Email, PersonName, Reason, TextError},
};

/// The submitted request form, unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormInput {
    /// The name of the instance.
    pub instance: String,
    /// Email.
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
    /// The id of the chosen workspace; absent if the form offered no choice.
    pub workspace: Option<String>,
}

impl FormInput {
    /// The form filled in with a requested user.
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
    /// Email.
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

/// What a form is validated against.
#[derive(Clone, Copy, Debug)]
pub struct FormContext<'a> {
    /// The time of the submission.
    pub now: Timestamp,
    /// The current policy.
    pub policy: &'a Policy,
    /// The roles and workspaces that the policy offers.
    pub options: &'a AllowedOptions,
    /// The requester's time zone.
    pub zone: &'a Zone,
    /// The requester.
    pub requester: &'a UserId,
    /// The groups and channels named in rules that the requester is in.
    pub memberships: &'a [Principal],
    /// The channel in which the command was used.
    pub channel: &'a ChannelId,
}

/// The requirements of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormRequirements {
    /// Whether a reason is required.
    pub reason: Requirement,
    /// Whether an expiration is required.
    pub expiration: Requirement,
    /// The longest access.
    pub max_access: SignedDuration,
}

/// What is known of a request before its form is filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormPreview<'a> {
    /// What is required whatever is chosen.
    pub requirements: FormRequirements,
    /// The approvals that may be needed, depending on what is chosen. Never empty.
    pub approvals: Vec<&'a Approval>,
}

impl<'a> FormPreview<'a> {
    /// The preview for a form opened in `context`.
    pub fn of(policy: &'a Policy, context: &RuleContext<'_>) -> Self {
        let mut approvals: Vec<&Approval> = Vec::new();
        for terms in policy.possible_terms(context) {
            if !approvals.contains(&&terms.approval) {
                approvals.push(&terms.approval);
            }
        }
        Self { requirements: FormRequirements::at_least(policy, context), approvals }
    }
}

impl FormRequirements {
    /// The strictest combination of `terms`.
    fn all<'a>(terms: impl IntoIterator<Item = &'a Terms>) -> Option<Self> {
        let stricter =
            |one: Requirement, other: Requirement| if one == Requirement::Required { one } else { other };
        terms.into_iter().map(Self::of).reduce(|one, other| Self {
            reason: stricter(one.reason, other.reason),
            expiration: stricter(one.expiration, other.expiration),
            max_access: one.max_access.min(other.max_access),
        })
    }

    fn of(terms: &Terms) -> Self {
        let Terms { reason, expiration, max_access, .. } = terms;
        Self { reason: *reason, expiration: *expiration, max_access: *max_access }
    }

    /// What is required whatever is chosen; a choice may require more.
    fn at_least(policy: &Policy, context: &RuleContext<'_>) -> Self {
        let looser =
            |one: Requirement, other: Requirement| if one == Requirement::Optional { one } else { other };
        let possible = policy.possible_terms(context);
        possible
            .into_iter()
            .map(Self::of)
            .fold(None, |all: Option<Self>, next| {
                Some(all.map_or(next, |all| Self {
                    reason: looser(all.reason, next.reason),
                    expiration: looser(all.expiration, next.expiration),
                    max_access: all.max_access.max(next.max_access),
                }))
            })
            .unwrap_or_else(|| Self::of(&policy.base))
    }

    /// The requirements for `input`. If a rule has a weekly limit, the next rule may apply instead, so that the form has
    /// to satisfy both.
    fn for_input(policy: &Policy, input: &RuleInput<'_>) -> Self {
        let matching: Vec<_> = policy.matching_rules(input).collect();
        let limited = matching.iter().take_while(|matched| matched.terms.has_weekly_limit()).count();
        let applicable = matching.iter().take(limited + 1).map(|matched| matched.terms);
        Self::all(applicable).unwrap_or_else(|| Self::of(&policy.base))
    }
}

/// Turns a form into the requested user and the reason.
///
/// # Errors
/// All errors, at most one for each field, in the order of the fields.
pub fn validate(
    context: FormContext<'_>,
    input: &FormInput,
) -> Result<(CreateUser, Option<Reason>), Vec<FieldError>> {
    let mut errors = Vec::new();
    let email = collect_error(&mut errors, email(context.policy, &input.email));
    let first_name = collect_error(&mut errors, name(Field::FirstName, &input.first_name));
    let last_name = collect_error(&mut errors, name(Field::LastName, &input.last_name));
    let role_and_workspace = collect_error(
        &mut errors,
        chosen_role_and_workspace(context.options, input.role.as_deref(), input.workspace.as_deref()),
    );
    let requirements = match (&email, &role_and_workspace) {
        (Some(email), Some((role, workspace))) => {
            let FormContext { requester, memberships, channel, .. } = context;
            let instance = input.instance.as_str();
            let change = RuleFacts { instance, role: Some(role), workspace: Some(workspace), email };
            let rule_input = RuleInput { change, requester, memberships, channel };
            FormRequirements::for_input(context.policy, &rule_input)
        }
        // It is not known yet which rule matches.
        _ => FormRequirements::of(&context.policy.base),
    };
    let reason = collect_error(&mut errors, reason(requirements.reason, &input.reason));
    let expiration =
        collect_error(&mut errors, expiration(context, requirements, input.expiration.as_deref()));
    match (email, first_name, last_name, reason, expiration, role_and_workspace) {
        (
            Some(email),
            Some(first_name),
            Some(last_name),
            Some(reason),
            Some(expiration),
            Some((role, workspace)),
        ) => {
            let instance = input.instance.clone();
            Ok((CreateUser { instance, email, first_name, last_name, role, workspace, expiration }, reason))
        }
        _ => {
            errors.sort_by_key(|error| error.field);
            Err(errors)
        }
    }
}

fn collect_error<T>(errors: &mut Vec<FieldError>, result: Result<T, FieldError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

fn email(policy: &Policy, typed: &str) -> Result<Email, FieldError> {
    let error = |kind| FieldError::new(Field::Email, kind);
    let email = Email::parse(typed).map_err(|text_error| {
        let unsupported = typed.trim().chars().find(|c| !c.is_ascii() || c.is_control());
        error(match (text_error, unsupported) {
            (TextError::Malformed, Some(c)) => FieldErrorKind::UnsupportedCharacter(c),
            (text_error, _) => FieldErrorKind::Text(text_error),
        })
    })?;
    let domains = &policy.email_domains;
    if domains.is_empty() || domains.iter().any(|domain| email.is_in(domain)) {
        Ok(email)
    } else {
        Err(error(FieldErrorKind::OtherDomain(domains.clone())))
    }
}

fn name(field: Field, typed: &str) -> Result<PersonName, FieldError> {
    PersonName::parse(typed).map_err(|error| FieldError::new(field, FieldErrorKind::Text(error)))
}

fn reason(requirement: Requirement, typed: &str) -> Result<Option<Reason>, FieldError> {
    match (Reason::parse(typed), requirement) {
        (Ok(reason), _) => Ok(Some(reason)),
        (Err(TextError::Empty | TextError::Malformed), Requirement::Optional) => Ok(None),
        (Err(error), _) => Err(FieldError::new(Field::Reason, FieldErrorKind::Text(error))),
    }
}

fn expiration(
    context: FormContext<'_>,
    requirements: FormRequirements,
    typed: Option<&str>,
) -> Result<Option<Expiration>, FieldError> {
    let FormContext { now, zone, .. } = context;
    let error = |kind| FieldError::new(Field::Expiration, kind);
    let Some(typed) = typed.filter(|typed| !typed.trim().is_empty()) else {
        let last = Some(Expiration::last_day(zone, now, requirements.max_access));
        return match requirements.expiration {
            Requirement::Optional => Ok(None),
            Requirement::Required => Err(error(FieldErrorKind::DateRequired { last })),
        };
    };
    let expiration = Expiration::parse(typed, zone, now, requirements.max_access);
    expiration.map(Some).map_err(|why| error(FieldErrorKind::of_date(why, zone.today(now))))
}

type RoleAndWorkspace = (super::change::Named, super::change::Named);

/// The chosen role and workspace, checked to fit together.
pub(super) fn chosen_role_and_workspace(
    options: &AllowedOptions,
    role: Option<&str>,
    workspace: Option<&str>,
) -> Result<RoleAndWorkspace, FieldError> {
    let Some(id) = role.filter(|id| !id.is_empty()) else {
        return Err(FieldError::new(Field::Role, FieldErrorKind::NotChosen));
    };
    let Some(role) = id.parse().ok().and_then(|id| options.role(id)) else {
        return Err(FieldError::new(Field::Role, FieldErrorKind::NotOffered));
    };
    let all = options.workspace(ALL_WORKSPACES);
    let workspace = match (workspace.filter(|id| !id.is_empty()), options.workspaces.as_slice()) {
        (None, [only]) => Some(only),
        (None, _) if role.only_all_workspaces => all,
        (None, _) => return Err(FieldError::new(Field::Workspace, FieldErrorKind::NotChosen)),
        (Some(id), _) => id.parse().ok().and_then(|id| options.workspace(id)),
    };
    match workspace {
        None => Err(FieldError::new(Field::Workspace, FieldErrorKind::NotOffered)),
        Some(workspace) if role.only_all_workspaces && workspace.id != ALL_WORKSPACES => {
            let field = if all.is_some() { Field::Workspace } else { Field::Role };
            let (role, all) = (role.named.name.clone(), all.map(|all| all.name.clone()));
            Err(FieldError::new(field, FieldErrorKind::AllWorkspacesOnly { role, all }))
        }
        Some(workspace) => Ok((role.named.clone(), workspace.clone())),
    }
}

#[cfg(test)]
pub(crate) mod tests;
