//! Moves the simulated time with a bot that works by itself: what becomes due on the way is done on the way and in order,
//! as far as possible. Work that a fault blocks does not block the time.

use std::time::Duration;

use super::Playground;
use crate::{clock::Clock, store::StoreError};

/// How long the bot may work at each stop, in real time.
const WORK_TIMEOUT: Duration = Duration::from_millis(400);
/// Poll interval while the bot works, in real time.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// After this many stops, the rest of the time passes at once.
const MAX_STOPS: usize = 60;
/// The minimum time between two stops in milliseconds, so that frequent retries do not use up the stops.
const MIN_STEP: i64 = 60_000;

impl Playground {
    /// Advances the clock by `time`, stopping where an effect is due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fast_forward(&self, time: Duration) -> Result<(), StoreError> {
        let end = self.clock.millis().saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        for _ in 0..MAX_STOPS {
            self.settle().await?;
            let now = self.clock.millis();
            let due = match &self.bot {
                Some(bot) => bot.store.next_due().await?,
                None => None,
            };
            let next = due.map_or(end, |due| due.as_millisecond().max(now + MIN_STEP).min(end));
            self.clock.advance(duration(next - now));
            if next >= end {
                return self.settle().await;
            }
        }
        self.clock.advance(duration(end - self.clock.millis()));
        self.settle().await
    }

    /// Gives the bot real time to execute what is due.
    async fn settle(&self) -> Result<(), StoreError> {
        let Some(bot) = &self.bot else { return Ok(()) };
        let real = Clock::system();
        let end = real.millis() + i64::try_from(WORK_TIMEOUT.as_millis()).unwrap_or(0);
        loop {
            // Tasks whose timer has fired run only after this sleep.
            real.sleep(POLL_INTERVAL).await;
            let due = bot.store.outbox_stats(self.clock.now()).await?.due;
            if (due == 0 && bot.tasks.is_empty()) || real.millis() >= end {
                return Ok(());
            }
        }
    }
}

fn duration(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
