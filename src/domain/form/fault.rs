//! What can be wrong with a field of a form. How it is said to people is not known here.

use jiff::civil::Date;

use super::Field;
use crate::domain::{expiration::DateFault, text::TextFault};

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// Beside which field it is shown.
    pub field: Field,
    /// What is wrong.
    pub why: Fault,
}

impl FieldFault {
    /// A fault beside `field`.
    pub fn new(field: Field, why: Fault) -> Self {
        Self { field, why }
    }
}

/// What is wrong with what was typed or chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The text itself.
    Text(TextFault),
    /// A character that does not belong into the text, though it may look as if it did.
    Character(char),
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

impl Fault {
    /// What is wrong with a day where `first` is the first that may be chosen.
    pub(in crate::domain) fn of_day(fault: DateFault, first: Date) -> Self {
        match fault {
            DateFault::Malformed => Self::NotADay,
            DateFault::Past => Self::DayIsOver { first },
            DateFault::TooFar(last) => Self::TooFar { last },
        }
    }
}
