//! Sends one HTTP request and reads a bounded response, with one log event and one measurement per call. It knows
//! neither tokens nor rate limits, and never repeats a request.

use jiff::Timestamp;
use reqwest::{RequestBuilder, header::RETRY_AFTER};
use serde_json::Value;

use super::{
    error::{Call, Class, Error},
    response::{RawResponse, classify},
};
use crate::clock::Clock;

/// The longest response that is read, in bytes. A full page of users is far shorter.
const MAX_RESPONSE: usize = 8 * 1024 * 1024;

/// Sends `request` once. `redacted` are values that no error may contain.
///
/// # Errors
/// If Marketo cannot be reached, or its response is not the documented success.
pub(super) async fn send(
    clock: &Clock,
    call: Call,
    request: RequestBuilder,
    redacted: &[&str],
) -> Result<Value, Error> {
    let watch = clock.stopwatch();
    let response = exchange(call, request, clock.now(), redacted).await;
    let (result, status, code) = match &response {
        Ok(_) => ("ok", None, None),
        Err(error) => (error.class.as_str(), error.status, error.code),
    };
    tracing::debug!(result, status, code, elapsed_ms = watch.millis(), "called Marketo");
    metrics::counter!("marketo_calls_total", "call" => call.as_str(), "result" => result).increment(1);
    metrics::histogram!("marketo_call_seconds", "call" => call.as_str(), "result" => result)
        .record(watch.seconds());
    response
}

async fn exchange(
    call: Call,
    request: RequestBuilder,
    now: Timestamp,
    redacted: &[&str],
) -> Result<Value, Error> {
    let mut response = request.send().await.map_err(|error| transport_error(call, None, error))?;
    let status = response.status().as_u16();
    let retry_after =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| transport_error(call, Some(status), error))?
    {
        if body.len() + chunk.len() > MAX_RESPONSE {
            let message = format!("the response is longer than {MAX_RESPONSE} bytes");
            return Err(Error { call, class: Class::Unreadable, code: None, status: Some(status), message });
        }
        body.extend_from_slice(&chunk);
    }
    classify(call, &RawResponse { status, retry_after: retry_after.as_deref(), body: &body }, now, redacted)
}

/// The error of a call without a complete response. Only if connecting failed is it certain that nothing was sent.
fn transport_error(call: Call, status: Option<u16>, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let (class, message) = if error.is_connect() {
        (Class::Unreachable, format!("no connection: {}", root_cause(&error)))
    } else if error.is_builder() {
        (Class::Refused, "the request cannot be built".to_owned())
    } else if call == Call::Token {
        // Without a token the actual call was not sent.
        let message = if error.is_timeout() { "no response in time" } else { "no response" };
        (Class::Unreachable, message.to_owned())
    } else if error.is_timeout() {
        (Class::Unknown, "no response in time".to_owned())
    } else {
        (Class::Unknown, "the connection broke before the response was complete".to_owned())
    };
    Error { call, class, code: None, status, message }
}

/// The innermost cause, which is the useful one for a connection: "Connection refused", a TLS alert.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    super::redact::redact(&cause.to_string(), &[])
}
