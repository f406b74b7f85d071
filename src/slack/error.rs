//! Errors of calls to Slack, classified by what the caller can do about them.
//!
//! slack-morphism's errors contain whole response bodies, with names and email addresses. An [`Error`] has a method, a
//! class and a code, never a word of a body. This module does not know which call should be retried: that depends on what
//! the call does.

use std::{error::Error as StdError, time::Duration};

use serde::Deserialize;
use slack_morphism::errors::SlackClientError;

/// The wait after a 429 without `Retry-After`.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);
/// The wait after a rate limit with status 200, which has no `Retry-After`.
const SHORT_WAIT: Duration = Duration::from_secs(1);
/// The shortest and the longest wait that are believed.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(3600);
/// The longest diagnosis that is logged, in characters.
const DIAGNOSIS_MAX: usize = 300;

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Slack's {method} failed: {code}")]
pub struct Error {
    /// The Web API method, such as `chat.postMessage`, or `response_url`.
    pub method: &'static str,
    /// What can be done about it.
    pub class: Class,
    /// Slack's code, or one of this client's: `timeout`, `cut` (the connection broke), `unreachable`, `unreadable`,
    /// `too_large`, `not_sent`, `http_502` and the like.
    pub code: String,
}

/// A response is larger than this client reads.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the response is too large")]
pub(super) struct ResponseTooLarge;

/// What a failure says about the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// Rate limit: Slack ignored the call, or the client held it back.
    RateLimited {
        /// How long not to make the call, 1 h at most.
        after: Duration,
    },
    /// No connection: the call was not sent.
    Unreachable,
    /// The call may have been executed.
    Unknown,
    /// The token is invalid.
    Revoked,
    /// The token lacks a scope.
    MissingScope {
        /// The scope that Slack names; empty if it names none.
        needed: String,
    },
    /// Slack or this client refused the call. It was not executed.
    Refused,
}

impl Class {
    /// The class's name, for metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
            Self::Revoked => "revoked",
            Self::MissingScope { .. } => "missing_scope",
            Self::Refused => "refused",
        }
    }
}

/// The fields of a response with `ok: false` that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    needed: Option<String>,
    warning: Option<String>,
    response_metadata: Option<Metadata>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    messages: Vec<String>,
}

impl Error {
    /// The outcome is unknown.
    pub(super) fn unknown(method: &'static str, code: &str) -> Self {
        Self { method, class: Class::Unknown, code: code.to_owned() }
    }

    /// The call was not sent or definitely refused.
    pub(super) fn refused(method: &'static str, code: &str) -> Self {
        Self { method, class: Class::Refused, code: code.to_owned() }
    }

    /// The response is not Slack's format. The call may have been executed nevertheless.
    pub(super) fn unreadable(method: &'static str) -> Self {
        Self::unknown(method, "unreadable")
    }

    /// Converts an error of slack-morphism, without its bodies.
    pub(super) fn of(method: &'static str, error: &SlackClientError) -> Self {
        match error {
            SlackClientError::ApiError(response) => Self::api_error(
                method,
                &response.code,
                response.http_response_body.as_deref().unwrap_or_default(),
            ),
            SlackClientError::RateLimitError(limit) => {
                let after = limit.retry_after.unwrap_or(DEFAULT_WAIT);
                Self::limited(method, after.clamp(WAIT_MIN, WAIT_MAX))
            }
            SlackClientError::HttpError(response) => Self::status(method, response.status_code.as_u16()),
            SlackClientError::HttpProtocolError(error) => Self::transport(method, error.cause.as_deref()),
            SlackClientError::SystemError(error) => match error.cause.as_deref() {
                Some(cause) => Self::cut(method, cause),
                None => Self::unknown(method, "cut"),
            },
            SlackClientError::EndOfStream(_) => Self::unknown(method, "cut"),
            SlackClientError::ProtocolError(_) | SlackClientError::SocketModeProtocolError(_) => {
                Self::unreadable(method)
            }
        }
    }

    /// A rate limit allows no such call before `after`.
    pub(super) fn limited(method: &'static str, after: Duration) -> Self {
        Self { method, class: Class::RateLimited { after }, code: "ratelimited".to_owned() }
    }

    /// A response with this HTTP status. Slack itself refuses calls with status 200; a client error is a refusal as well.
    pub(super) fn status(method: &'static str, status: u16) -> Self {
        let code = format!("http_{status}");
        match status {
            429 => Self::limited(method, DEFAULT_WAIT),
            408 => Self::unknown(method, &code),
            400..=499 => Self::refused(method, &code),
            _ => Self::unknown(method, &code),
        }
    }

    /// A failure below HTTP. Only without a connection is it certain that nothing was sent.
    pub(super) fn transport(
        method: &'static str,
        cause: Option<&(dyn StdError + Send + Sync + 'static)>,
    ) -> Self {
        let client = cause.and_then(|cause| cause.downcast_ref::<hyper_util::client::legacy::Error>());
        match client {
            Some(error) if error.is_connect() => {
                Self { method, class: Class::Unreachable, code: "unreachable".to_owned() }
            }
            Some(error) => Self::cut(method, error),
            // The URL or the token made no valid request.
            None => Self::refused(method, "not_sent"),
        }
    }

    /// The connection broke before the response ended, or was broken because the response was too large.
    pub(super) fn cut(method: &'static str, cause: &(dyn StdError + 'static)) -> Self {
        let causes = std::iter::successors(Some(cause), |&cause| cause.source());
        let is_too_large = causes
            .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
            .any(|error| error.get_ref().is_some_and(|inner| inner.is::<ResponseTooLarge>()));
        Self::unknown(method, if is_too_large { "too_large" } else { "cut" })
    }

