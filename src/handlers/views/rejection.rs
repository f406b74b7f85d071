//! Why a submitted form was not passed to the workflow.

use crate::{
    domain::form::{Field, FieldError},
    handlers::ack::Ack,
    slack::{form_errors, inbound::BlockId},
    workflow::StoreError,
};

/// Why a submitted form was not passed to the workflow.
pub(super) enum Rejection {
    /// The form is invalid; the ack shows the errors.
    Invalid(Ack),
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for Rejection {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Rejection {
    /// One error, shown at `block`.
    pub(super) fn at_block(outcome: &'static str, block: BlockId, text: impl Into<String>) -> Self {
        Self::Invalid(Ack::field_errors(outcome, [(block, text.into())]))
    }

    /// Validation errors, each shown at the block that `block_for` gives for its field.
    pub(super) fn invalid(errors: &[FieldError], block_for: impl Fn(Field) -> BlockId) -> Self {
        let errors = errors.iter().map(|error| (block_for(error.field), form_errors::field_error(error)));
        Self::Invalid(Ack::field_errors("invalid", errors))
    }
}
