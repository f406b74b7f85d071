//! Validates the form in which an approver reduces a request before approving it. Whether the result really is less than
//! requested is decided with the approval (`decide`); here every choice must be one that the policy offers.

mod context;
mod create_user;

pub use self::context::{ReviewContext, ReviewInput};
use super::{
    change::{Change, Reduction},
    expiration::Expiration,
    form::{Field, FieldError, FieldErrorKind, FormContext},
    policy::{RuleInput, Violation},
    request::Request,
    text::{Reason, TextError},
};

/// Turns a review of `request` into a reduction and the approver's note. `context` is the requester's.
///
/// # Errors
/// All errors, at most one for each field.
pub fn validate(
    context: FormContext<'_>,
    request: &Request,
    input: &ReviewInput,
) -> Result<(Reduction, Option<Reason>), Vec<FieldError>> {
    let max_access = |change: &Change| {
        let reduced = Request { change: change.clone(), ..request.clone() };
        context.policy.approval_rule(&RuleInput::of(&reduced)).terms.max_access
    };
    let FormContext { now, options, zone, .. } = context;
    let review = ReviewContext { now, options, zone, max_access: &max_access };
    let mut errors = Vec::new();
    let reduction = match &request.change {
        Change::CreateUser(user) => create_user::reduction(user, &review, input, &mut errors),
    };
    let note = match Reason::parse(&input.note) {
        Ok(note) => Some(note),
        Err(TextError::TooLong) => {
            errors.push(FieldError::new(Field::Reason, FieldErrorKind::NoteTooLong));
            None
        }
        Err(TextError::Empty | TextError::Malformed) => None,
    };
    if errors.is_empty() {
        errors.extend(violations(context, &request.reduced(&reduction)));
    }
    if errors.is_empty() { Ok((reduction, note)) } else { Err(errors) }
}

/// What the rule of the reduced request demands in addition, as field errors.
fn violations(context: FormContext<'_>, reduced: &Request) -> Vec<FieldError> {
    let FormContext { now, policy, zone, .. } = context;
    let error = |violation| match violation {
        Violation::RoleNotOffered => FieldError::new(Field::Role, FieldErrorKind::NotOffered),
        Violation::WorkspaceNotOffered => FieldError::new(Field::Workspace, FieldErrorKind::NotOffered),
        // The note is the last field; an approver cannot change the email.
        Violation::DomainNotAllowed => {
            FieldError::new(Field::Reason, FieldErrorKind::OtherDomain(policy.email_domains.clone()))
        }
        Violation::ReasonMissing => FieldError::new(Field::Role, FieldErrorKind::ReasonMissing),
        Violation::ExpirationMissing => {
            let max_access = policy.approval_rule(&RuleInput::of(reduced)).terms.max_access;
            let last = Some(Expiration::last_day(zone, now, max_access));
            FieldError::new(Field::Expiration, FieldErrorKind::DateRequired { last })
        }
        Violation::AccessTooLong { last } => {
            FieldError::new(Field::Expiration, FieldErrorKind::DateTooLate { last })
        }
    };
    policy.violations(now, reduced).into_iter().map(error).collect()
}
