//! How the review form reduces a requested user: the role, the workspace and the expiration, each checked as in the
//! request form. Whether what stays as requested is still allowed is checked with the result.

use super::context::{ReviewContext, ReviewInput};
use crate::domain::{
    change::{Change, CreateUser, Reduction},
    expiration::Expiration,
    form::{Field, FieldError, FieldErrorKind, chosen_role_and_workspace},
};

/// What the review form changes. Adds the errors that it finds to `errors`; the result is then meaningless.
pub(super) fn reduction(
    user: &CreateUser,
    context: &ReviewContext<'_>,
    input: &ReviewInput,
    errors: &mut Vec<FieldError>,
) -> Reduction {
    let mut reduction = Reduction::default();
    let is_same = |id: Option<&str>, requested: i64| id.is_none_or(|id| id.parse() == Ok(requested));
    let is_same_role = is_same(input.role.as_deref(), user.role.id);
    if !is_same_role || !is_same(input.workspace.as_deref(), user.workspace.id) {
        let requested = (user.role.id.to_string(), user.workspace.id.to_string());
        let role = input.role.as_deref().unwrap_or(&requested.0);
        let workspace = input.workspace.as_deref().unwrap_or(&requested.1);
        match chosen_role_and_workspace(context.options, Some(role), Some(workspace)) {
            Ok((role, workspace)) => {
                reduction.role = Some(role).filter(|role| role.id != user.role.id);
                reduction.workspace = Some(workspace).filter(|workspace| workspace.id != user.workspace.id);
            }
            Err(error) => errors.push(error),
        }
    }
    match input.expiration.as_deref().filter(|typed| !typed.trim().is_empty()) {
        None if user.expiration.is_some() => {
            errors.push(FieldError::new(Field::Expiration, FieldErrorKind::DateRequired { last: None }));
        }
        None => {}
        Some(typed) => match reviewed_expiration(user, context, &reduction, typed) {
            Ok(expiration) => reduction.expiration = expiration,
            Err(error) => errors.push(error),
        },
    }
    reduction
}

/// The chosen expiration; `None` if it stays as requested.
fn reviewed_expiration(
    user: &CreateUser,
    context: &ReviewContext<'_>,
    reduction: &Reduction,
    typed: &str,
) -> Result<Option<Expiration>, FieldError> {
    let now = context.now;
    let error = |kind| FieldError::new(Field::Expiration, kind);
    let before = user.expiration.as_ref();
    if let Some(before) = before.filter(|before| before.date().to_string() == typed.trim()) {
        if before.at() > now {
            return Ok(None);
        }
        return Err(error(FieldErrorKind::DateInPast { first: before.zone().today(now) }));
    }
    let max_access = (context.max_access)(&Change::CreateUser(user.reduced(reduction)));
    let zone = before.map_or(context.zone, Expiration::zone);
    let chosen = Expiration::parse(typed, zone, now, max_access)
        .map_err(|why| error(FieldErrorKind::of_date(why, zone.today(now))))?;
    match before {
        Some(before) if before.at() > now && chosen.at() > before.at() => {
            Err(error(FieldErrorKind::LaterThanRequested { requested: before.date() }))
        }
        _ => Ok(Some(chosen)),
    }
}
