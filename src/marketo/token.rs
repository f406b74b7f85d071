//! The access token: one for everybody, asked for once at a time, renewed before its end.
//! It knows when to ask; how to ask is a function that it is given, and what a token is used for it never learns.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use secrecy::SecretString;

use super::error::Error;
use crate::clock::Clock;

/// Renewed when less than this is left, in milliseconds.
const MARGIN: i64 = 60_000;
/// Pause between two attempts to renew a token that still lives, in milliseconds. Marketo answers such an
/// attempt with the same token and its remaining life, so that asking at every call would bring nothing.
const PAUSE: i64 = 10_000;

/// A token as the identity endpoint gave it.
pub(super) struct IssuedToken {
    /// The access token.
    pub(super) token: SecretString,
    /// Its remaining life when it was asked for.
    pub(super) life: Duration,
}

/// A token that may be used now.
#[derive(Clone)]
pub(super) struct UsableToken {
    /// The access token.
    pub(super) token: SecretString,
    /// Tells this answer of the identity endpoint from every other.
    serial: u64,
}

struct HeldToken {
    usable: UsableToken,
    renew_at: i64,
    ends_at: i64,
}

#[derive(Default)]
struct TokenState {
    held: Option<HeldToken>,
    /// How many attempts to get a token have ended.
    attempts: u64,
    /// Why the last of them failed, if it did.
    failure: Option<Error>,
}

/// Holds the token. The times are those of the clock it is asked with.
#[derive(Default)]
pub(super) struct Tokens {
    state: Mutex<TokenState>,
    asking: tokio::sync::Mutex<()>,
}

impl Tokens {
    /// A token that lives; `ask` is called only when it is needed, and never twice at the same time. Whoever
    /// comes while somebody asks gets that answer, be it good or bad.
    ///
    /// # Errors
    /// What `ask` says, unless the old token still lives.
    pub(super) async fn get<F, A>(&self, clock: &Clock, ask: A) -> Result<UsableToken, Error>
    where
        A: FnOnce() -> F,
        F: Future<Output = Result<IssuedToken, Error>>,
    {
        let before = match self.fresh(clock.millis()) {
            Ok(usable) => return Ok(usable),
            Err(attempts) => attempts,
        };
        let _asking = self.asking.lock().await;
        if let Some(shared) = self.answered_since(before, clock.millis()) {
            return shared;
        }
        let asked_at = clock.millis();
        let answer = ask().await;
        self.record(answer, asked_at, clock.millis())
    }

    /// Forgets `refused`, unless a newer one has taken its place.
    pub(super) fn drop_refused(&self, refused: &UsableToken) {
        let mut state = self.state();
        if state.held.as_ref().is_some_and(|held| held.usable.serial == refused.serial) {
            state.held = None;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, TokenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, now: i64) -> Result<UsableToken, u64> {
        let state = self.state();
        match &state.held {
            Some(held) if now < held.renew_at => Ok(held.usable.clone()),
            _ => Err(state.attempts),
        }
    }

    fn answered_since(&self, before: u64, now: i64) -> Option<Result<UsableToken, Error>> {
        let state = self.state();
        match (&state.held, &state.failure) {
            (Some(held), _) if now < held.renew_at => Some(Ok(held.usable.clone())),
            (_, Some(failure)) if state.attempts > before => Some(Err(failure.clone())),
            _ => None,
        }
    }

    fn record(
        &self,
        answer: Result<IssuedToken, Error>,
        asked_at: i64,
        now: i64,
    ) -> Result<UsableToken, Error> {
        let mut state = self.state();
        state.attempts += 1;
        let serial = state.attempts;
        match answer {
            Ok(IssuedToken { token, life }) => {
                state.failure = None;
                let life = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
                let usable = UsableToken { token, serial };
                let renew_at = asked_at.saturating_add((life - MARGIN).max(life.min(PAUSE)));
                let ends_at = asked_at.saturating_add(life);
                state.held = Some(HeldToken { usable: usable.clone(), renew_at, ends_at });
                Ok(usable)
            }
            Err(failure) => match &mut state.held {
                Some(held) if now < held.ends_at => {
                    held.renew_at = held.ends_at.min(now.saturating_add(PAUSE));
                    Ok(held.usable.clone())
                }
                _ => {
                    state.failure = Some(failure.clone());
                    Err(failure)
                }
            },
        }
    }
}
