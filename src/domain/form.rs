//! From the form that a person filled in to a change that may be asked for, or to the faults beside its
//! fields. Everything a form says is checked here, whatever the form itself promised to check.

mod field_error;

use jiff::{SignedDuration, Timestamp};

pub use self::field_error::{FieldError, FieldErrorKind};
use super::{
    allowed_options::{ALL_WORKSPACES, AllowedOptions},
    change::CreateUser,
    expiration::{Expiration, Zone},
    people::{ChannelId, Principal, UserId},
    policy::{Approval, Policy, Requirement, RuleContext, RuleInput, Terms},
    text::{Email, PersonName, Reason, TextError},
};

/// What was typed and chosen, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormInput {
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

impl FormInput {
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

/// What a form is held against.
#[derive(Clone, Copy, Debug)]
pub struct FormContext<'a> {
    /// The time of the submission.
    pub now: Timestamp,
    /// The policy of today.
    pub policy: &'a Policy,
    /// What may be chosen.
    pub offer: &'a AllowedOptions,
    /// The zone of the person who asks.
    pub zone: &'a Zone,
    /// Who asks.
    pub requester: &'a UserId,
    /// Which of the groups and channels that rules name they are in.
    pub memberships: &'a [Principal],
    /// Where the command was typed.
    pub channel: &'a ChannelId,
}

/// What a form demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormRequirements {
    /// Whether a reason must be given.
    pub reason: Requirement,
    /// Whether an end of access must be given.
    pub expiration: Requirement,
    /// The furthest end of access.
    pub max_access: SignedDuration,
}

/// What a form tells before anything in it is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormPreview<'a> {
    /// What must be filled in, whatever is chosen.
    pub demands: FormRequirements,
    /// Who may come to decide, depending on what is chosen. Never empty.
    pub approvals: Vec<&'a Approval>,
}

impl<'a> FormPreview<'a> {
    /// What can be told of a form that `asks` opens.
    pub fn of(policy: &'a Policy, asks: &RuleContext<'_>) -> Self {
        let mut approvals: Vec<&Approval> = Vec::new();
        for terms in policy.possible_terms(asks) {
            if !approvals.contains(&&terms.approval) {
                approvals.push(&terms.approval);
            }
        }
        Self { demands: FormRequirements::at_least(policy, asks), approvals }
    }
}

impl FormRequirements {
    /// What must be met to meet each of `terms`.
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

    /// What every form has to meet before anything in it is chosen; more may come with the choice.
    fn at_least(policy: &Policy, asks: &RuleContext<'_>) -> Self {
        let looser =
            |one: Requirement, other: Requirement| if one == Requirement::Optional { one } else { other };
        let possible = policy.possible_terms(asks);
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

    /// What a request for this case has to meet. Where a rule lets only so many a week through without an approval,
    /// it may be the next rule that holds: both are met.
    fn of_case(policy: &Policy, case: &RuleInput<'_>) -> Self {
        let is_capped = |terms: &Terms| matches!(terms.approval, Approval::None { per_week: Some(_) });
        let rulings: Vec<_> = policy.matching_rules(case).collect();
        let capped = rulings.iter().take_while(|ruling| is_capped(ruling.terms)).count();
        let held = rulings.iter().take(capped + 1).map(|ruling| ruling.terms);
        Self::all(held).unwrap_or_else(|| Self::of(&policy.base))
    }
}

/// Turns a form into a change and its reason.
///
/// # Errors
/// Every fault that was found, at most one for each field.
pub fn validate(
    rules: FormContext<'_>,
    draft: &FormInput,
) -> Result<(CreateUser, Option<Reason>), Vec<FieldError>> {
    let mut faults = Vec::new();
    let email = collect_error(&mut faults, email(rules.policy, &draft.email));
    let first_name = collect_error(&mut faults, name(Field::FirstName, &draft.first_name));
    let last_name = collect_error(&mut faults, name(Field::LastName, &draft.last_name));
    let place = collect_error(
        &mut faults,
        chosen_role_and_workspace(rules.offer, draft.role.as_deref(), draft.workspace.as_deref()),
    );
    let demands = match (&email, &place) {
        (Some(email), Some((role, workspace))) => {
            let FormContext { requester, memberships, channel, .. } = rules;
            let instance = draft.instance.as_str();
            FormRequirements::of_case(
                rules.policy,
                &RuleInput { instance, role, workspace, email, requester, memberships, channel },
            )
        }
        // Which rule holds is not known yet.
        _ => FormRequirements::of(&rules.policy.base),
    };
    let reason = collect_error(&mut faults, reason(demands.reason, &draft.reason));
    let expiration = collect_error(&mut faults, expiration(rules, demands, draft.expiration.as_deref()));
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
        _ => {
            faults.sort_by_key(|fault| fault.field);
            Err(faults)
        }
    }
}

