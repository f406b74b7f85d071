//! The rate limit of one process: at most so many calls at the same time, and so many in any 20 seconds. First come,
//! first served. It does not know what the calls are.
//!
//! Written by hand: `governor` spaces calls out from their start (GCRA: twice the limit fits into one of Marketo's
//! sliding windows, or a burst has to wait), while Marketo counts a call at an unknown moment between its start and
//! its end, and limits calls in flight as well.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::Clock;

/// Marketo's window of 20 seconds, in milliseconds.
const WINDOW: i64 = 20_000;

/// The rate limit of one client.
#[derive(Debug)]
pub(super) struct Budget {
    per_window: usize,
    max_concurrent: Arc<Semaphore>,
    /// Its holder goes next. Tokio's mutex is fair.
    turn: tokio::sync::Mutex<()>,
    calls: Mutex<Calls>,
}

/// The calls in the current window. Marketo counts a call at some moment between its start and its end, so a call
/// counts here from its start until 20 s after its end.
#[derive(Debug, Default)]
struct Calls {
    in_flight: usize,
    /// Milliseconds, oldest first.
    ended: VecDeque<i64>,
}

/// The right to make one call. Drop it when the call has ended.
#[derive(Debug)]
pub(super) struct LocalPermit {
    budget: Arc<Budget>,
    clock: Clock,
    _slot: OwnedSemaphorePermit,
}

impl Drop for LocalPermit {
    fn drop(&mut self) {
        let mut calls = self.budget.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.in_flight -= 1;
        calls.ended.push_back(self.clock.monotonic_millis());
    }
}

/// No permit became free in time. Nothing was sent.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub(super) struct NoPermit {
    /// How long to wait before the next attempt.
    pub(super) retry_after: Duration,
    /// For operators.
    pub(super) reason: &'static str,
}

impl NoPermit {
    /// All permits stayed taken.
    pub(super) fn used_up(retry_after: Duration) -> Self {
        Self { retry_after, reason: "not sent: calls_per_20s or max_concurrent is used up" }
    }
}

impl Budget {
    /// At most `per_window` calls in any 20 s, and at most `max_concurrent` at the same time; 0 counts as 1.
    pub(super) fn new(per_window: u32, max_concurrent: u32) -> Arc<Self> {
        let per_window = usize::try_from(per_window.max(1)).unwrap_or(usize::MAX);
        // Fewer slots than calls in a window: a full window then always has a call that has ended to wait for.
        let max_concurrent = usize::try_from(max_concurrent.max(1)).unwrap_or(usize::MAX).min(per_window);
        Arc::new(Self {
            per_window,
            max_concurrent: Arc::new(Semaphore::new(max_concurrent.min(Semaphore::MAX_PERMITS))),
            turn: tokio::sync::Mutex::new(()),
            calls: Mutex::default(),
        })
    }

    /// Waits for a permit, at most `timeout` of the clock's time.
    ///
    /// # Errors
    /// If none became free in that time.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        clock: &Clock,
        timeout: Duration,
    ) -> Result<LocalPermit, NoPermit> {
        tokio::select! {
            biased;
            permit = self.wait_for_permit(clock) => Ok(permit),
            () = clock.sleep(timeout) => Err(NoPermit::used_up(self.retry_after(clock.monotonic_millis()))),
        }
    }

    async fn wait_for_permit(self: &Arc<Self>, clock: &Clock) -> LocalPermit {
        let _turn = self.turn.lock().await;
        let slot = Arc::clone(&self.max_concurrent).acquire_owned().await;
        let slot = slot.expect("the semaphore is never closed");
        while let Err(free_at) = self.start(clock.monotonic_millis()) {
            let remaining = u64::try_from(free_at - clock.monotonic_millis()).unwrap_or(0);
            clock.sleep(Duration::from_millis(remaining)).await;
        }
        LocalPermit { budget: Arc::clone(self), clock: clock.clone(), _slot: slot }
    }

    /// Counts a call that starts now, or returns when the window may have room for it.
    fn start(&self, now: i64) -> Result<(), i64> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        while calls.ended.front().is_some_and(|end| end + WINDOW <= now) {
            calls.ended.pop_front();
        }
        match calls.ended.front() {
            Some(oldest) if calls.ended.len() + calls.in_flight >= self.per_window => Err(oldest + WINDOW),
            _ => {
                calls.in_flight += 1;
                Ok(())
            }
        }
    }

    fn retry_after(&self, now: i64) -> Duration {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let remaining = calls.ended.front().map_or(0, |end| end + WINDOW - now);
        Duration::from_millis(u64::try_from(remaining).unwrap_or(0)).max(Duration::from_secs(1))
    }
}

#[cfg(test)]
#[path = "tests/budget.rs"]
mod tests;