    /// A response with `ok: false`; see "Evaluating responses" in Slack's Web API documentation.
    pub(super) fn api_error(method: &'static str, code: &str, body: &str) -> Self {
        let refusal: Refusal = serde_json::from_str(body).unwrap_or_default();
        let code = redacted(code);
        log_diagnosis(method, &code, &refusal);
        let class = match code.as_str() {
            "ratelimited" | "rate_limited" => Class::RateLimited { after: SHORT_WAIT },
            "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" => {
                Class::Revoked
            }
            "missing_scope" => Class::MissingScope {
                needed: refusal.needed.map(|needed| redacted(&needed)).unwrap_or_default(),
            },
            "fatal_error" | "internal_error" | "service_unavailable" | "request_timeout" => Class::Unknown,
            _ => Class::Refused,
        };
        Self { method, class, code }
    }
}

/// A code or scope in Slack's usual characters; anything else may be a person's text and is replaced.
fn redacted(code: &str) -> String {
    let is_code = |b: u8| b.is_ascii_alphanumeric() || b"_.:,-".contains(&b);
    if (1..=80).contains(&code.len()) && code.bytes().all(is_code) {
        code.to_owned()
    } else {
        "unreadable_code".to_owned()
    }
}

/// Logs Slack's diagnosis. It points into the blocks that were sent, and without it nobody could fix an `invalid_blocks`.
fn log_diagnosis(method: &str, code: &str, refusal: &Refusal) {
    let messages = refusal.response_metadata.iter().flat_map(|metadata| &metadata.messages);
    let lines: Vec<String> = messages.map(|message| diagnosis(message)).collect();
    let warning = refusal.warning.as_deref().map(redacted);
    if !lines.is_empty() || warning.is_some() {
        tracing::warn!(
            method,
            code,
            diagnosis = diagnosis(&lines.join(" ")),
            warning,
            "Slack refused a call"
        );
    }
}

/// The words of a diagnosis that are logged. Others may quote what was sent, which may contain personal data.
const DIAGNOSTIC: [&str; 33] = [
    "[ERROR]",
    "[WARN]",
    "a",
    "additional",
    "all",
    "allowed",
    "at",
    "be",
    "characters",
    "duplicate",
    "failed",
    "field",
    "fields",
    "invalid",
    "is",
    "items",
    "least",
    "less",
    "longer",
    "match",
    "missing",
    "more",
    "most",
    "must",
    "no",
    "not",
    "property",
    "required",
    "schemas",
    "shorter",
    "than",
    "to",
    "unsupported",
];

/// Slack's diagnosis without anything but known words, numbers and JSON pointers, at most [`DIAGNOSIS_MAX`] characters.
fn diagnosis(text: &str) -> String {
    let is_pointer = |word: &str| {
        let pointer = word.strip_prefix("[json-pointer:").and_then(|word| word.strip_suffix(']'));
        pointer
            .is_some_and(|pointer| pointer.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-".contains(&b)))
    };
    let is_number = |word: &str| (1..=5).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    let is_known = |word: &str| DIAGNOSTIC.contains(&word) || is_number(word) || is_pointer(word);
    let words = text.split_whitespace().map(|word| if is_known(word) { word } else { "…" });
    let mut words: Vec<&str> = words.collect();
    words.dedup_by(|one, other| *one == "…" && *other == "…");
    words.join(" ").chars().take(DIAGNOSIS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_codes_are_classified() {
        let limited = Class::RateLimited { after: SHORT_WAIT };
        let scope = Class::MissingScope { needed: "chat:write".to_owned() };
        for (code, class) in [
            ("ratelimited", limited.clone()),
            ("rate_limited", limited),
            ("invalid_auth", Class::Revoked),
            ("not_authed", Class::Revoked),
            ("account_inactive", Class::Revoked),
            ("token_revoked", Class::Revoked),
            ("token_expired", Class::Revoked),
            ("missing_scope", scope),
            ("fatal_error", Class::Unknown),
            ("internal_error", Class::Unknown),
            ("service_unavailable", Class::Unknown),
            ("request_timeout", Class::Unknown),
            ("channel_not_found", Class::Refused),
            ("no_such_subteam", Class::Refused),
            ("a code of tomorrow", Class::Refused),
        ] {
            assert_eq!(Error::api_error("x", code, r#"{"needed":"chat:write"}"#).class, class, "{code}");
        }
    }

    #[test]
    fn only_client_error_statuses_are_refusals() {
        for (status, class) in [
            (302, Class::Unknown),
            (400, Class::Refused),
            (404, Class::Refused),
            (408, Class::Unknown),
            (429, Class::RateLimited { after: DEFAULT_WAIT }),
            (500, Class::Unknown),
            (503, Class::Unknown),
        ] {
            assert_eq!(Error::status("x", status).class, class, "{status}");
        }
    }

    #[test]
    fn codes_and_diagnoses_contain_no_typed_text() {
        assert_eq!(Error::api_error("x", "Ada <ada@example.com>", "").code, "unreadable_code");
        let text = diagnosis(
            "[ERROR] `ada@example.com` of Ada must be less than 76 characters [json-pointer:/blocks/0/text] \u{1b}[2J",
        );
        assert_eq!(text, "[ERROR] … must be less than 76 characters [json-pointer:/blocks/0/text] …");
        assert_eq!(diagnosis("[json-pointer:/Ada Lovelace]"), "…");
        assert_eq!(diagnosis(&"must ".repeat(1000)).chars().count(), DIAGNOSIS_MAX);
    }
}
