//! The answer to a delivery, as a value. Each door writes it out in its own way: what it says is the same JSON over HTTP
//! and over a socket ([`Ack::payload`]).

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    domain::delivery::AckRecord,
    slack::{inbound::BlockId, messages::Message},
};

/// An answer, and under which outcome it is counted.
#[derive(Clone, Debug)]
pub struct Ack {
    /// The label of the metric.
    pub outcome: &'static str,
    /// What is said.
    pub kind: AckKind,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AckKind {
    /// Nothing: it is taken, a form closes.
    Empty,
    /// A message that only the person who acted sees, as JSON.
    Ephemeral(Bytes),
    /// A form stays open, with errors beside its fields: texts by block id.
    FieldErrors(BTreeMap<String, String>),
    /// Every open form of the person closes.
    ClearViews,
    /// What a select offers.
    Options(Value),
    /// What a check of the address wants back.
    Challenge(String),
    /// It cannot be taken now, and nothing is stored. It may be tried again.
    Unavailable {
        /// After how many seconds; absent: that is not known.
        retry_after: Option<u64>,
    },
    /// Somebody does too much at once, and this was not done.
    TooManyRequests {
        /// After how many seconds it may be tried again.
        retry_after: u64,
    },
    /// It cannot be read.
    Unreadable,
}

impl Ack {
    /// Nothing but that it was taken.
    pub fn empty(outcome: &'static str) -> Self {
        Self { outcome, kind: AckKind::Empty }
    }

    /// It cannot be read.
    pub fn unreadable() -> Self {
        Self { outcome: "unreadable", kind: AckKind::Unreadable }
    }

    /// It cannot be taken now.
    pub fn unavailable(outcome: &'static str, retry_after: Option<u64>) -> Self {
        Self { outcome, kind: AckKind::Unavailable { retry_after } }
    }

    /// It is too much at once.
    pub fn too_many_requests(outcome: &'static str, retry_after: u64) -> Self {
        Self { outcome, kind: AckKind::TooManyRequests { retry_after } }
    }

    /// A message that only the person who acted sees.
    pub fn ephemeral(outcome: &'static str, message: &Message) -> Self {
        Self::prepared(outcome, Self::ephemeral_bytes(message))
    }

    /// As [`Ack::ephemeral`], written before.
    pub(super) fn prepared(outcome: &'static str, message: Bytes) -> Self {
        Self { outcome, kind: AckKind::Ephemeral(message) }
    }

    /// What [`Ack::prepared`] takes.
    pub(super) fn ephemeral_bytes(message: &Message) -> Bytes {
        #[derive(Serialize)]
        struct Ephemeral<'a> {
            response_type: &'static str,
            #[serde(flatten)]
            message: &'a Message,
        }
        serde_json::to_vec(&Ephemeral { response_type: "ephemeral", message }).unwrap_or_default().into()
    }

    /// Errors beside the fields of a form. Of those beside the same block the first is shown.
    pub fn field_errors(outcome: &'static str, errors: impl IntoIterator<Item = (BlockId, String)>) -> Self {
        let mut shown = BTreeMap::new();
        for (block, text) in errors {
            shown.entry(block.to_string()).or_insert(text);
        }
        Self { outcome, kind: AckKind::FieldErrors(shown) }
    }

    /// What was answered to the first delivery, to be answered again.
    pub fn repeated(record: AckRecord) -> Self {
        let kind = match record {
            AckRecord::Empty => AckKind::Empty,
            AckRecord::ClearViews => AckKind::ClearViews,
            AckRecord::FieldErrors { errors } => AckKind::FieldErrors(errors),
        };
        Self { outcome: "repeated", kind }
    }

    /// What a repeat has to get too, if that is stored.
    pub(super) fn record(&self) -> Option<AckRecord> {
        match &self.kind {
            AckKind::Empty => Some(AckRecord::Empty),
            AckKind::ClearViews => Some(AckRecord::ClearViews),
            AckKind::FieldErrors(errors) => Some(AckRecord::FieldErrors { errors: errors.clone() }),
            AckKind::Ephemeral(_)
            | AckKind::Options(_)
            | AckKind::Challenge(_)
            | AckKind::Unavailable { .. }
            | AckKind::TooManyRequests { .. }
            | AckKind::Unreadable => None,
        }
    }

    /// The JSON that says it to Slack; absent where nothing is said, or not in JSON.
    pub fn payload(&self) -> Option<Bytes> {
        let json = match &self.kind {
            AckKind::Ephemeral(message) => return Some(message.clone()),
            AckKind::FieldErrors(errors) => json!({ "response_action": "errors", "errors": errors }),
            AckKind::ClearViews => json!({ "response_action": "clear" }),
            AckKind::Options(options) => options.clone(),
            AckKind::Empty
            | AckKind::Challenge(_)
            | AckKind::Unavailable { .. }
            | AckKind::TooManyRequests { .. }
            | AckKind::Unreadable => return None,
        };
        Some(json.to_string().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::form::Field;

    #[test]
    fn the_first_error_beside_a_block_is_shown() {
        let at = |field| BlockId::input(field, None);
        let errors = [(at(Field::Role), "one"), (at(Field::Role), "two"), (at(Field::Email), "three")];
        let ack = Ack::field_errors("invalid", errors.map(|(block, text)| (block, text.to_owned())));
        let payload = ack.payload().unwrap();
        assert_eq!(payload, r#"{"errors":{"email":"three","role":"one"},"response_action":"errors"}"#);
        assert_eq!(Ack::repeated(ack.record().unwrap()).kind, ack.kind);
    }
}
