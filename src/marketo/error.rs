//! Errors of calls to Marketo, classified by what the caller can do. It knows neither HTTP clients nor wire formats:
//! `response` and `transport` create these values.

use std::{fmt, time::Duration};

use crate::domain::problem::MarketoProblem;

/// An endpoint of Marketo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `GET /identity/oauth/token`.
    Token,
    /// `GET roles.json`.
    Roles,
    /// `GET workspaces.json`.
    Workspaces,
    /// `GET allusers.json`.
    AllUsers,
    /// `GET {userid}/user.json`.
    User,
    /// `GET {userid}/roles.json`.
    UserRoles,
    /// `POST invite.json`, the only write of the bot.
    Invite,
    /// `POST {userid}/update.json`, which only a probe of the instance makes.
    Update,
    /// `POST {userid}/delete.json`, which only a probe of the instance makes.
    Delete,
}

impl Call {
    /// The name in logs, metrics and error messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Roles => "roles",
            Self::Workspaces => "workspaces",
            Self::AllUsers => "allusers",
            Self::User => "user",
            Self::UserRoles => "user_roles",
            Self::Invite => "invite",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// What an error means for the caller. The codes are from Adobe's page "Error Codes" of the REST API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// Codes 606 and 615, HTTP 429 and our own rate limit: certainly not executed; try again.
    NotExecuted {
        /// How long to wait first, if known.
        retry_after: Option<Duration>,
    },
    /// Code 607: the day's quota of the instance is used up.
    QuotaReached {
        /// The next midnight in America/Chicago, when the quota resets.
        resets_at: jiff::Timestamp,
    },
    /// Codes 604, 608, 611 and 713, HTTP 5xx, timeouts and broken connections: possibly executed.
    Unknown,
    /// A write was answered, but not as Adobe documents: 200 with `false` or a bare text, code 611, HTTP 500. It may be a
    /// refusal in those words, or a failure after the write: possibly executed.
    Unexplained,
    /// No connection (DNS, network, TLS), or no token in time: certainly not executed.
    Unreachable,
    /// Code 603, HTTP 403: the role of the custom service lacks a permission, or an IP allowlist blocks us.
    Denied,
    /// The identity endpoint rejected client id or secret.
    Credentials,
    /// Codes 600 to 602, HTTP 401: a token that was just issued was rejected. That passes: certainly not executed.
    TokenRejected,
    /// Code 614: the subscription does not exist or is unreachable.
    Subscription,
    /// Code 610, HTTP 404: no such resource, most likely a wrong base URL.
    NoSuchResource,
    /// Codes 609, 612, 7xx, 1xxx and every other definite error: the request is wrong.
    Refused,
    /// A response that Adobe does not document (an HTML page, other JSON). A write was possibly executed.
    Unreadable,
}

impl Class {
    /// Whether Marketo certainly did nothing. If not, look the user up before repeating a write.
    pub fn certainly_not_executed(&self) -> bool {
        !matches!(self, Self::Unknown | Self::Unexplained | Self::Unreadable)
    }

    /// What is wrong with the instance, from which the way to fix it follows.
    pub fn problem(&self) -> MarketoProblem {
        match self {
            Self::NotExecuted { .. } => MarketoProblem::Busy,
            Self::QuotaReached { .. } => MarketoProblem::Quota,
            Self::Unknown | Self::Unreachable => MarketoProblem::Unavailable,
            Self::Unexplained => MarketoProblem::Unexplained,
            Self::Denied => MarketoProblem::AccessDenied,
            Self::Credentials => MarketoProblem::Credentials,
            Self::TokenRejected => MarketoProblem::TokenRejected,
            Self::Subscription => MarketoProblem::Subscription,
            Self::NoSuchResource => MarketoProblem::Address,
            Self::Refused => MarketoProblem::Refused,
            Self::Unreadable => MarketoProblem::Unreadable,
        }
    }

    /// The name in metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotExecuted { .. } => "not_executed",
            Self::QuotaReached { .. } => "quota",
            Self::Unknown => "unknown",
            Self::Unexplained => "unexplained",
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Credentials => "credentials",
            Self::TokenRejected => "token_rejected",
            Self::Subscription => "subscription",
            Self::NoSuchResource => "no_such_resource",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A failed call. Its message is for operators: it names the call, Marketo's code, the HTTP status and Marketo's
/// message, and never contains a secret or what a person entered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// The endpoint that failed: [`Call::Token`] if no token could be obtained for another call.
    pub call: Call,
    /// What it means for the caller.
    pub class: Class,
    /// Marketo's error code, if the response had one.
    pub code: Option<i64>,
    /// The HTTP status, if there was a response.
    pub status: Option<u16>,
    /// Marketo's messages, redacted and at most 400 characters; our own if Marketo sent none.
    pub message: String,
}

impl Error {
    /// Whether Marketo certainly did nothing for the caller. Without a token the actual call was never sent.
    pub fn certainly_not_executed(&self) -> bool {
        self.call == Call::Token || self.class.certainly_not_executed()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Marketo {}", self.call.as_str())?;
        match (self.code, self.status) {
            (Some(code), Some(status)) => write!(f, ": error {code} (HTTP {status})")?,
            (Some(code), None) => write!(f, ": error {code}")?,
            (None, Some(status)) => write!(f, ": HTTP {status}")?,
            (None, None) => {}
        }
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

/// Why a client cannot be built from its settings.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The base URL is invalid. The message says why without repeating it.
    #[error("the Marketo base URL {0}")]
    BaseUrl(&'static str),
    /// The HTTP client could not be set up.
    #[error("the HTTP client for Marketo cannot be set up: {0}")]
    Http(#[source] reqwest::Error),
}
