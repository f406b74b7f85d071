//! What can be wrong with a field of a form. How it is said to people is not known here.

use jiff::civil::Date;

use super::Field;
use crate::domain::{expiration::DateError, text::TextError};

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Beside which field it is shown.
    pub field: Field,
    /// What is wrong.
    pub why: FieldErrorKind,
}

impl FieldError {
    /// A fault beside `field`.
    pub fn new(field: Field, why: FieldErrorKind) -> Self {
        Self { field, why }
    }
}

/// What is wrong with what was typed or chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// The text itself.
    Text(TextError),
    /// An e-mail with a character that Marketo does not take: one outside of ASCII, or one that nobody sees.
    Strange(char),
    /// What an approver says is longer than it may be.
    NoteTooLong,
    /// An e-mail of another domain than these.
    OtherDomain(Vec<String>),
    /// No day, where there has to be one.
    NoDay {
        /// The last that may be chosen; absent where that is not told.
        last: Option<Date>,
    },
    /// Not a day.
    NotADay,
    /// A day that is over.
    DayIsOver {
        /// The first that may be chosen.
        first: Date,
    },
    /// A day that is too far away.
    TooFar {
        /// The last that may be chosen.
        last: Date,
    },
    /// A later day than was asked for.
    LaterThanAsked {
        /// The day that was asked for.
        asked: Date,
    },
    /// No role or workspace.
    NotChosen,
    /// A role or workspace that is no longer offered.
    NotOffered,
    /// The role is given in all workspaces only.
    AllWorkspacesOnly {
        /// The role.
        role: String,
        /// What stands for all workspaces, where it may be chosen.
        all: Option<String>,
    },
}

impl FieldErrorKind {
    /// What is wrong with a day where `first` is the first that may be chosen.
    pub(in crate::domain) fn of_day(fault: DateError, first: Date) -> Self {
        match fault {
            DateError::Malformed => Self::NotADay,
            DateError::Past => Self::DayIsOver { first },
            DateError::TooFar(last) => Self::TooFar { last },
        }
    }
}
