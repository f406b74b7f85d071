//! Sends one HTTP request, reads a bounded answer, has it judged, and leaves one line of log and one count.
//! It knows neither tokens' lives nor the budget, and it never repeats anything.

use jiff::Timestamp;
use reqwest::{RequestBuilder, header::RETRY_AFTER};
use serde_json::Value;

use super::{
    error::{Call, Class, Error},
    response::{RawResponse, classify},
};
use crate::clock::Clock;

/// Longest answer that is read, in bytes; a full page of users is far below it.
const LONGEST_ANSWER: usize = 8 * 1024 * 1024;

/// Sends `request` once. `hidden` are values that no error may repeat.
///
/// # Errors
/// Whatever went wrong, classified.
pub(super) async fn send(
    clock: &Clock,
    call: Call,
    request: RequestBuilder,
    hidden: &[&str],
) -> Result<Value, Error> {
    let started = clock.millis();
    let result = exchange(call, request, clock.now(), hidden).await;
    let elapsed = clock.millis().saturating_sub(started);
    let (outcome, status, code) = match &result {
        Ok(_) => ("ok", None, None),
        Err(error) => (error.class.as_str(), error.status, error.code),
    };
    tracing::debug!(
        call = call.as_str(),
        result = outcome,
        status,
        code,
        elapsed_ms = elapsed,
        "Marketo call"
    );
    metrics::counter!("marketo_calls_total", "call" => call.as_str(), "result" => outcome).increment(1);
    result
}

async fn exchange(
    call: Call,
    request: RequestBuilder,
    now: Timestamp,
    hidden: &[&str],
) -> Result<Value, Error> {
    let mut response = request.send().await.map_err(|error| failed(call, None, error))?;
    let status = response.status().as_u16();
    let retry_after =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(call, Some(status), error))? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            let message = format!("the answer is longer than {LONGEST_ANSWER} bytes");
            return Err(Error { call, class: Class::Unreadable, code: None, status: Some(status), message });
        }
        body.extend_from_slice(&chunk);
    }
    classify(call, &RawResponse { status, retry_after: retry_after.as_deref(), body: &body }, now, hidden)
}

/// An exchange without a whole answer. Only while connecting is it certain that nothing was sent.
fn failed(call: Call, status: Option<u16>, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let (class, message) = if error.is_connect() {
        (Class::Unreachable, format!("no connection: {}", root(&error)))
    } else if error.is_builder() {
        (Class::Refused, "the request cannot be written".to_owned())
    } else if call == Call::Token {
        // Without a token, nothing that somebody wanted was sent.
        (Class::Unreachable, if error.is_timeout() { "no answer in time" } else { "no answer" }.to_owned())
    } else if error.is_timeout() {
        (Class::Unknown, "no answer in time".to_owned())
    } else {
        (Class::Unknown, "the connection broke before the whole answer was there".to_owned())
    };
    Error { call, class, code: None, status, message }
}

/// The innermost cause, which for a connection is the one that helps: "Connection refused", a TLS alert.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    super::redact::redact(&cause.to_string(), &[])
}
