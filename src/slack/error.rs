//! What can go wrong with a call to Slack, sorted by what the caller can do about it.
//!
//! slack-morphism's own errors show whole response bodies, which hold names and addresses; they are read here and
//! dropped. What leaves this module is a method, a class and a code, never a word of a body. The module does not
//! know which call is worth repeating: that depends on what the call does.

use std::{error::Error as StdError, time::Duration};

use serde::Deserialize;
use slack_morphism::errors::SlackClientError;

/// How long to wait after a 429 that does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);
/// How long to wait after an answer of status 200 that says that the rate is limited; it has no header to say more.
const SHORT_WAIT: Duration = Duration::from_secs(1);
/// The longest part of Slack's own diagnosis that is logged.
const DIAGNOSIS_MAX: usize = 300;

/// A call that did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Slack's {method} did not work: {code}")]
pub struct Error {
    /// The Web API method, such as `chat.postMessage`, or `response_url`.
    pub method: &'static str,
    /// What can be done about it.
    pub class: Class,
    /// Slack's code, or `timeout`, `cut`, `unreachable`, `unreadable`, `http_502` and the like.
    pub code: String,
}

/// The kinds of failure, by what they say about the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// Slack took no notice of the call and wants to be left alone for a while.
    RateLimited {
        /// How long.
        after: Duration,
    },
    /// No connection: the call was not sent.
    Unreachable,
    /// The call may have been carried out, or not.
    Unknown,
    /// The token is no longer good.
    Revoked,
    /// The token lacks a scope.
    MissingScope {
        /// The scope that Slack names; empty when it names none.
        needed: String,
    },
    /// Slack said no, or the call was refused here; it was not carried out.
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

/// The part of an answer with `ok: false` that is looked at.
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
    /// An outcome that nobody knows.
    pub(super) fn unknown(method: &'static str, code: &str) -> Self {
        Self { method, class: Class::Unknown, code: code.to_owned() }
    }

    /// A call that is not made, or an answer that is a definite no.
    pub(super) fn refused(method: &'static str, code: &str) -> Self {
        Self { method, class: Class::Refused, code: code.to_owned() }
    }

    /// An answer that is not of Slack's form: whatever answered, it may have carried out the call.
    pub(super) fn unreadable(method: &'static str) -> Self {
        Self::unknown(method, "unreadable")
    }

    /// What slack-morphism reports, without the bodies that it carries.
    pub(super) fn of(method: &'static str, error: &SlackClientError) -> Self {
        match error {
            SlackClientError::ApiError(answer) => {
                Self::said_no(method, &answer.code, answer.http_response_body.as_deref().unwrap_or_default())
            }
            SlackClientError::RateLimitError(limit) => {
                Self::limited(method, limit.retry_after.unwrap_or(DEFAULT_WAIT))
            }
            SlackClientError::HttpError(answer) => Self::status(method, answer.status_code.as_u16()),
            SlackClientError::HttpProtocolError(error) => Self::transport(method, error.cause.as_deref()),
            SlackClientError::SystemError(_) | SlackClientError::EndOfStream(_) => {
                Self::unknown(method, "cut")
            }
            SlackClientError::ProtocolError(_) | SlackClientError::SocketModeProtocolError(_) => {
                Self::unreadable(method)
            }
        }
    }

    /// A method that Slack wants to be left alone.
    pub(super) fn limited(method: &'static str, after: Duration) -> Self {
        let after = after.clamp(Duration::from_secs(1), Duration::from_secs(3600));
        Self { method, class: Class::RateLimited { after }, code: "ratelimited".to_owned() }
    }

    /// An answer by its HTTP status alone. Slack answers a definite no with 200, a client error is one as well.
    pub(super) fn status(method: &'static str, status: u16) -> Self {
        let code = format!("http_{status}");
        match status {
            429 => Self::limited(method, DEFAULT_WAIT),
            408 => Self::unknown(method, &code),
            400..=499 => Self::refused(method, &code),
            _ => Self::unknown(method, &code),
        }
    }

    /// A failure below HTTP. Only a connection that was never made is known to have carried nothing.
    pub(super) fn transport(
        method: &'static str,
        cause: Option<&(dyn StdError + Send + Sync + 'static)>,
    ) -> Self {
        let client = cause.and_then(|cause| cause.downcast_ref::<hyper_util::client::legacy::Error>());
        match client {
            Some(error) if error.is_connect() => {
                Self { method, class: Class::Unreachable, code: "unreachable".to_owned() }
            }
            Some(_) => Self::unknown(method, "cut"),
            // No request could be made of the address or the token.
            None => Self::refused(method, "not_sent"),
        }
    }

    /// An answer with `ok: false`; see "Evaluating responses" in Slack's description of its Web API.
    pub(super) fn said_no(method: &'static str, code: &str, body: &str) -> Self {
        let refusal: Refusal = serde_json::from_str(body).unwrap_or_default();
        let code = harmless(code);
        log(method, &code, &refusal);
        let class = match code.as_str() {
            "ratelimited" | "rate_limited" => Class::RateLimited { after: SHORT_WAIT },
            "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" => {
                Class::Revoked
            }
            "missing_scope" => Class::MissingScope {
                needed: refusal.needed.map(|needed| harmless(&needed)).unwrap_or_default(),
            },
            "fatal_error" | "internal_error" | "service_unavailable" | "request_timeout" => Class::Unknown,
            _ => Class::Refused,
        };
        Self { method, class, code }
    }
}

