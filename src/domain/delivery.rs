//! Idempotency: what tells one delivery from Slack from every other, and the ack that was given to it. Slack, a proxy or
//! a person may send the same thing twice; whoever begins a delivery learns from its key whether it is a repeat.
//!
//! This module must not know how keys are stored, or how an ack travels.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What tells one delivery from every other. Retries of one delivery share the key, whatever their signature.
///
/// The texts of [`DeliveryKey::stored`] are in databases: never give one a new meaning.
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
        /// The message of the button.
        message_ts: String,
        /// The time of the click, unique for each click of a person.
        action_ts: String,
        /// Who clicked.
        user: String,
    },
    /// A selected Marketo instance in an open form, by its trigger.
    InstanceSelect {
        /// Slack's `trigger_id`.
        trigger_id: String,
    },
    /// A submitted view. A form is accepted once; a refused form stays open and may be submitted again, with a new
    /// trigger, which is a delivery of its own.
    View {
        /// The view.
        view_id: String,
        /// Slack's `trigger_id`, new for each submission; empty where Slack sends none.
        trigger_id: String,
        /// The view's `hash`, which stands for the trigger where there is none.
        hash: String,
        /// The digest of who submits what. A refusal holds for this alone: without a trigger a corrected form looks like the
        /// refused one, since its hash changes only with what the bot shows.
        content: String,
    },
    /// An event of the Events API, by its `event_id`.
    Event {
        /// Slack's `event_id`.
        event_id: String,
    },
}

/// The texts under which a delivery is recorded. Both are recorded together, always in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// The delivery, or the form that a submission closes for good.
    pub id: String,
    /// One submission of that form; absent for everything that cannot be sent again.
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

    /// The id that Slack gave to it, for logs: it names nobody.
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

    /// The texts under which it is recorded.
    pub fn stored(&self) -> StoredKey {
        let alone = |id| StoredKey { id, attempt: None };
        match self {
            Self::Command { trigger_id } => alone(format!("command:{trigger_id}")),
            Self::Action { trigger_id } => alone(format!("press:{trigger_id}")),
            Self::UntriggeredAction { message_ts, action_ts, user } => {
                alone(format!("press:{message_ts}:{action_ts}:{user}"))
            }
            Self::InstanceSelect { trigger_id } => alone(format!("choice:{trigger_id}")),
            Self::View { view_id, trigger_id, hash, .. } => {
                let attempt = if trigger_id.is_empty() { hash } else { trigger_id };
                StoredKey {
                    id: format!("view:{view_id}"),
                    attempt: Some(format!("view:{view_id}:{attempt}")),
                }
            }
            Self::Event { event_id } => alone(format!("event:{event_id}")),
        }
    }

    /// The digest of what was submitted, which a recorded refusal holds for; absent for everything that is never refused
    /// and sent again.
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

/// The ack that was given to a delivery, as far as a repeat has to get it too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ack", rename_all = "snake_case")]
pub enum AckRecord {
    /// Nothing is shown; a form closes.
    #[default]
    Empty,
    /// Every open form of the person closes.
    ClearViews,
    /// The form stays open, with errors beside its fields.
    FieldErrors {
        /// Texts by block id.
        errors: BTreeMap<String, String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_stored_as_earlier_versions_stored_them() {
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