fn collect_error<T>(faults: &mut Vec<FieldError>, result: Result<T, FieldError>) -> Option<T> {
    result.map_err(|fault| faults.push(fault)).ok()
}

fn email(policy: &Policy, typed: &str) -> Result<Email, FieldError> {
    let fault = |why| FieldError::new(Field::Email, why);
    let email = Email::parse(typed).map_err(|why| {
        let strange = typed.trim().chars().find(|c| !c.is_ascii() || c.is_control());
        fault(match (why, strange) {
            (TextError::Malformed, Some(strange)) => FieldErrorKind::Strange(strange),
            (why, _) => FieldErrorKind::Text(why),
        })
    })?;
    let domains = &policy.email_domains;
    if domains.is_empty() || domains.iter().any(|domain| email.is_in(domain)) {
        Ok(email)
    } else {
        Err(fault(FieldErrorKind::OtherDomain(domains.clone())))
    }
}

fn name(field: Field, typed: &str) -> Result<PersonName, FieldError> {
    PersonName::parse(typed).map_err(|why| FieldError::new(field, FieldErrorKind::Text(why)))
}

fn reason(demand: Requirement, typed: &str) -> Result<Option<Reason>, FieldError> {
    match (Reason::parse(typed), demand) {
        (Ok(reason), _) => Ok(Some(reason)),
        (Err(TextError::Empty | TextError::Malformed), Requirement::Optional) => Ok(None),
        (Err(why), _) => Err(FieldError::new(Field::Reason, FieldErrorKind::Text(why))),
    }
}

fn expiration(
    rules: FormContext<'_>,
    demands: FormRequirements,
    typed: Option<&str>,
) -> Result<Option<Expiration>, FieldError> {
    let fault = |why| FieldError::new(Field::Expiration, why);
    let Some(typed) = typed.filter(|typed| !typed.trim().is_empty()) else {
        let last = Some(Expiration::last_day(rules.zone, rules.now, demands.max_access));
        return match demands.expiration {
            Requirement::Optional => Ok(None),
            Requirement::Required => Err(fault(FieldErrorKind::NoDay { last })),
        };
    };
    let expiration = Expiration::parse(typed, rules.zone, rules.now, demands.max_access);
    expiration.map(Some).map_err(|why| fault(FieldErrorKind::of_day(why, rules.zone.today(rules.now))))
}

type RoleAndWorkspace = (super::change::Named, super::change::Named);

/// The chosen role and workspace, which must go together.
pub(super) fn chosen_role_and_workspace(
    offer: &AllowedOptions,
    role: Option<&str>,
    workspace: Option<&str>,
) -> Result<RoleAndWorkspace, FieldError> {
    let chosen = role.filter(|id| !id.is_empty());
    let Some(chosen) = chosen else { return Err(FieldError::new(Field::Role, FieldErrorKind::NotChosen)) };
    let role = chosen.parse().ok().and_then(|id| offer.role(id));
    let Some(role) = role else {
        return Err(FieldError::new(Field::Role, FieldErrorKind::NotOffered));
    };
    let all = offer.workspace(ALL_WORKSPACES);
    let workspace = match (workspace.filter(|id| !id.is_empty()), offer.workspaces.as_slice()) {
        (None, [only]) => Some(only),
        (None, _) if role.only_all_workspaces => all,
        (None, _) => return Err(FieldError::new(Field::Workspace, FieldErrorKind::NotChosen)),
        (Some(id), _) => id.parse().ok().and_then(|id| offer.workspace(id)),
    };
    match workspace {
        None => Err(FieldError::new(Field::Workspace, FieldErrorKind::NotOffered)),
        Some(workspace) if role.only_all_workspaces && workspace.id != ALL_WORKSPACES => {
            let beside = if all.is_some() { Field::Workspace } else { Field::Role };
            let (role, all) = (role.named.name.clone(), all.map(|all| all.name.clone()));
            Err(FieldError::new(beside, FieldErrorKind::AllWorkspacesOnly { role, all }))
        }
        Some(workspace) => Ok((role.named.clone(), workspace.clone())),
    }
}

#[cfg(test)]
pub(crate) mod tests;
