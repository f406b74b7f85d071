//! What can be wrong with a Marketo instance, as far as it decides what to do about it. How it is said is written
//! elsewhere, in one place for every message and for the checks of the configuration.

/// A problem with a Marketo instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MarketoProblem {
    /// It denies access: a permission is missing, or the bot's address is not on the list of allowed addresses.
    AccessDenied,
    /// It does not accept client id and client secret.
    Credentials,
    /// It rejects a token that it has just issued.
    TokenRejected,
    /// There is no such instance or endpoint at this address.
    Address,
    /// It does not know or cannot reach its subscription.
    Subscription,
    /// Its daily quota of calls is used up.
    Quota,
    /// It gets too many calls at the moment.
    Busy,
    /// It does not respond, or says that it is in trouble.
    Unavailable,
    /// It refuses a call as wrong.
    Refused,
    /// It answers a write neither with a success nor with a documented refusal.
    Unexplained,
    /// Its answer is not Marketo's.
    Unreadable,
}

impl MarketoProblem {
    /// Every problem.
    pub const ALL: [Self; 11] = [
        Self::AccessDenied,
        Self::Credentials,
        Self::TokenRejected,
        Self::Address,
        Self::Subscription,
        Self::Quota,
        Self::Busy,
        Self::Unavailable,
        Self::Refused,
        Self::Unexplained,
        Self::Unreadable,
    ];
}
