//! What can go wrong with a call to Marketo, sorted by what the caller can do about it.
//! It knows neither HTTP clients nor wire formats; `answer` and `transport` make these values.

use std::{fmt, time::Duration};

/// Which of Marketo's endpoints was called.
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
    /// `POST invite.json`, the only write.
    Invite,
}

impl Call {
    /// The name used in logs, metrics and error texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Roles => "roles",
            Self::Workspaces => "workspaces",
            Self::AllUsers => "allusers",
            Self::Invite => "invite",
        }
    }
}

/// What a failure means for the caller. The codes are those of Adobe's page "Error Codes" of the REST API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// Codes 606 and 615, HTTP 429 and our own budget: certainly not carried out, to be tried again.
    NotExecuted {
        /// How long to wait first, where somebody said so.
        retry_after: Option<Duration>,
    },
    /// Code 607: the day's quota of the instance is used up.
    QuotaReached {
        /// The next midnight in America/Chicago, when the count starts anew.
        resets_at: jiff::Timestamp,
    },
    /// Codes 604, 608, 611 and 713, HTTP 5xx, time-outs and cut connections: it may have been carried out.
    Unknown,
    /// No connection (name, network, TLS), or no token to be had in time: certainly not carried out.
    Unreachable,
    /// Code 603, HTTP 403: the role of the custom service lacks a permission, or an IP allow-list refuses us.
    Denied,
    /// The identity endpoint refuses client id or secret, or a token that it has just issued is not accepted.
    Credentials,
    /// Code 614: the subscription does not exist or cannot be reached.
    Subscription,
    /// Code 610, HTTP 404: no such resource, most likely a wrong base URL.
    NoSuchResource,
    /// Codes 609, 612, 7xx, 1xxx and anything else that is definite: the request is at fault.
    Refused,
    /// An answer that is not what Adobe documents (an HTML page, other JSON). A write may have been carried out.
    Unreadable,
}

impl Class {
    /// Whether it is certain that Marketo did nothing. When it is not, look before a write is repeated.
    pub fn certainly_not_executed(&self) -> bool {
        !matches!(self, Self::Unknown | Self::Unreadable)
    }

    /// The name used in metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotExecuted { .. } => "not_executed",
            Self::QuotaReached { .. } => "quota",
            Self::Unknown => "unknown",
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Credentials => "credentials",
            Self::Subscription => "subscription",
            Self::NoSuchResource => "no_such_resource",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A call that failed. Its text is for operators: it names the call, Marketo's code, the HTTP status and
/// Marketo's own words, and never a secret or what a person entered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// Which call failed; a failure to get a token shows as [`Call::Token`] whatever it was wanted for.
    pub call: Call,
    /// What it means for the caller.
    pub class: Class,
    /// Marketo's code, if the answer had one.
    pub code: Option<i64>,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Marketo's own words without control characters, at most 200 characters, e-mail addresses masked; or
    /// ours where Marketo said nothing.
    pub message: String,
}

impl Error {
    /// A call that was not waited for any longer: it may have been carried out.
    pub fn timeout(call: Call) -> Self {
        Self {
            call,
            class: Class::Unknown,
            code: None,
            status: None,
            message: "no answer in time".to_owned(),
        }
    }

    /// Whether it is certain that Marketo did nothing for the call that was asked for. Without a token nothing
    /// was sent, whatever went wrong on the way to one.
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

/// Settings from which no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The base URL cannot be used; the text says why and does not repeat it.
    #[error("the Marketo base URL {0}")]
    BaseUrl(&'static str),
    /// The HTTP client could not be set up.
    #[error("the HTTP client for Marketo: {0}")]
    Http(#[source] reqwest::Error),
}
