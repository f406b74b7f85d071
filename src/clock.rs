//! The one source of time, waiting and ids. Everything that asks what time it is, waits, or makes an id
//! gets it from a [`Clock`], so that tests move time instead of sleeping. It knows nothing of the rest.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::Notify;
use uuid::{NoContext, Uuid};

/// Where time comes from: the system, or somebody's hand. Cheap to clone; clones share the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    /// Stands still until it is moved; holds UTC milliseconds.
    Manual(Arc<Hand>),
    /// Goes with the system, ahead of it by as many milliseconds as it holds.
    Ahead(Arc<Hand>),
}

#[derive(Debug)]
struct Hand {
    millis: AtomicI64,
    moved: Notify,
}

impl Hand {
    fn at(millis: i64) -> Arc<Self> {
        Arc::new(Self { millis: AtomicI64::new(millis), moved: Notify::new() })
    }

    fn millis(&self) -> i64 {
        self.millis.load(Ordering::SeqCst)
    }
}

impl Clock {
    /// The system's time.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Hand::at(start.as_millisecond())))
    }

    /// A clock that goes with the system's, and can be moved ahead of it with [`Clock::advance`].
    pub fn movable() -> Self {
        Self(Source::Ahead(Hand::at(0)))
    }

    /// How many milliseconds it is ahead of the system's clock, because somebody moved it.
    pub fn ahead(&self) -> i64 {
        match &self.0 {
            Source::Ahead(hand) => hand.millis(),
            Source::System | Source::Manual(_) => 0,
        }
    }

    /// The time now, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        let millis = self.millis();
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
    }

    /// UTC milliseconds now.
    #[expect(clippy::disallowed_methods, reason = "this is the room that may ask the system")]
    pub fn millis(&self) -> i64 {
        match &self.0 {
            Source::Manual(hand) => hand.millis(),
            Source::System | Source::Ahead(_) => Timestamp::now().as_millisecond() + self.ahead(),
        }
    }

    /// Starts a stopwatch. It measures real time even where the clock is moved by hand: it is for figures, and for
    /// how long a connection may take; never for decisions about requests.
    #[expect(clippy::disallowed_methods, reason = "this is the room that may ask the system")]
    pub fn stopwatch(&self) -> Stopwatch {
        Stopwatch(std::time::Instant::now())
    }

    /// Moves a clock forward that can be moved, and wakes whoever waits for a time that has come.
    ///
    /// # Panics
    /// On the system's clock, which nobody moves.
    pub fn advance(&self, by: Duration) {
        let (Source::Manual(hand) | Source::Ahead(hand)) = &self.0 else {
            panic!("nobody moves the system's clock");
        };
        let millis = i64::try_from(by.as_millis()).expect("a sane duration");
        hand.millis.fetch_add(millis, Ordering::SeqCst);
        hand.moved.notify_waiters();
    }

    /// Waits for `duration` of this clock's time.
    pub async fn sleep(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.sleep_until(self.millis().saturating_add(millis)).await;
    }

    /// Waits until this clock shows `millis` (UTC milliseconds) or later.
    #[expect(clippy::disallowed_methods, reason = "this is the room that may wait")]
    pub async fn sleep_until(&self, millis: i64) {
        let left = |now: i64| Duration::from_millis(u64::try_from(millis.saturating_sub(now)).unwrap_or(0));
        let (Source::Manual(hand) | Source::Ahead(hand)) = &self.0 else {
            return tokio::time::sleep(left(self.millis())).await;
        };
        loop {
            let moved = hand.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let left = left(self.millis());
            if left.is_zero() {
                return;
            }
            if matches!(self.0, Source::Manual(_)) {
                moved.await;
            } else {
                // Either way it is looked again.
                let _ = tokio::time::timeout(left, moved).await;
            }
        }
    }

    /// A new id: a UUIDv7 as text, so that ids sort by the time of their making.
    pub fn new_id(&self) -> String {
        let millis = u64::try_from(self.millis()).unwrap_or(0);
        let sub_nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
        Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, millis / 1000, sub_nanos)).to_string()
    }
}

/// Real time that has passed since a moment.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    /// Whole milliseconds since the start.
    pub fn millis(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_sleepers_when_their_time_has_come() {
        let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep(Duration::from_secs(60)).await;
                clock.now()
            }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        assert_eq!(sleeper.await.unwrap().to_string(), "2026-11-24T10:01:00Z");
    }

    #[tokio::test]
    async fn a_movable_clock_goes_on_by_itself_and_wakes_sleepers_when_it_is_moved() {
        let clock = Clock::movable();
        let begun = clock.millis();
        clock.sleep(Duration::from_millis(5)).await;
        assert!(clock.millis() >= begun + 5);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(3600)).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(3600));
        sleeper.await.unwrap();
        assert_eq!((clock.ahead(), Clock::system().ahead()), (3_600_000, 0));
        assert!(clock.millis() >= begun + 3_600_000);
    }

    #[test]
    fn ids_are_unique_and_carry_the_time_of_their_making() {
        let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
        let first = clock.new_id();
        assert_ne!(first, clock.new_id());
        clock.advance(Duration::from_secs(1));
        assert!(first < clock.new_id());
    }
}
