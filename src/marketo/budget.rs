//! Our share of the instance's limits, for this process: so many calls at once, and so many in any 20 seconds.
//! It knows nothing of what the calls are. First come, first served.
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

/// The budget of one client.
#[derive(Debug)]
pub(super) struct Budget {
    per_window: usize,
    at_once: Arc<Semaphore>,
    /// Whoever holds it is the next to go; tokio hands it out in the order of asking.
    turn: tokio::sync::Mutex<()>,
    calls: Mutex<Calls>,
}

/// The calls that count now. The moment at which Marketo counts a call lies somewhere between its start and its
/// end, so a call holds its place from its start until 20 s after its end.
#[derive(Debug, Default)]
struct Calls {
    in_flight: usize,
    /// Milliseconds, oldest first.
    ended: VecDeque<i64>,
}

/// The right to make one call; dropping it says that the call has ended.
#[derive(Debug)]
pub(super) struct Permit {
    budget: Arc<Budget>,
    clock: Clock,
    _at_once: OwnedSemaphorePermit,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut calls = self.budget.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.in_flight -= 1;
        calls.ended.push_back(self.clock.millis());
    }
}

/// There was no place within the time that the caller was ready to wait. Nothing was sent.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{why}")]
pub(super) struct NoPermit {
    /// When it is worth asking again.
    pub(super) retry_after: Duration,
    /// For operators.
    pub(super) why: &'static str,
}

impl NoPermit {
    /// All places are taken.
    pub(super) fn used_up(retry_after: Duration) -> Self {
        Self { retry_after, why: "our own budget of calls is used up" }
    }
}

impl Budget {
    /// At most `per_window` calls in any 20 s, and at most `at_once` at the same time; 0 counts as 1.
    pub(super) fn new(per_window: u32, at_once: u32) -> Arc<Self> {
        let per_window = usize::try_from(per_window.max(1)).unwrap_or(usize::MAX);
        // Never more at once than in 20 s: so whoever waits, waits for a call that has already ended.
        let at_once = usize::try_from(at_once.max(1)).unwrap_or(usize::MAX).min(per_window);
        Arc::new(Self {
            per_window,
            at_once: Arc::new(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS))),
            turn: tokio::sync::Mutex::new(()),
            calls: Mutex::default(),
        })
    }

    /// Waits for a place, at most for `patience` of the clock's time.
    ///
    /// # Errors
    /// When none came free in that time.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        clock: &Clock,
        patience: Duration,
    ) -> Result<Permit, NoPermit> {
        tokio::select! {
            biased;
            permit = self.place(clock) => Ok(permit),
            () = clock.sleep(patience) => Err(NoPermit::used_up(self.worth_asking_after(clock.millis()))),
        }
    }

    async fn place(self: &Arc<Self>, clock: &Clock) -> Permit {
        let _turn = self.turn.lock().await;
        let at_once = Arc::clone(&self.at_once).acquire_owned().await.expect("the semaphore is never closed");
        while let Err(free_at) = self.start(clock.millis()) {
            clock.sleep_until(free_at).await;
        }
        Permit { budget: Arc::clone(self), clock: clock.clone(), _at_once: at_once }
    }

    /// Counts a call that starts now, or says when there may be a place for it.
    fn start(&self, now: i64) -> Result<(), i64> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        // The system's clock may be set back; an end that lies ahead would hold its place for too long.
        calls.ended.iter_mut().for_each(|end| *end = now.min(*end));
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

    fn worth_asking_after(&self, now: i64) -> Duration {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let left = calls.ended.front().map_or(0, |end| end + WINDOW - now);
        Duration::from_millis(u64::try_from(left).unwrap_or(0)).max(Duration::from_secs(1))
    }
}

#[cfg(test)]
#[path = "tests/budget.rs"]
mod tests;
