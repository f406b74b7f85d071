//! Notes in the thread of a card. What they say is written elsewhere.

use serde::{Deserialize, Serialize};

use super::people::UserId;

/// A note in the thread of a card: something that the card itself shows only for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// Somebody approved, and more approvals are needed.
    Approval {
        /// Who.
        by: UserId,
        /// The revision that they approved.
        revision: i64,
        /// How many approvals there are now.
        given: u32,
        /// How many are needed.
        needed: u32,
    },
    /// The request was edited or reduced.
    #[serde(rename = "amended")]
    Revised {
        /// The resulting revision.
        revision: i64,
        /// How many approvals of the previous revision were reset.
        #[serde(rename = "lapsed")]
        reset_approvals: u32,
    },
    /// The approvers are asked again.
    AskedAgain {
        /// The version of the request before.
        version: i64,
    },
    /// Additional approvers are asked.
    Escalated {
        /// The version of the request before. Earlier versions of the program, which asked only once, stored none.
        #[serde(default)]
        version: i64,
    },
}

impl Note {
    /// The name of its message, unique in the thread.
    pub fn message_name(&self) -> String {
        match self {
            Self::Approval { by, revision, .. } => format!("approval_{revision}_{by}"),
            Self::Revised { revision, .. } => format!("amended_{revision}"),
            Self::AskedAgain { version } => format!("asked_again_{version}"),
            Self::Escalated { version: 0 } => "escalated".to_owned(),
            Self::Escalated { version } => format!("escalated_{version}"),
        }
    }
}
