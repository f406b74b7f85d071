//! Moves the simulated time with a bot that works by itself: what becomes due on the way is done on the way and in order,
//! as far as possible. Work that a fault blocks does not block the time.

use std::time::Duration;

use super::Playground;
use crate::{clock::Clock, store::StoreError};

/// How long the bot may work at each stop, in real time.
const AT_EACH_STOP: Duration = Duration::from_millis(400);
/// How often is looked whether it has finished.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
/// After so many stops the rest of the way is one leap.
const STOPS: usize = 60;
/// The shortest way between two stops: what is tried again every few seconds is not met each time.
const SHORTEST: i64 = 60_000;

impl Playground {
    /// Lets `time` pass at once, stopping where something is due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn travel(&self, time: Duration) -> Result<(), StoreError> {
        let end = self.clock.millis().saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        for _ in 0..STOPS {
            self.settle().await?;
            let now = self.clock.millis();
            let due = match &self.running {
                Some(running) => running.store.next_due().await?,
                None => None,
            };
            let next = due.map_or(end, |due| due.as_millisecond().max(now + SHORTEST).min(end));
            self.clock.advance(span(next - now));
            if next >= end {
                return self.settle().await;
            }
        }
        self.clock.advance(span(end - self.clock.millis()));
        self.settle().await
    }

    /// Gives the bot some time to do what is due.
    async fn settle(&self) -> Result<(), StoreError> {
        let Some(running) = &self.running else { return Ok(()) };
        let real = Clock::system();
        let end = real.millis() + i64::try_from(AT_EACH_STOP.as_millis()).unwrap_or(0);
        loop {
            // Whoever waits for a time that has come is awake only after this.
            real.sleep(BETWEEN_LOOKS).await;
            let due = running.store.outbox_stats(self.clock.now()).await?.due;
            if (due == 0 && running.tasks.is_empty()) || real.millis() >= end {
                return Ok(());
            }
        }
    }
}

fn span(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
