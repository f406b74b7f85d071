//! The rate limit that several processes share. Its permits are kept outside this module, behind [`SharedPermits`].
//! Within one process it is first come, first served.

use std::{
    fmt::Debug,
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use super::budget::NoPermit;
use crate::clock::Clock;

/// Marketo's window, and a second for clocks that differ.
const WINDOW: Duration = Duration::from_secs(21);
/// The shortest and the longest pause before another attempt to take a permit, in milliseconds.
const RETRY_PAUSE: (u64, u64) = (40, 160);
/// When to try again if the shared permits are unavailable.
const RETRY_AFTER_FAILURE: Duration = Duration::from_secs(2);
const UNAVAILABLE: &str = "not sent: the rate limit that replicas share is unavailable";

/// A boxed future, which makes [`SharedPermits`] usable as a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A request for one permit. A permit counts from when it is taken until [`PermitRequest::window`] after its release.
#[derive(Clone, Copy, Debug)]
pub struct PermitRequest<'a> {
    /// A new id, by which the permit is released.
    pub id: &'a str,
    /// The current time.
    pub now: Timestamp,
    /// After how long the permit is released by itself, in case this process crashes.
    pub expires_after: Duration,
    /// How long a permit counts after its release.
    pub window: Duration,
    /// How many permits may count at the same time.
    pub per_window: u32,
    /// How many permits may be taken at the same time.
    pub max_concurrent: u32,
}

/// The response to a [`PermitRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermitResponse {
    /// The permit is ours.
    Granted,
    /// No permit is free now. One may be at this time, if known.
    Full(Option<Timestamp>),
    /// The permits are unavailable. The implementation has logged why.
    Failed,
}

/// The permits of one instance, shared by every process that calls it.
pub trait SharedPermits: Debug + Send + Sync {
    /// Takes a permit if one is free.
    fn acquire<'a>(&'a self, request: PermitRequest<'a>) -> BoxFuture<'a, PermitResponse>;

    /// Releases a permit at `now`. Releasing one that was never taken does nothing.
    fn release(self: Arc<Self>, id: String, now: Timestamp) -> BoxFuture<'static, ()>;
}

/// The rate limit of one client among several processes.
#[derive(Debug)]
pub(super) struct SharedBudget {
    pub(super) permits: Arc<dyn SharedPermits>,
    pub(super) per_window: u32,
    pub(super) max_concurrent: u32,
    /// After how long the permit of a crashed process is released; longer than any call.
    pub(super) expires_after: Duration,
    /// Its holder requests a permit; the others wait, so that a process never requests two at once.
    pub(super) turn: tokio::sync::Mutex<()>,
}

/// A permit that is released on drop.
#[derive(Debug)]
pub(super) struct HeldPermit {
    permits: Arc<dyn SharedPermits>,
    id: String,
    clock: Clock,
}

impl Drop for HeldPermit {
    fn drop(&mut self) {
        // Without a runtime, the permit expires.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let id = std::mem::take(&mut self.id);
            runtime.spawn(Arc::clone(&self.permits).release(id, self.clock.now()));
        }
    }
}

impl SharedBudget {
    /// Waits for a permit, at most `timeout` of the clock's time.
    ///
    /// # Errors
    /// If none became free in that time, or the permits are unavailable.
    pub(super) async fn acquire(&self, clock: &Clock, timeout: Duration) -> Result<HeldPermit, NoPermit> {
        tokio::select! {
            biased;
            permit = self.wait_for_permit(clock) => permit,
            () = clock.sleep(timeout) => Err(NoPermit::used_up(Duration::from_secs(1))),
        }
    }

    async fn wait_for_permit(&self, clock: &Clock) -> Result<HeldPermit, NoPermit> {
        let _turn = self.turn.lock().await;
        // Created before the request: if the response is lost, the permit may be taken, and dropping this releases it.
        let permit =
            HeldPermit { permits: Arc::clone(&self.permits), id: clock.new_id(), clock: clock.clone() };
        loop {
            let now = clock.now();
            let request = PermitRequest {
                id: &permit.id,
                now,
                expires_after: self.expires_after,
                window: WINDOW,
                per_window: self.per_window,
                max_concurrent: self.max_concurrent,
            };
            match self.permits.acquire(request).await {
                PermitResponse::Granted => return Ok(permit),
                PermitResponse::Failed => {
                    return Err(NoPermit { retry_after: RETRY_AFTER_FAILURE, reason: UNAVAILABLE });
                }
                PermitResponse::Full(free_at) => {
                    let free_at = free_at.map_or(now, |free_at| free_at.max(now));
                    clock.sleep_until(free_at.as_millisecond() + jitter(&clock.new_id())).await;
                }
            }
        }
    }
}

/// A few milliseconds, different for each `id`, so that waiting processes do not retry at the same moment.
fn jitter(id: &str) -> i64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let (min, max) = RETRY_PAUSE;
    i64::try_from(min + hasher.finish() % (max - min)).unwrap_or(0)
}

#[cfg(test)]
#[path = "tests/shared.rs"]
mod tests;
