//! The access token: one for all calls, requested by one caller at a time, and renewed before it expires. It knows
//! when to request a token; how is a function that it is given.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use secrecy::SecretString;

use super::error::Error;
use crate::clock::Clock;

/// A token is renewed this many milliseconds before it expires.
const MARGIN: i64 = 60_000;
/// Pause between two attempts to renew a token that is still valid, in milliseconds. Marketo returns the same token with
/// its remaining lifetime, so requesting one before every call would achieve nothing.
const RENEWAL_PAUSE: i64 = 10_000;

/// A token as the identity endpoint issued it.
pub(super) struct IssuedToken {
    /// The access token.
    pub(super) token: SecretString,
    /// Its remaining lifetime when it was requested.
    pub(super) lifetime: Duration,
}

/// A token that may be used now.
#[derive(Clone)]
pub(super) struct UsableToken {
    /// The access token.
    pub(super) token: SecretString,
    /// Identifies the response of the identity endpoint that it came from.
    serial: u64,
}

struct HeldToken {
    usable: UsableToken,
    renew_at: i64,
    expires_at: i64,
}

#[derive(Default)]
struct TokenState {
    held: Option<HeldToken>,
    /// How many requests for a token have ended.
    attempts: u64,
    /// Why the last of them failed, if it did.
    error: Option<Error>,
}

/// Holds the token.
#[derive(Default)]
pub(super) struct Tokens {
    state: Mutex<TokenState>,
    requesting: tokio::sync::Mutex<()>,
}

impl Tokens {
    /// Returns a valid token. `request` is called only if needed, and never concurrently: callers that
    /// arrive during a request share its result, success or error.
    ///
    /// # Errors
    /// The error of `request`, unless the old token is still valid.
    pub(super) async fn get<F, R>(&self, clock: &Clock, request: R) -> Result<UsableToken, Error>
    where
        R: FnOnce() -> F,
        F: Future<Output = Result<IssuedToken, Error>>,
    {
        let attempts = match self.fresh(clock.monotonic_millis()) {
            Ok(usable) => return Ok(usable),
            Err(attempts) => attempts,
        };
        let _requesting = self.requesting.lock().await;
        if let Some(result) = self.result_since(attempts, clock.monotonic_millis()) {
            return result;
        }
        let requested_at = clock.monotonic_millis();
        let issued = request().await;
        self.record(issued, requested_at, clock.monotonic_millis())
    }

    /// Discards a token that Marketo rejected, unless it has already been replaced.
    pub(super) fn discard(&self, rejected: &UsableToken) {
        let mut state = self.state();
        if state.held.as_ref().is_some_and(|held| held.usable.serial == rejected.serial) {
            state.held = None;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, TokenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token if it need not be renewed, or how many requests have ended.
    fn fresh(&self, now: i64) -> Result<UsableToken, u64> {
        let state = self.state();
        match &state.held {
            Some(held) if now < held.renew_at => Ok(held.usable.clone()),
            _ => Err(state.attempts),
        }
    }

    /// The result of a request that ended after the first `attempts`, if there is one.
    fn result_since(&self, attempts: u64, now: i64) -> Option<Result<UsableToken, Error>> {
        let state = self.state();
        match (&state.held, &state.error) {
            (Some(held), _) if now < held.renew_at => Some(Ok(held.usable.clone())),
            (_, Some(error)) if state.attempts > attempts => Some(Err(error.clone())),
            _ => None,
        }
    }

    fn record(
        &self,
        issued: Result<IssuedToken, Error>,
        requested_at: i64,
        now: i64,
    ) -> Result<UsableToken, Error> {
        let mut state = self.state();
        state.attempts += 1;
        let serial = state.attempts;
        match issued {
            Ok(IssuedToken { token, lifetime }) => {
                state.error = None;
                let lifetime = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
                let usable = UsableToken { token, serial };
                let renew_after = (lifetime - MARGIN).max(lifetime.min(RENEWAL_PAUSE));
                let renew_at = requested_at.saturating_add(renew_after);
                let expires_at = requested_at.saturating_add(lifetime);
                state.held = Some(HeldToken { usable: usable.clone(), renew_at, expires_at });
                Ok(usable)
            }
            Err(error) => match &mut state.held {
                Some(held) if now < held.expires_at => {
                    held.renew_at = held.expires_at.min(now.saturating_add(RENEWAL_PAUSE));
                    Ok(held.usable.clone())
                }
                _ => {
                    state.error = Some(error.clone());
                    Err(error)
                }
            },
        }
    }
}
