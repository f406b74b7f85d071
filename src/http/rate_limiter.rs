//! How often one person, or one workspace, may have something done. Only what Slack signed counts, so nobody can use
//! up the share of another, and what is delivered again counts no second time. Each process counts for itself. It
//! knows nothing of what is asked for.
//!
//! Hand-written, although it is the algorithm of `governor` (GCRA): a keyed limiter there grows without a bound between two
//! sweeps, and whether somebody was told within the last minute would need a second map beside it, with a bound of its own.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Over how long is counted, in milliseconds.
const MINUTE: i64 = 60_000;
/// How many people or workspaces are remembered. Only whoever was here within the last minute needs to be.
const CAPACITY: usize = 10_000;

/// A limit on each of many.
#[derive(Debug)]
pub(super) struct RateLimiter {
    /// How many in a minute; 0: any number.
    per_minute: u32,
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Default)]
struct Buckets {
    by_key: HashMap<Box<str>, Bucket>,
    /// When there may be some to forget again.
    tidy_at: i64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// When the bucket is full again: UTC microseconds.
    full_at: i64,
    /// When they were last told of the limit: UTC milliseconds.
    warned_at: i64,
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RateLimited {
    /// After how many seconds something may be done again.
    pub(super) retry_after: u64,
    /// Whether nobody was told so within the last minute.
    pub(super) is_news: bool,
}

impl RateLimiter {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute, buckets: Mutex::default() }
    }

    /// Lets `who` do something at `now` (UTC milliseconds), unless that is too often: as many in a row as a minute
    /// allows, then at an even pace.
    pub(super) fn spend(&self, who: &str, now: i64) -> Result<(), RateLimited> {
        if self.per_minute == 0 || who.is_empty() {
            return Ok(());
        }
        let each = MINUTE * 1000 / i64::from(self.per_minute);
        let now_micros = now.saturating_mul(1000);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bucket) = buckets.by_key.get_mut(who) else {
            if buckets.has_room(now) {
                buckets.by_key.insert(who.into(), Bucket { full_at: now_micros + each, warned_at: i64::MIN });
            }
            return Ok(());
        };
        let full_at = bucket.full_at.max(now_micros) + each;
        let too_early = full_at - now_micros - MINUTE * 1000;
        if too_early <= 0 {
            bucket.full_at = full_at;
            return Ok(());
        }
        let is_news = bucket.warned_at.saturating_add(MINUTE) <= now;
        if is_news {
            bucket.warned_at = now;
        }
        Err(RateLimited { retry_after: u64::try_from(too_early).unwrap_or(0).div_ceil(1_000_000), is_news })
    }
}

impl Buckets {
    /// Whether one more can be remembered. Whoever has nothing spent is forgotten first; beyond that newcomers are let
    /// through, rather than that anybody else's count is lost.
    fn has_room(&mut self, now: i64) -> bool {
        if self.by_key.len() >= CAPACITY && self.tidy_at <= now {
            self.tidy_at = now + 1_000;
            self.by_key.retain(|_, bucket| {
                bucket.full_at > now * 1000 || bucket.warned_at.saturating_add(MINUTE) > now
            });
        }
        self.by_key.len() < CAPACITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_passes_at_once_then_an_even_rate() {
        let rate = RateLimiter::new(30);
        for _ in 0..30 {
            assert_eq!(rate.spend("U1", 0), Ok(()));
        }
        assert_eq!(rate.spend("U1", 0), Err(RateLimited { retry_after: 2, is_news: true }));
        assert_eq!(rate.spend("U1", 1_000), Err(RateLimited { retry_after: 1, is_news: false }));
        assert_eq!(rate.spend("U1", 2_000), Ok(()));
        assert_eq!(rate.spend("U1", 2_001), Err(RateLimited { retry_after: 2, is_news: false }));
        assert_eq!(rate.spend("U2", 2_001), Ok(()), "everybody has a share of their own");
        for n in 0..30 {
            assert_eq!(rate.spend("U1", 62_000), Ok(()), "{n}");
        }
        assert_eq!(rate.spend("U1", 62_000), Err(RateLimited { retry_after: 2, is_news: true }));
    }

    #[test]
    fn zero_means_no_limit() {
        let (none, some) = (RateLimiter::new(0), RateLimiter::new(1));
        for _ in 0..100 {
            assert_eq!((none.spend("U1", 0), some.spend("", 0)), (Ok(()), Ok(())));
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let rate = RateLimiter::new(1);
        for n in 0..CAPACITY + 5_000 {
            assert_eq!(rate.spend(&format!("U{n}"), 0), Ok(()));
        }
        let len = || rate.buckets.lock().unwrap().by_key.len();
        assert_eq!(len(), CAPACITY);
        assert!(rate.spend("U1", 0).is_err(), "who was known stays known");
        assert_eq!(rate.spend("W1", 61_000), Ok(()));
        assert_eq!(len(), 1, "all others have everything back");
        assert!(rate.spend("W1", 61_000).is_err());
    }
}
