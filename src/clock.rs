//! The one source of time, waiting and ids. All code that reads the time, waits or creates an id uses a [`Clock`], so
//! that tests move time instead of sleeping. It knows no other module.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use uuid::{NoContext, Uuid};

/// The system's time, or a time that a test or the playground moves. Cheap to clone; clones share the time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    /// Stands still at these UTC milliseconds.
    Manual(Arc<MovableMillis>),
    /// Runs this many milliseconds ahead of the system's clock.
    Ahead(Arc<MovableMillis>),
}

#[derive(Debug)]
struct MovableMillis {
    millis: AtomicI64,
    /// How many milliseconds the wall clock is ahead of that, since somebody set it.
    set_by: AtomicI64,
    moved: Notify,
}

impl MovableMillis {
    fn at(millis: i64) -> Arc<Self> {
        Arc::new(Self { millis: AtomicI64::new(millis), set_by: AtomicI64::new(0), moved: Notify::new() })
    }

    fn millis(&self) -> i64 {
        self.millis.load(Ordering::SeqCst)
    }

    fn set_by(&self) -> i64 {
        self.set_by.load(Ordering::SeqCst)
    }
}

/// How far the clocks of two processes may differ.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(5);

/// Whether what happened `at` is at most `max_age` old. False as well if it lies in the future, because the clock was set
/// back since: its age is then unknown.
pub fn is_recent(at: Timestamp, now: Timestamp, max_age: SignedDuration) -> bool {
    let age = now.duration_since(at);
    -TOLERANCE <= age && age <= max_age
}

impl Clock {
    /// The system's time.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(MovableMillis::at(start.as_millisecond())))
    }

    /// A clock that runs like the system's, and that [`Clock::advance`] moves ahead of it.
    pub fn movable() -> Self {
        Self(Source::Ahead(MovableMillis::at(0)))
    }

    /// How many milliseconds this clock is ahead of the system's.
    pub fn ahead(&self) -> i64 {
        match &self.0 {
            Source::Ahead(offset) => offset.millis(),
            Source::System | Source::Manual(_) => 0,
        }
    }

    /// The current time, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        let millis = self.millis();
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
    }

    /// The current time, in UTC milliseconds.
    #[expect(clippy::disallowed_methods, reason = "only this module reads the system's clock")]
    pub fn millis(&self) -> i64 {
        match &self.0 {
            Source::Manual(time) => time.millis() + time.set_by(),
            Source::Ahead(time) => Timestamp::now().as_millisecond() + time.millis() + time.set_by(),
            Source::System => Timestamp::now().as_millisecond(),
        }
    }

    /// Milliseconds since some moment, by a clock that nobody can set: for waiting times within this process. A manual or
    /// movable clock moves it, too.
    #[expect(clippy::disallowed_methods, reason = "only this module reads the system's clock")]
    pub fn monotonic_millis(&self) -> i64 {
        static START: OnceLock<Instant> = OnceLock::new();
        match &self.0 {
            Source::Manual(time) => time.millis(),
            Source::System | Source::Ahead(_) => {
                let elapsed = START.get_or_init(Instant::now).elapsed();
                i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX).saturating_add(self.ahead())
            }
        }
    }

    /// Starts a stopwatch, which measures monotonic real time even if the clock is manual. For measurements and network
    /// timeouts; never for decisions about requests.
    #[expect(clippy::disallowed_methods, reason = "only this module reads the system's clock")]
    pub fn stopwatch(&self) -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// Moves a manual or movable clock forward, and wakes the sleepers whose time has come.
    ///
    /// # Panics
    /// On the system's clock.
    pub fn advance(&self, by: Duration) {
        let (Source::Manual(movable) | Source::Ahead(movable)) = &self.0 else {
            panic!("the system's clock cannot be moved");
        };
        let millis = i64::try_from(by.as_millis()).expect("the duration fits into i64 milliseconds");
        movable.millis.fetch_add(millis, Ordering::SeqCst);
        movable.moved.notify_waiters();
    }

    /// Sets the wall clock of a manual or movable clock by `millis` forward or, if negative, back. Nothing else moves:
    /// sleepers sleep on, as they do when the system's clock is set.
    ///
    /// # Panics
    /// On the system's clock.
    pub fn set_wall_clock(&self, millis: i64) {
        let (Source::Manual(movable) | Source::Ahead(movable)) = &self.0 else {
            panic!("the system's clock cannot be set");
        };
        movable.set_by.fetch_add(millis, Ordering::SeqCst);
    }

    /// Waits until this clock shows `millis` (UTC milliseconds), unless it is set meanwhile.
    pub async fn sleep_until(&self, millis: i64) {
        let remaining = millis.saturating_sub(self.millis());
        self.sleep(Duration::from_millis(u64::try_from(remaining).unwrap_or(0))).await;
    }

    /// Waits for `duration`, by the monotonic clock.
    #[expect(clippy::disallowed_methods, reason = "only this module sleeps")]
    pub async fn sleep(&self, duration: Duration) {
        let (Source::Manual(movable) | Source::Ahead(movable)) = &self.0 else {
            return tokio::time::sleep(duration).await;
        };
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let end = self.monotonic_millis().saturating_add(millis);
        let remaining = |now: i64| Duration::from_millis(u64::try_from(end.saturating_sub(now)).unwrap_or(0));
        loop {
            let moved = movable.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let remaining = remaining(self.monotonic_millis());
            if remaining.is_zero() {
                return;
            }
            if matches!(self.0, Source::Manual(_)) {
                moved.await;
            } else {
                // Moved or timed out: the loop checks the time again.
                let _ = tokio::time::timeout(remaining, moved).await;
            }
        }
    }

    /// A new id: a UUIDv7 as text, so that ids sort by creation time.
    pub fn new_id(&self) -> String {
        let millis = u64::try_from(self.millis()).unwrap_or(0);
        let sub_nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
        Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, millis / 1000, sub_nanos)).to_string()
    }
}

