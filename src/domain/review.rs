//! From the form of a review to what an approver leaves of a request, or to the faults beside its fields. Whether it
//! is less than was asked for is decided at the press (`decide`); here it must be something that can be chosen at all.

use super::{
    change::{Change, Reduction},
    expiration::Expiration,
    form::{Field, FieldError, FieldErrorKind, FormContext, chosen_role_and_workspace},
    policy::RuleInput,
    request::Request,
    text::{Reason, TextError},
};

/// What was chosen in a review, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewInput {
    /// `YYYY-MM-DD`, or absent.
    pub expiration: Option<String>,
    /// The id of the role.
    pub role: Option<String>,
    /// The id of the workspace; absent where there was no choice.
    pub workspace: Option<String>,
    /// What the approver says about it.
    pub note: String,
}

/// Turns a review of `request` into what differs from it. `rules` are those of the requester: their zone is the one in
/// which days end.
///
/// # Errors
/// Every fault that was found, at most one for each field.
pub fn validate(
    rules: FormContext<'_>,
    request: &Request,
    choice: &ReviewInput,
) -> Result<(Reduction, Option<Reason>), Vec<FieldError>> {
    let Change::CreateUser(user) = &request.change;
    let mut faults = Vec::new();
    let mut narrowing = Reduction::default();
    let is_same = |id: Option<&str>, own: i64| id.is_none_or(|id| id.parse() == Ok(own));
    // What stays as it is need not be offered any more.
    let is_same_role = is_same(choice.role.as_deref(), user.role.id);
    if !is_same_role || !is_same(choice.workspace.as_deref(), user.workspace.id) {
        let own = (user.role.id.to_string(), user.workspace.id.to_string());
        let role = choice.role.as_deref().unwrap_or(&own.0);
        let workspace = choice.workspace.as_deref().unwrap_or(&own.1);
        match chosen_role_and_workspace(rules.offer, Some(role), Some(workspace)) {
            Ok((role, workspace)) => {
                narrowing.role = Some(role).filter(|role| role.id != user.role.id);
                narrowing.workspace = Some(workspace).filter(|workspace| workspace.id != user.workspace.id);
            }
            Err(fault) => faults.push(fault),
        }
    }
    match choice.expiration.as_deref().filter(|typed| !typed.trim().is_empty()) {
        None if user.expiration.is_some() => {
            faults.push(FieldError::new(Field::Expiration, FieldErrorKind::NoDay { last: None }));
        }
        None => {}
        Some(typed) => match expiration(rules, request, &narrowing, typed) {
            Ok(chosen) => narrowing.expiration = chosen,
            Err(fault) => faults.push(fault),
        },
    }
    let note = match Reason::parse(&choice.note) {
        Ok(note) => Some(note),
        Err(TextError::TooLong) => {
            faults.push(FieldError::new(Field::Reason, FieldErrorKind::NoteTooLong));
            None
        }
        Err(TextError::Empty | TextError::Malformed) => None,
    };
    if faults.is_empty() { Ok((narrowing, note)) } else { Err(faults) }
}

/// The chosen end of access, if it is another one than was asked for.
fn expiration(
    rules: FormContext<'_>,
    request: &Request,
    narrowing: &Reduction,
    typed: &str,
) -> Result<Option<Expiration>, FieldError> {
    let fault = |why| FieldError::new(Field::Expiration, why);
    let before = request.change.expiration();
    if let Some(before) = before.filter(|before| before.date().to_string() == typed.trim()) {
        if before.at() > rules.now {
            return Ok(None);
        }
        return Err(fault(FieldErrorKind::DayIsOver { first: before.zone().today(rules.now) }));
    }
    let narrowed = request.reduced(narrowing);
    let max_access = rules.policy.approval_rule(&RuleInput::of(&narrowed)).terms.max_access;
    let zone = before.map_or(rules.zone, Expiration::zone);
    let chosen = Expiration::parse(typed, zone, rules.now, max_access)
        .map_err(|why| fault(FieldErrorKind::of_day(why, zone.today(rules.now))))?;
    match before {
        Some(before) if before.at() > rules.now && chosen.at() > before.at() => {
            Err(fault(FieldErrorKind::LaterThanAsked { asked: before.date() }))
        }
        _ => Ok(Some(chosen)),
    }
}
