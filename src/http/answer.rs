//! Answers to Slack, each with the name under which it is counted.

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

use super::Edge;
use crate::{clock::Stopwatch, slack::messages::Message};

/// An answer and what it is counted as.
#[derive(Debug)]
pub(super) struct Answer {
    outcome: &'static str,
    response: Response,
}

impl Answer {
    /// 200 and nothing else: taken.
    pub(super) fn empty(outcome: &'static str) -> Self {
        Self::status(outcome, StatusCode::OK)
    }

    /// A status and nothing else.
    pub(super) fn status(outcome: &'static str, status: StatusCode) -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        Self { outcome, response }
    }

    /// 200 that closes every modal of the person.
    pub(super) fn clear(outcome: &'static str) -> Self {
        Self::json(outcome, &serde_json::json!({"response_action": "clear"}))
    }

    /// A status, and after how many seconds it may be tried again.
    pub(super) fn later(outcome: &'static str, status: StatusCode, seconds: u64) -> Self {
        let mut answer = Self::status(outcome, status);
        answer.response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        answer
    }

    /// The same answer, the last one on its connection.
    pub(super) fn last(mut self) -> Self {
        let close = HeaderValue::from_static("close");
        self.response.headers_mut().insert(header::CONNECTION, close);
        self
    }

    /// 200 with JSON.
    pub(super) fn json(outcome: &'static str, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => Self::body(outcome, "application/json", bytes),
            Err(_) => Self::status("unwritable", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// 200 with a body.
    pub(super) fn body(outcome: &'static str, content_type: &'static str, body: impl Into<Body>) -> Self {
        let mut response = Response::new(body.into());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { outcome, response }
    }

    /// 200 with a message that only the person who acted sees.
    pub(super) fn told(outcome: &'static str, message: &Message) -> Self {
        Self::body(outcome, "application/json", Self::told_bytes(message))
    }

    /// The body of [`Answer::told`].
    pub(super) fn told_bytes(message: &Message) -> Bytes {
        #[derive(Serialize)]
        struct Told<'a> {
            response_type: &'static str,
            #[serde(flatten)]
            message: &'a Message,
        }
        serde_json::to_vec(&Told { response_type: "ephemeral", message }).unwrap_or_default().into()
    }

    /// 200 with faults beside the fields of a modal: pairs of block id and text.
    pub(super) fn field_errors(
        outcome: &'static str,
        faults: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let errors: serde_json::Map<_, _> =
            faults.into_iter().map(|(block, text)| (block, text.into())).collect();
        Self::json(outcome, &serde_json::json!({"response_action": "errors", "errors": errors}))
    }

    /// Counts the answer and lets it go.
    pub(super) fn counted(self, route: &'static str, watch: Stopwatch) -> Response {
        metrics::counter!("slack_requests_total", "route" => route, "outcome" => self.outcome).increment(1);
        metrics::histogram!("slack_ack_seconds", "route" => route).record(watch.seconds());
        self.response
    }
}

impl Edge {
    /// Starts the watch for one answer.
    pub(super) fn watch(&self) -> Stopwatch {
        self.clock.stopwatch()
    }
}
