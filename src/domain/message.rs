//! The messages that the bot shows for a request: which there are, and which of them follow the request as it changes. What
//! they say is written elsewhere.

use serde::{Deserialize, Serialize};

use super::note::Note;

/// A message of a request. At most one is shown for each name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum Part {
    /// The card in the approval channel.
    Card,
    /// The requester's direct message.
    Requester,
    /// The announcement where the command was used.
    Announcement,
    /// The announcement as a direct message to the requester, where the channel cannot be posted to.
    DirectAnnouncement,
    /// A direct message about an outcome other than success.
    Outcome {
        /// The version of the request with that outcome: it can fail again after a retry.
        version: i64,
    },
    /// A reminder in the card's thread.
    Reminder {
        /// How many reminders there were before.
        sent: u32,
    },
    /// A note in the card's thread.
    Note {
        /// The note.
        note: Note,
    },
    /// A direct message to the requester: the card cannot be shown to the approvers.
    CardNotShown,
}

/// When a message is shown compared with the others of its request that are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// First.
    Card = 0,
    /// After the card.
    Requester = 1,
    /// After those.
    Other = 2,
}

impl Part {
    /// The name, as it is stored and as the message's metadata in Slack contains it. Never changes.
    pub fn name(&self) -> String {
        match self {
            Self::Card => "card".to_owned(),
            Self::Requester => "requester".to_owned(),
            Self::Announcement => "created".to_owned(),
            Self::DirectAnnouncement => "created_direct".to_owned(),
            Self::Outcome { version } => format!("outcome_{version}"),
            // Early versions sent only one reminder, under this name.
            Self::Reminder { sent: 0 } => "reminder".to_owned(),
            Self::Reminder { sent } => format!("reminder_{}", sent.saturating_add(1)),
            Self::Note { note } => note.message_name(),
            Self::CardNotShown => "card_not_shown".to_owned(),
        }
    }

    /// Whether the message is updated when the request changes. The others are posted once and stay as they are.
    pub fn is_live(&self) -> bool {
        match self {
            Self::Card | Self::Requester => true,
            Self::Announcement
            | Self::DirectAnnouncement
            | Self::Outcome { .. }
            | Self::Reminder { .. }
            | Self::Note { .. }
            | Self::CardNotShown => false,
        }
    }

    /// Whether the message is a reply in the card's thread.
    pub fn is_reply(&self) -> bool {
        matches!(self, Self::Reminder { .. } | Self::Note { .. })
    }

    /// When it is shown compared with others that are due.
    pub fn priority(&self) -> Priority {
        match self {
            Self::Card => Priority::Card,
            Self::Requester => Priority::Requester,
            Self::Announcement
            | Self::DirectAnnouncement
            | Self::Outcome { .. }
            | Self::Reminder { .. }
            | Self::Note { .. }
            | Self::CardNotShown => Priority::Other,
        }
    }
}
