//! Classifies one HTTP response of Marketo: the documented JSON value, or an [`Error`] of the right class. Pure: it gets
//! the status, the headers that matter and the body, and knows neither sockets nor tokens.

use std::time::Duration;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::Value;

use super::{
    error::{Call, Class, Error},
    error_body,
    redact::redact,
    wire,
};

/// One complete HTTP response.
pub(super) struct RawResponse<'a> {
    /// The HTTP status.
    pub(super) status: u16,
    /// The `Retry-After` header, unparsed.
    pub(super) retry_after: Option<&'a str>,
    /// The body.
    pub(super) body: &'a [u8],
}

/// Returns the JSON value of a success, or the error that the response stands for. `redacted` are values that no message
/// may contain. Marketo's error code takes precedence over the HTTP status, and the first of several errors is used.
///
/// # Errors
/// For everything but HTTP 200 or 201 with the documented JSON of this call.
pub(super) fn classify(
    call: Call,
    response: &RawResponse<'_>,
    now: Timestamp,
    redacted: &[&str],
) -> Result<Value, Error> {
    let body = without_bom(response.body);
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let is_success = matches!(response.status, 200 | 201);
    let is_error = json.as_ref().is_some_and(error_body::is_error);
    if is_success && !is_error && is_documented(call, json.as_ref()) {
        return Ok(json.unwrap_or_default());
    }
    let code = json.as_ref().and_then(error_body::code);
    let wait = response.retry_after.and_then(|header| retry_after(header, now));
    let by_status = || class_of_status(response.status, wait);
    let class = code.and_then(|code| class_of_code(code, wait, now)).unwrap_or_else(by_status);
    let class = match call {
        Call::Token => class_of_identity(class, response.status),
        Call::Invite | Call::Update | Call::Delete => class_of_write(class, response.status, code),
        Call::Roles | Call::Workspaces | Call::AllUsers | Call::User | Call::UserRoles => class,
    };
    let words = error_body::words(json.as_ref(), body);
    let message = match redact(&words, redacted) {
        words if words.is_empty() && is_success => {
            "the response is not the JSON that Adobe documents".to_owned()
        }
        words => words,
    };
    Err(Error { call, class, code, status: Some(response.status), message })
}

/// Some gateways send a byte order mark, which JSON does not allow.
fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Whether a success has the documented shape. A response of another shape may come from a proxy.
fn is_documented(call: Call, json: Option<&Value>) -> bool {
    let Some(json) = json else {
        // Adobe documents no body.
        return call == Call::Delete;
    };
    match call {
        Call::Token => wire::issued_token(json).is_some(),
        Call::Roles | Call::Workspaces | Call::AllUsers | Call::UserRoles => wire::entries(json).is_some(),
        Call::User | Call::Update => wire::record(json).is_some(),
        Call::Invite => wire::is_true(json),
        Call::Delete => json.as_bool() != Some(false),
    }
}

fn class_of_code(code: i64, wait: Option<Duration>, now: Timestamp) -> Option<Class> {
    Some(match code {
        // A gateway in front of Marketo may use HTTP statuses as codes.
        400..600 => class_of_status(u16::try_from(code).ok()?, wait),
        600..=602 => Class::TokenRejected,
        603 => Class::Denied,
        604 | 608 | 611 | 713 => Class::Unknown,
        606 | 615 => Class::NotExecuted { retry_after: wait },
        607 => Class::QuotaReached { resets_at: next_midnight(now) },
        610 => Class::NoSuchResource,
        614 => Class::Subscription,
        605 | 609 | 612 | 613 | 616..=799 | 1000..=1999 => Class::Refused,
        _ => return None,
    })
}

/// The class of a response without a known code. For 401 the client tries a new token first.
fn class_of_status(status: u16, wait: Option<Duration>) -> Class {
    match status {
        401 => Class::TokenRejected,
        403 => Class::Denied,
        404 => Class::NoSuchResource,
        408 | 500..=599 => Class::Unknown,
        429 => Class::NotExecuted { retry_after: wait },
        400..=499 => Class::Refused,
        // An undocumented 2xx, or a redirect, which may come after the call was executed.
        _ => Class::Unreadable,
    }
}

/// The identity endpoint rejects bad credentials with 400 or 401. If it issues no token, nothing was executed.
fn class_of_identity(class: Class, status: u16) -> Class {
    match class {
        Class::Refused | Class::TokenRejected if matches!(status, 400 | 401) => Class::Credentials,
        Class::Unknown => Class::Unreachable,
        other => other,
    }
}

/// An answer to a write that is neither a documented refusal nor a documented outage.
fn class_of_write(class: Class, status: u16, code: Option<i64>) -> Class {
    match class {
        Class::Unknown if code.map_or(status == 500, |code| matches!(code, 500 | 611)) => Class::Unexplained,
        Class::Unreadable => Class::Unexplained,
        other => other,
    }
}

/// When the daily quota resets: midnight Central Time, says Adobe's page "Marketo Integration Best Practices".
fn next_midnight(now: Timestamp) -> Timestamp {
    let in_a_day = now.checked_add(24.hours()).unwrap_or(Timestamp::MAX);
    TimeZone::get("America/Chicago")
        .and_then(|zone| now.to_zoned(zone).tomorrow()?.start_of_day())
        .map_or(in_a_day, |midnight| midnight.timestamp())
}

/// Parses a `Retry-After` header: seconds, or an HTTP date.
fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let date = jiff::fmt::rfc2822::parse(header).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
#[path = "tests/response.rs"]
mod tests;
