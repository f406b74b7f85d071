//! Acks and rejections as HTTP responses, each with the outcome that it is counted under.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use crate::{
    clock::Stopwatch,
    handlers::{Ack, AckKind},
};

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// A response and its outcome in the metrics.
#[derive(Debug)]
pub(super) struct Reply {
    outcome: &'static str,
    response: Response,
}

impl Reply {
    /// A response without a body.
    pub(super) fn status(outcome: &'static str, status: StatusCode) -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        Self { outcome, response }
    }

    /// The same response; the connection closes after it.
    pub(super) fn closing(mut self) -> Self {
        let close = HeaderValue::from_static("close");
        self.response.headers_mut().insert(header::CONNECTION, close);
        self
    }

    /// Sets `Retry-After`, in seconds.
    fn retry_after(mut self, seconds: Option<u64>) -> Self {
        if let Some(seconds) = seconds {
            self.response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        self
    }

    /// 200 with a body.
    fn body(outcome: &'static str, content_type: &'static str, body: impl Into<Body>) -> Self {
        let mut response = Response::new(body.into());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { outcome, response }
    }

    /// Records the metrics of the response and returns it.
    pub(super) fn record(self, route: &'static str, stopwatch: Stopwatch) -> Response {
        metrics::counter!("slack_requests_total", "route" => route, "outcome" => self.outcome).increment(1);
        metrics::histogram!("slack_ack_seconds", "route" => route).record(stopwatch.seconds());
        self.response
    }
}

impl From<Ack> for Reply {
    fn from(ack: Ack) -> Self {
        let outcome = ack.outcome;
        if let Some(payload) = ack.payload() {
            return Self::body(outcome, JSON, payload);
        }
        match ack.kind {
            AckKind::Challenge(challenge) => Self::body(outcome, TEXT, challenge),
            AckKind::Unavailable { retry_after } => {
                Self::status(outcome, StatusCode::SERVICE_UNAVAILABLE).retry_after(retry_after)
            }
            AckKind::TooManyRequests { retry_after } => {
                Self::status(outcome, StatusCode::TOO_MANY_REQUESTS).retry_after(Some(retry_after))
            }
            AckKind::Unreadable => Self::status(outcome, StatusCode::BAD_REQUEST),
            AckKind::Empty
            | AckKind::Ephemeral(_)
            | AckKind::FieldErrors(_)
            | AckKind::ClearViews
            | AckKind::Options(_) => Self::status(outcome, StatusCode::OK),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ack_has_its_status_and_headers() {
        for (ack, status, retry_after) in [
            (Ack::empty("x"), 200, None),
            (Ack::unreadable(), 400, None),
            (Ack::unavailable("x", None), 503, None),
            (Ack::unavailable("x", Some(1)), 503, Some("1")),
            (Ack::too_many_requests("x", 7), 429, Some("7")),
        ] {
            let Reply { response, .. } = ack.into();
            let header = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!((response.status().as_u16(), header), (status, retry_after));
            assert!(!response.headers().contains_key(header::CONTENT_TYPE));
        }
        let ack = Ack { outcome: "x", kind: AckKind::ClearViews };
        assert_eq!(Reply::from(ack).response.headers()[header::CONTENT_TYPE], JSON);
    }
}
