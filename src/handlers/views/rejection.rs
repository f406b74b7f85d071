//! Why nothing of a submitted form was taken.

use crate::{
    domain::form::{Field, FieldError},
    handlers::ack::Ack,
    slack::{form_errors, inbound::BlockId},
    workflow::StoreError,
};

/// Why nothing of a submitted form was taken.
pub(super) enum Rejection {
    /// There are errors, beside its fields.
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
    /// One error, beside `block`.
    pub(super) fn beside(outcome: &'static str, block: BlockId, text: impl Into<String>) -> Self {
        Self::Invalid(Ack::field_errors(outcome, [(block, text.into())]))
    }

    /// The errors that were found, each beside the block that `block_for` names for its field.
    pub(super) fn found(found: &[FieldError], block_for: impl Fn(Field) -> BlockId) -> Self {
        let errors = found.iter().map(|fault| (block_for(fault.field), form_errors::field_error(fault)));
        Self::Invalid(Ack::field_errors("invalid", errors))
    }
}
