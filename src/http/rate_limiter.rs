//! A rate limiter by key: a user or a workspace. Only signed requests count, so nobody can use up someone else's share, and
//! repeated deliveries do not count. Each process counts for itself. It must not know what is limited.
//!
//! Hand-written, although it is the algorithm of `governor` (GCRA): a keyed limiter there grows without a bound between two
//! sweeps, and tracking who was notified within the last minute would need a second bounded map.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// The period of the limit, in milliseconds.
const MINUTE: i64 = 60_000;
/// How many keys are tracked at most. Only those of the last minute have to be.
const CAPACITY: usize = 10_000;

/// The same limit for each key.
#[derive(Debug)]
pub(super) struct RateLimiter {
    /// How many in a minute; 0: no limit.
    per_minute: u32,
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Default)]
struct Buckets {
    by_key: HashMap<Box<str>, Bucket>,
    /// When full buckets may be removed again: monotonic milliseconds.
    next_sweep_at: i64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// When the bucket is full again: monotonic microseconds.
    full_at: i64,
    /// When the limit was last reported as worth a notification: monotonic milliseconds.
    notified_at: i64,
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RateLimited {
    /// After how many seconds to retry.
    pub(super) retry_after: u64,
    /// Whether to notify the user: true once a minute.
    pub(super) should_notify: bool,
}

impl RateLimiter {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute, buckets: Mutex::default() }
    }

    /// Counts one action of `key` at `now` (monotonic milliseconds). Allows a burst of a minute's worth, then an even rate. An
    /// empty key is not limited.
    ///
    /// # Errors
    /// When the limit is reached; the action is then not counted.
    pub(super) fn check(&self, key: &str, now: i64) -> Result<(), RateLimited> {
        if self.per_minute == 0 || key.is_empty() {
            return Ok(());
        }
        let interval = MINUTE * 1000 / i64::from(self.per_minute);
        let now_micros = now.saturating_mul(1000);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bucket) = buckets.by_key.get_mut(key) else {
            if buckets.has_capacity(now) {
                buckets
                    .by_key
                    .insert(key.into(), Bucket { full_at: now_micros + interval, notified_at: i64::MIN });
            }
            return Ok(());
        };
        let full_at = bucket.full_at.max(now_micros) + interval;
        let too_early = full_at - now_micros - MINUTE * 1000;
        if too_early <= 0 {
            bucket.full_at = full_at;
            return Ok(());
        }
        let should_notify = bucket.notified_at.saturating_add(MINUTE) <= now;
        if should_notify {
            bucket.notified_at = now;
        }
        Err(RateLimited {
            retry_after: u64::try_from(too_early).unwrap_or(0).div_ceil(1_000_000),
            should_notify,
        })
    }
}

impl Buckets {
    /// Whether another key can be tracked. Removes full buckets first. At capacity, new keys are not limited, so that no
    /// other key loses its count.
    fn has_capacity(&mut self, now: i64) -> bool {
        if self.by_key.len() >= CAPACITY && self.next_sweep_at <= now {
            self.next_sweep_at = now + 1_000;
            self.by_key.retain(|_, bucket| {
                bucket.full_at > now * 1000 || bucket.notified_at.saturating_add(MINUTE) > now
            });
        }
        self.by_key.len() < CAPACITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_of_a_minute_then_an_even_rate() {
        let limiter = RateLimiter::new(30);
        for _ in 0..30 {
            assert_eq!(limiter.check("U1", 0), Ok(()));
        }
        assert_eq!(limiter.check("U1", 0), Err(RateLimited { retry_after: 2, should_notify: true }));
        assert_eq!(limiter.check("U1", 1_000), Err(RateLimited { retry_after: 1, should_notify: false }));
        assert_eq!(limiter.check("U1", 2_000), Ok(()));
        assert_eq!(limiter.check("U1", 2_001), Err(RateLimited { retry_after: 2, should_notify: false }));
        assert_eq!(limiter.check("U2", 2_001), Ok(()), "each key has its own share");
        for n in 0..30 {
            assert_eq!(limiter.check("U1", 62_000), Ok(()), "{n}");
        }
        assert_eq!(limiter.check("U1", 62_000), Err(RateLimited { retry_after: 2, should_notify: true }));
    }

    #[test]
    fn zero_means_no_limit() {
        let (none, some) = (RateLimiter::new(0), RateLimiter::new(1));
        for _ in 0..100 {
            assert_eq!((none.check("U1", 0), some.check("", 0)), (Ok(()), Ok(())));
        }
    }

    #[test]
    fn tracked_keys_are_bounded() {
        let limiter = RateLimiter::new(1);
        for n in 0..CAPACITY + 5_000 {
            assert_eq!(limiter.check(&format!("U{n}"), 0), Ok(()));
        }
        let len = || limiter.buckets.lock().unwrap().by_key.len();
        assert_eq!(len(), CAPACITY);
        assert!(limiter.check("U1", 0).is_err(), "tracked keys stay tracked");
        assert_eq!(limiter.check("W1", 61_000), Ok(()));
        assert_eq!(len(), 1, "full buckets are removed");
        assert!(limiter.check("W1", 61_000).is_err());
    }
}