/// A code as Slack writes codes and scopes; anything else is somebody's text and stays out.
fn harmless(code: &str) -> String {
    let is_code = |b: u8| b.is_ascii_alphanumeric() || b"_.:,-".contains(&b);
    if (1..=80).contains(&code.len()) && code.bytes().all(is_code) {
        code.to_owned()
    } else {
        "unreadable_code".to_owned()
    }
}

/// Slack's diagnosis points into the blocks that were sent, and without it an `invalid_blocks` cannot be mended.
fn log(method: &str, code: &str, refusal: &Refusal) {
    let messages = refusal.response_metadata.iter().flat_map(|metadata| &metadata.messages);
    let lines: Vec<String> = messages.map(|message| diagnosis(message)).collect();
    let warning = refusal.warning.as_deref().map(harmless);
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

/// The words of a diagnosis that are let through. Slack may quote what it was sent, and that may be anything.
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

/// What of Slack's diagnosis can be logged: known words, numbers, and the places in what was sent; at most
/// [`DIAGNOSIS_MAX`] characters.
fn diagnosis(text: &str) -> String {
    let is_place = |word: &str| {
        let place = word.strip_prefix("[json-pointer:").and_then(|word| word.strip_suffix(']'));
        place.is_some_and(|place| place.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-".contains(&b)))
    };
    let is_number = |word: &str| (1..=5).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    let is_known = |word: &str| DIAGNOSTIC.contains(&word) || is_number(word) || is_place(word);
    let words = text.split_whitespace().map(|word| if is_known(word) { word } else { "…" });
    let mut words: Vec<&str> = words.collect();
    words.dedup_by(|one, other| *one == "…" && *other == "…");
    words.join(" ").chars().take(DIAGNOSIS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slacks_codes_are_sorted_by_what_they_say_about_the_call() {
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
            assert_eq!(Error::said_no("x", code, r#"{"needed":"chat:write"}"#).class, class, "{code}");
        }
    }

    #[test]
    fn a_status_is_a_no_only_when_it_blames_the_call() {
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
    fn what_people_typed_is_in_no_code_and_no_diagnosis() {
        assert_eq!(Error::said_no("x", "Ada <ada@example.com>", "").code, "unreadable_code");
        let text = diagnosis(
            "[ERROR] `ada@example.com` of Ada must be less than 76 characters [json-pointer:/blocks/0/text] \u{1b}[2J",
        );
        assert_eq!(text, "[ERROR] … must be less than 76 characters [json-pointer:/blocks/0/text] …");
        assert_eq!(diagnosis("[json-pointer:/Ada Lovelace]"), "…");
        assert_eq!(diagnosis(&"must ".repeat(1000)).chars().count(), DIAGNOSIS_MAX);
    }
}
