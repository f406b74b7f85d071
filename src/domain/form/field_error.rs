//! The errors of form fields. `slack` has the texts that people see.

use jiff::civil::Date;

use super::Field;
use crate::domain::{expiration::DateError, text::TextError};

/// An error in a form field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field to show it at.
    pub field: Field,
    /// What is wrong.
    pub kind: FieldErrorKind,
}

impl FieldError {
    /// An error to show at `field`.
    pub fn new(field: Field, kind: FieldErrorKind) -> Self {
        Self { field, kind }
    }
}

/// What is wrong with the value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// The text is empty, too long or malformed.
    Text(TextError),
    /// An email with a character that Marketo does not accept: outside ASCII, or invisible.
    UnsupportedCharacter(char),
    /// An approver's note that is too long.
    NoteTooLong,
    /// An email outside these domains.
    OtherDomain(Vec<String>),
    /// A required date is missing.
    DateRequired {
        /// The last allowed date; `None` if it is not shown.
        last: Option<Date>,
    },
    /// Not a date.
    InvalidDate,
    /// A date in the past.
    DateInPast {
        /// The first allowed date.
        first: Date,
    },
    /// A date after the longest allowed access.
    DateTooLate {
        /// The last allowed date.
        last: Date,
    },
    /// A date after the requested one.
    LaterThanRequested {
        /// The requested date.
        requested: Date,
    },
    /// The chosen role or workspace requires a reason, which the request does not have.
    ReasonMissing,
    /// No role or workspace is chosen.
    NotChosen,
    /// The role or workspace is no longer offered.
    NotOffered,
    /// The role can only be granted in all workspaces.
    AllWorkspacesOnly {
        /// The role.
        role: String,
        /// The name of the entry for all workspaces, if it can be chosen.
        all: Option<String>,
    },
}

impl FieldErrorKind {
    /// The error for a date; `first` is the first allowed date.
    pub(in crate::domain) fn of_date(error: DateError, first: Date) -> Self {
        match error {
            DateError::Malformed => Self::InvalidDate,
            DateError::Past => Self::DateInPast { first },
            DateError::TooFar(last) => Self::DateTooLate { last },
        }
    }
}
