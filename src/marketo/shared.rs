//! Our share of the instance's limits where several processes take from it: the places are kept somewhere outside,
//! by somebody who knows nothing of calls. Within this process it is first come, first served.

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
/// How long it is waited at least, and at most, before it is asked again for a place that another process holds.
const ASK_AGAIN: (u64, u64) = (40, 160);
/// When it is worth asking again if the places cannot be asked for.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
const FAILED: &str = "the budget of calls that replicas share cannot be asked";

/// What becomes of something outside in a while.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A wish for a place. A place counts from when it is taken until [`Ask::window`] after it is given back.
#[derive(Clone, Copy, Debug)]
pub struct PermitRequest<'a> {
    /// A new id, under which the place is given back.
    pub id: &'a str,
    /// When.
    pub now: Timestamp,
    /// How long the place is held at most, should this process end before it gives it back.
    pub life: Duration,
    /// How long it counts after that.
    pub window: Duration,
    /// How many places may count.
    pub per_window: u32,
    /// How many may be held.
    pub at_once: u32,
}

/// The answer to an [`Ask`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermitResponse {
    /// The place is ours.
    Taken,
    /// There is none now; perhaps at that time, where it is known.
    Full(Option<Timestamp>),
    /// The places cannot be asked for. Whoever keeps them has logged why.
    Failed,
}

/// Keeps the places of one instance, for everybody who calls it.
pub trait SharedPermits: Debug + Send + Sync {
    /// Takes a place, if there is one.
    fn take<'a>(&'a self, ask: PermitRequest<'a>) -> BoxFuture<'a, PermitResponse>;

    /// Gives a place back at `now`. It may not have been taken.
    fn give_back(self: Arc<Self>, id: String, now: Timestamp) -> BoxFuture<'static, ()>;
}

/// The budget of one client among others.
#[derive(Debug)]
pub(super) struct SharedBudget {
    pub(super) places: Arc<dyn SharedPermits>,
    pub(super) per_window: u32,
    pub(super) at_once: u32,
    /// How long a call may take; a place of somebody who died is held for so long.
    pub(super) life: Duration,
    /// Whoever holds it asks for a place; the others wait, so that a process never asks for two at once.
    pub(super) turn: tokio::sync::Mutex<()>,
}

/// A place of ours; dropping it gives it back.
#[derive(Debug)]
pub(super) struct HeldPermit {
    places: Arc<dyn SharedPermits>,
    id: String,
    clock: Clock,
}

impl Drop for HeldPermit {
    fn drop(&mut self) {
        // Where nothing can be run any more, the place comes free when its life is over.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let id = std::mem::take(&mut self.id);
            runtime.spawn(Arc::clone(&self.places).give_back(id, self.clock.now()));
        }
    }
}

impl SharedBudget {
    /// Waits for a place, at most for `patience` of the clock's time.
    ///
    /// # Errors
    /// When none came free in that time, or the places cannot be asked for.
    pub(super) async fn acquire(&self, clock: &Clock, patience: Duration) -> Result<HeldPermit, NoPermit> {
        tokio::select! {
            biased;
            held = self.place(clock) => held,
            () = clock.sleep(patience) => Err(NoPermit::used_up(Duration::from_secs(1))),
        }
    }

    async fn place(&self, clock: &Clock) -> Result<HeldPermit, NoPermit> {
        let _turn = self.turn.lock().await;
        // Before the question: the answer may be lost, or not waited for, when the place is taken already.
        let held = HeldPermit { places: Arc::clone(&self.places), id: clock.new_id(), clock: clock.clone() };
        loop {
            let now = clock.now();
            let ask = PermitRequest {
                id: &held.id,
                now,
                life: self.life,
                window: WINDOW,
                per_window: self.per_window,
                at_once: self.at_once,
            };
            match self.places.take(ask).await {
                PermitResponse::Taken => return Ok(held),
                PermitResponse::Failed => return Err(NoPermit { retry_after: AFTER_FAILURE, why: FAILED }),
                PermitResponse::Full(free_at) => {
                    let free_at = free_at.map_or(now, |free_at| free_at.max(now));
                    clock.sleep_until(free_at.as_millisecond() + jitter(&clock.new_id())).await;
                }
            }
        }
    }
}

/// A few milliseconds, so that processes that wait for the same place do not ask at the same moment.
fn jitter(id: &str) -> i64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let (least, most) = ASK_AGAIN;
    i64::try_from(least + hasher.finish() % (most - least)).unwrap_or(0)
}

#[cfg(test)]
#[path = "tests/shared.rs"]
mod tests;
