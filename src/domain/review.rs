//! Validates the form in which an approver reduces a request before approving it. Whether the result really is less than
//! requested is decided with the approval (`decide`); here every choice must be one that the policy offers.

use jiff::{SignedDuration, Timestamp};

use super::{
    allowed_options::AllowedOptions,
    change::{Change, Reduction},
    expiration::Zone,
    form::{Field, FieldError, FieldErrorKind, FormContext},
    policy::RuleInput,
    request::Request,
    text::{Reason, TextError},
};

/// The submitted review form, unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewInput {
    /// `YYYY-MM-DD`, or absent.
    pub expiration: Option<String>,
    /// The id of the role.
    pub role: Option<String>,
    /// The id of the workspace; absent if the form offered no choice.
    pub workspace: Option<String>,
    /// The approver's note.
    pub note: String,
}

/// What a review is validated against.
#[derive(Clone, Copy)]
pub struct ReviewContext<'a> {
    /// The time of the submission.
    pub now: Timestamp,
    /// The roles and workspaces that the policy offers.
    pub options: &'a AllowedOptions,
    /// The requester's time zone: days end in it.
    pub zone: &'a Zone,
    /// The longest access that the policy allows for a change.
    pub max_access: &'a dyn Fn(&Change) -> SignedDuration,
}

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
    let reduction = request.change.reduction_of(&review, input, &mut errors);
    let note = match Reason::parse(&input.note) {
        Ok(note) => Some(note),
        Err(TextError::TooLong) => {
            errors.push(FieldError::new(Field::Reason, FieldErrorKind::NoteTooLong));
            None
        }
        Err(TextError::Empty | TextError::Malformed) => None,
    };
    if errors.is_empty() { Ok((reduction, note)) } else { Err(errors) }
}
