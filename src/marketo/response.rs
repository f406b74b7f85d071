//! Classifies one HTTP response of Marketo: the documented JSON value, or an [`Error`] of the right class. Pure: it gets
//! the status, the headers that matter and the body, and knows neither sockets nor tokens.

use std::time::Duration;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::Value;

use super::{
    error::{Call, Class, Error},
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
    let json: Option<Value> = serde_json::from_slice(response.body).ok();
    let error_body = json.as_ref().and_then(ErrorBody::read);
    let is_success = matches!(response.status, 200 | 201);
    if let (true, None, Some(json)) = (is_success, &error_body, json)
        && is_documented(call, &json)
    {
        return Ok(json);
    }
    let code = error_body.as_ref().and_then(|body| body.code);
    let wait = response.retry_after.and_then(|header| retry_after(header, now));
    let by_status = || class_of_status(response.status, wait);
    let class = code.and_then(|code| class_of_code(code, wait, now)).unwrap_or_else(by_status);
    let message = match error_body {
        Some(body) => redact(&body.message, redacted),
        None if is_success => "the response is not the JSON that Adobe documents".to_owned(),
        None => String::new(),
    };
    let class = if call == Call::Token { class_of_identity(class, response.status) } else { class };
    Err(Error { call, class, code, status: Some(response.status), message })
}

/// Whether a success has the documented shape. A response of another shape may come from a proxy.
fn is_documented(call: Call, json: &Value) -> bool {
    match call {
        Call::Token => wire::issued_token(json).is_some(),
        Call::Roles | Call::Workspaces | Call::AllUsers => wire::entries(json).is_some(),
        Call::Invite => wire::is_true(json),
    }
}

/// An error response: `{"errors":[{"code":603,"message":"…"}]}` from the REST endpoints, with or without
/// `"success":false`, or `{"error":"…","error_description":"…"}` from the identity endpoint.
struct ErrorBody {
    code: Option<i64>,
    message: String,
}

impl ErrorBody {
    fn read(json: &Value) -> Option<Self> {
        let object = json.as_object()?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(first) = object.get("errors").and_then(Value::as_array).and_then(|errors| errors.first())
        {
            return Some(Self {
                code: first.get("code").and_then(code),
                message: text(first.get("message")),
            });
        }
        if let Some(error) = object.get("error").filter(|error| !error.is_null()) {
            let description = object.get("error_description").or(Some(error));
            return Some(Self { code: None, message: text(description) });
        }
        let is_failure = object.get("success") == Some(&Value::Bool(false));
        is_failure
            .then(|| Self { code: object.get("code").and_then(code), message: text(object.get("message")) })
    }
}

/// Reads a code, which is a number in one of Adobe's descriptions and a string in another.
fn code(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn class_of_code(code: i64, wait: Option<Duration>, now: Timestamp) -> Option<Class> {
    Some(match code {
        // A gateway in front of Marketo may use HTTP statuses as codes.
        400..600 => class_of_status(u16::try_from(code).ok()?, wait),
        600..=602 => Class::Credentials,
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
        401 => Class::Credentials,
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
        Class::Refused if matches!(status, 400 | 401) => Class::Credentials,
        Class::Unknown => Class::Unreachable,
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
