//! Judges one HTTP answer of Marketo: either the documented JSON value, or an [`Error`] of the right class.
//! Pure: it gets status, headers it needs and the body, and knows neither sockets nor tokens.

use std::time::Duration;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::Value;

use super::{
    error::{Call, Class, Error},
    redact::redact,
    wire,
};

/// One HTTP answer, read completely.
pub(super) struct RawResponse<'a> {
    /// HTTP status.
    pub(super) status: u16,
    /// The `Retry-After` header as it came.
    pub(super) retry_after: Option<&'a str>,
    /// The body.
    pub(super) body: &'a [u8],
}

/// The JSON value of a success, or the error that the answer means. `hidden` are values that no message may
/// repeat. Marketo's code decides over the HTTP status, and of several errors the first decides.
///
/// # Errors
/// For everything but HTTP 200 or 201 with the JSON that is documented for this call.
pub(super) fn classify(
    call: Call,
    answer: &RawResponse<'_>,
    now: Timestamp,
    hidden: &[&str],
) -> Result<Value, Error> {
    let json: Option<Value> = serde_json::from_slice(answer.body).ok();
    let failure = json.as_ref().and_then(ErrorBody::read);
    let good = matches!(answer.status, 200 | 201);
    if let (true, None, Some(json)) = (good, &failure, json)
        && documented(call, &json)
    {
        return Ok(json);
    }
    let code = failure.as_ref().and_then(|failure| failure.code);
    let wait = answer.retry_after.and_then(|header| retry_after(header, now));
    let by_status = || class_of_status(answer.status, wait);
    let class = code.and_then(|code| class_of_code(code, wait, now)).unwrap_or_else(by_status);
    let message = match failure {
        Some(failure) => redact(&failure.message, hidden),
        None if good => "the answer is not the JSON that Adobe documents".to_owned(),
        None => String::new(),
    };
    let class = if call == Call::Token { class_of_identity(class, answer.status) } else { class };
    Err(Error { call, class, code, status: Some(answer.status), message })
}

/// Whether a success has the documented shape; an answer of another shape has not come from where it should.
fn documented(call: Call, json: &Value) -> bool {
    match call {
        Call::Token => wire::issued(json).is_some(),
        Call::Roles | Call::Workspaces | Call::AllUsers => wire::entries(json).is_some(),
        Call::Invite => wire::says_done(json),
    }
}

/// What a failed answer says: `{"errors":[{"code":603,"message":"…"}]}` of the REST endpoints, with or without
/// `"success":false`, or the identity endpoint's `{"error":"…","error_description":"…"}`.
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
            let words = object.get("error_description").or(Some(error));
            return Some(Self { code: None, message: text(words) });
        }
        let failed = object.get("success") == Some(&Value::Bool(false));
        failed.then(|| Self { code: object.get("code").and_then(code), message: text(object.get("message")) })
    }
}

/// A code is a number in one of Adobe's descriptions and a quoted number in another.
fn code(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn class_of_code(code: i64, wait: Option<Duration>, now: Timestamp) -> Option<Class> {
    Some(match code {
        // Seen as codes, too, when a gateway in front of Marketo answers in Marketo's manner.
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

/// For an answer without a code we know. 401 reads as [`Class::Credentials`]; the client tries a new token first.
fn class_of_status(status: u16, wait: Option<Duration>) -> Class {
    match status {
        401 => Class::Credentials,
        403 => Class::Denied,
        404 => Class::NoSuchResource,
        408 | 500..=599 => Class::Unknown,
        429 => Class::NotExecuted { retry_after: wait },
        400..=499 => Class::Refused,
        // 2xx that is not documented, and redirects, which may come after the work was done.
        _ => Class::Unreadable,
    }
}

/// The identity endpoint refuses bad credentials with 400 or 401; and where it gives no token, nothing was done.
fn class_of_identity(class: Class, status: u16) -> Class {
    match class {
        Class::Refused if matches!(status, 400 | 401) => Class::Credentials,
        Class::Unknown => Class::Unreachable,
        other => other,
    }
}

/// The daily quota starts anew at midnight Central time, says Adobe's page "Marketo Integration Best Practices".
fn next_midnight(now: Timestamp) -> Timestamp {
    let in_a_day = now.checked_add(24.hours()).unwrap_or(Timestamp::MAX);
    TimeZone::get("America/Chicago")
        .and_then(|zone| now.to_zoned(zone).tomorrow()?.start_of_day())
        .map_or(in_a_day, |midnight| midnight.timestamp())
}

/// Seconds, or an HTTP date.
fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let then = jiff::fmt::rfc2822::parse(header).ok()?.timestamp();
    Some(Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
#[path = "tests/answer.rs"]
mod tests;