/// Measures real time since its start.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

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
    async fn manual_clock_wakes_sleepers_when_their_time_has_come() {
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
    async fn movable_clock_runs_and_wakes_sleepers_when_it_is_moved() {
        let clock = Clock::movable();
        let (start, monotonic) = (clock.millis(), clock.monotonic_millis());
        clock.sleep(Duration::from_millis(5)).await;
        assert!(clock.millis() >= start + 5);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(3600)).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(3600));
        sleeper.await.unwrap();
        assert_eq!((clock.ahead(), Clock::system().ahead()), (3_600_000, 0));
        assert!(clock.millis() >= start + 3_600_000);
        assert!(clock.monotonic_millis() >= monotonic + 3_600_000);
    }

    #[tokio::test]
    async fn setting_the_wall_clock_moves_no_sleeper() {
        let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
        let monotonic = clock.monotonic_millis();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(60)).await }
        });
        tokio::task::yield_now().await;
        clock.set_wall_clock(-3_600_000);
        assert_eq!(
            (clock.now().to_string().as_str(), clock.monotonic_millis()),
            ("2026-11-24T09:00:00Z", monotonic)
        );
        clock.advance(Duration::from_secs(60));
        sleeper.await.unwrap();
    }

    #[test]
    fn age_of_what_lies_in_the_future_is_unknown() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let hour = SignedDuration::from_hours(1);
        assert!(is_recent(now, now, hour) && is_recent(now - hour, now, hour));
        assert!(is_recent(now + SignedDuration::from_secs(1), now, hour), "another process's clock");
        assert!(!is_recent(now + hour, now, hour) && !is_recent(now - hour * 2, now, hour));
    }

    #[test]
    fn ids_are_unique_and_sort_by_creation_time() {
        let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
        let first = clock.new_id();
        assert_ne!(first, clock.new_id());
        clock.advance(Duration::from_secs(1));
        assert!(first < clock.new_id());
    }
}
