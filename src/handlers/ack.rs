//! The ack to a delivery, as a value. Each transport encodes it in its own way; the JSON payload is the same over HTTP and
//! over a socket ([`Ack::payload`]).

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    domain::delivery::AckRecord,
    slack::{inbound::BlockId, messages::Message},
};

/// An ack, and the outcome that it is counted under.
#[derive(Clone, Debug)]
pub struct Ack {
    /// The `outcome` label of the metric.
    pub outcome: &'static str,
    /// The content.
    pub kind: AckKind,
}

/// The content of an ack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AckKind {
    /// Success without content; a form closes.
    Empty,
    /// An ephemeral message, as JSON.
    Ephemeral(Bytes),
    /// A form stays open with field errors: texts by block id.
    FieldErrors(BTreeMap<String, String>),
    /// All open views of the user close.
    ClearViews,
    /// The options of an external select.
    Options(Value),
    /// The challenge of a URL verification.
    Challenge(String),
    /// Temporarily unavailable; nothing was stored. May be retried.
    Unavailable {
        /// After how many seconds, if known.
        retry_after: Option<u64>,
    },
    /// Over the rate limit; nothing was done.
    TooManyRequests {
        /// After how many seconds it may be retried.
        retry_after: u64,
    },
    /// The delivery could not be parsed.
    Unreadable,
}

impl Ack {
    /// Success without content.
    pub fn empty(outcome: &'static str) -> Self {
        Self { outcome, kind: AckKind::Empty }
    }

    /// The delivery could not be parsed.
    pub fn unreadable() -> Self {
        Self { outcome: "unreadable", kind: AckKind::Unreadable }
    }

    /// Temporarily unavailable.
    pub fn unavailable(outcome: &'static str, retry_after: Option<u64>) -> Self {
        Self { outcome, kind: AckKind::Unavailable { retry_after } }
    }

    /// Over the rate limit.
    pub fn too_many_requests(outcome: &'static str, retry_after: u64) -> Self {
        Self { outcome, kind: AckKind::TooManyRequests { retry_after } }
    }

    /// An ephemeral message to the user who acted.
    pub fn ephemeral(outcome: &'static str, message: &Message) -> Self {
        Self::ephemeral_from_bytes(outcome, Self::ephemeral_bytes(message))
    }

    /// An ephemeral message that [`Ack::ephemeral_bytes`] has encoded.
    pub(super) fn ephemeral_from_bytes(outcome: &'static str, message: Bytes) -> Self {
        Self { outcome, kind: AckKind::Ephemeral(message) }
    }

    /// Encodes an ephemeral message.
    pub(super) fn ephemeral_bytes(message: &Message) -> Bytes {
        #[derive(Serialize)]
        struct Ephemeral<'a> {
            response_type: &'static str,
            #[serde(flatten)]
            message: &'a Message,
        }
        serde_json::to_vec(&Ephemeral { response_type: "ephemeral", message }).unwrap_or_default().into()
    }

    /// Field errors. The first one of each block is shown.
    pub fn field_errors(outcome: &'static str, errors: impl IntoIterator<Item = (BlockId, String)>) -> Self {
        let mut shown = BTreeMap::new();
        for (block, text) in errors {
            shown.entry(block.to_string()).or_insert(text);
        }
        Self { outcome, kind: AckKind::FieldErrors(shown) }
    }

    /// The recorded ack of the first delivery, for a repeat.
    pub fn repeated(record: AckRecord) -> Self {
        let kind = match record {
            AckRecord::Empty => AckKind::Empty,
            AckRecord::ClearViews => AckKind::ClearViews,
            AckRecord::FieldErrors { errors } => AckKind::FieldErrors(errors),
        };
        Self { outcome: "repeated", kind }
    }

    /// The ack as it is recorded for repeats; `None` if this kind is not recorded.
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

    /// The JSON payload; `None` if the ack has no content, or none in JSON.
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
    fn first_error_of_each_block_is_shown() {
        let block = |field| BlockId::input(field, None);
        let errors =
            [(block(Field::Role), "one"), (block(Field::Role), "two"), (block(Field::Email), "three")];
        let ack = Ack::field_errors("invalid", errors.map(|(block, text)| (block, text.to_owned())));
        let payload = ack.payload().unwrap();
        assert_eq!(payload, r#"{"errors":{"email":"three","role":"one"},"response_action":"errors"}"#);
        assert_eq!(Ack::repeated(ack.record().unwrap()).kind, ack.kind);
    }
}
