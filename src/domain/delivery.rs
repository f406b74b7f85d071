//! Idempotency keys of deliveries from Slack, and the acks that repeats get. Slack, a proxy or a user may send the same
//! delivery twice; its key shows whether it is a repeat.
//!
//! This module must not know how keys are stored, or how an ack is sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The idempotency key of a delivery. Retries of a delivery have the same key, even with another signature.
///
/// The strings of [`DeliveryKey::stored`] are in databases: never give one a new meaning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryKey {
    /// A slash command, by its trigger.
    Command {
        /// Slack's `trigger_id`.
        trigger_id: String,
    },
    /// A clicked button, by its trigger.
    Action {
        /// Slack's `trigger_id`.
        trigger_id: String,
    },
    /// A clicked button of a workflow step, which may come without a trigger.
    UntriggeredAction {
        /// The message with the button.
        message_ts: String,
        /// The time of the click; unique for each click of a user.
        action_ts: String,
        /// Who clicked.
        user: String,
    },
    /// A select of a Marketo instance in an open form, by its trigger.
    InstanceSelect {
        /// Slack's `trigger_id`.
        trigger_id: String,
    },
    /// A submitted view. A form is accepted once; a refused form stays open and may be submitted again, with a new
    /// trigger, which is a delivery of its own.
    View {
        /// The view.
        view_id: String,
        /// Slack's `trigger_id`, new for each submission; empty if Slack sends none.
        trigger_id: String,
        /// The view's `hash`, used in place of a missing trigger.
        hash: String,
        /// The digest of the user, the metadata and the input. A refusal applies to this content only: without a trigger, a
        /// corrected form looks like the refused one, since its hash changes only when the bot updates the view.
        content: String,
    },
    /// An event of the Events API, by its `event_id`.
    Event {
        /// Slack's `event_id`.
        event_id: String,
    },
}

/// The ids that a delivery is recorded under. Both are recorded together, always in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// The delivery, or the form that an accepted submission closes.
    pub id: String,
    /// One submission of that form; `None` for deliveries that cannot be resubmitted.
    pub attempt: Option<String>,
}

impl DeliveryKey {
    /// The kind, for logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Command { .. } => "command",
            Self::Action { .. } | Self::UntriggeredAction { .. } => "action",
            Self::InstanceSelect { .. } => "instance_select",
            Self::View { .. } => "view",
            Self::Event { .. } => "event",
        }
    }

    /// Slack's id, for logs. It identifies no user.
    pub fn id(&self) -> &str {
        match self {
            Self::Command { trigger_id }
            | Self::Action { trigger_id }
            | Self::InstanceSelect { trigger_id } => trigger_id,
            Self::UntriggeredAction { action_ts, .. } => action_ts,
            Self::View { view_id, .. } => view_id,
            Self::Event { event_id } => event_id,
        }
    }

    /// The ids that the delivery is recorded under.
    pub fn stored(&self) -> StoredKey {
        let single = |id| StoredKey { id, attempt: None };
        match self {
            Self::Command { trigger_id } => single(format!("command:{trigger_id}")),
            Self::Action { trigger_id } => single(format!("press:{trigger_id}")),
            Self::UntriggeredAction { message_ts, action_ts, user } => {
                single(format!("press:{message_ts}:{action_ts}:{user}"))
            }
            Self::InstanceSelect { trigger_id } => single(format!("choice:{trigger_id}")),
            Self::View { view_id, trigger_id, hash, .. } => {
                let attempt = if trigger_id.is_empty() { hash } else { trigger_id };
                StoredKey {
                    id: format!("view:{view_id}"),
                    attempt: Some(format!("view:{view_id}:{attempt}")),
                }
            }
            Self::Event { event_id } => single(format!("event:{event_id}")),
        }
    }

    /// The digest of the submitted content, which a recorded refusal applies to; `None` for deliveries that cannot be
    /// resubmitted.
    pub fn content(&self) -> Option<&str> {
        match self {
            Self::View { content, .. } => Some(content),
            Self::Command { .. }
            | Self::Action { .. }
            | Self::UntriggeredAction { .. }
            | Self::InstanceSelect { .. }
            | Self::Event { .. } => None,
        }
    }
}

/// The recorded ack of a delivery, which repeats get too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ack", rename_all = "snake_case")]
pub enum AckRecord {
    /// Success without content; a form closes.
    #[default]
    Empty,
    /// All open views of the user close.
    ClearViews,
    /// The form stays open with field errors.
    FieldErrors {
        /// Texts by block id.
        errors: BTreeMap<String, String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_keys_match_earlier_versions() {
        let text = str::to_owned;
        for (key, id, attempt) in [
            (DeliveryKey::Command { trigger_id: text("1.2.x") }, "command:1.2.x", None),
            (DeliveryKey::Action { trigger_id: text("1.2.x") }, "press:1.2.x", None),
            (DeliveryKey::InstanceSelect { trigger_id: text("1.2.x") }, "choice:1.2.x", None),
            (DeliveryKey::Event { event_id: text("Ev1") }, "event:Ev1", None),
            (
                DeliveryKey::UntriggeredAction {
                    message_ts: text("17.1"),
                    action_ts: text("18.2"),
                    user: text("U1"),
                },
                "press:17.1:18.2:U1",
                None,
            ),
            (
                DeliveryKey::View {
                    view_id: text("V1"),
                    trigger_id: text("1.2.x"),
                    hash: text("h"),
                    content: text("c"),
                },
                "view:V1",
                Some("view:V1:1.2.x"),
            ),
            (
                DeliveryKey::View {
                    view_id: text("V1"),
                    trigger_id: text(""),
                    hash: text("h"),
                    content: text("c"),
                },
                "view:V1",
                Some("view:V1:h"),
            ),
        ] {
            assert_eq!(key.stored(), StoredKey { id: text(id), attempt: attempt.map(text) });
        }
    }
}
