//! How often one person, and one workspace, may have something done. Only what Slack signed counts, so nobody can use
//! up the share of another, and what is delivered again counts no second time. Each process counts for itself. It
//! knows nothing of what is asked for.

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
pub(super) struct Rate {
    /// How many in a minute; 0: any number.
    per_minute: u32,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    of: HashMap<Box<str>, Spent>,
    /// When there may be some to forget again.
    tidy_at: i64,
}

#[derive(Clone, Copy, Debug)]
struct Spent {
    /// When everything that was spent has come back: UTC microseconds.
    whole_at: i64,
    /// When the limit was last told of: UTC milliseconds.
    told_at: i64,
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    /// After how many seconds something may be done again.
    pub(super) wait: u64,
    /// Whether nobody was told so within the last minute.
    pub(super) is_news: bool,
}

impl Rate {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute, known: Mutex::default() }
    }

    /// Lets `who` do something at `now` (UTC milliseconds), unless that is too often: as many in a row as a minute
    /// allows, then at an even pace.
    pub(super) fn spend(&self, who: &str, now: i64) -> Result<(), Reached> {
        if self.per_minute == 0 || who.is_empty() {
            return Ok(());
        }
        let each = MINUTE * 1000 / i64::from(self.per_minute);
        let now_micros = now.saturating_mul(1000);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(spent) = known.of.get_mut(who) else {
            if known.has_room(now) {
                known.of.insert(who.into(), Spent { whole_at: now_micros + each, told_at: i64::MIN });
            }
            return Ok(());
        };
        let whole_at = spent.whole_at.max(now_micros) + each;
        let too_early = whole_at - now_micros - MINUTE * 1000;
        if too_early <= 0 {
            spent.whole_at = whole_at;
            return Ok(());
        }
        let is_news = spent.told_at.saturating_add(MINUTE) <= now;
        if is_news {
            spent.told_at = now;
        }
        Err(Reached { wait: u64::try_from(too_early).unwrap_or(0).div_ceil(1_000_000), is_news })
    }
}

impl Known {
    /// Whether one more can be remembered. Whoever has nothing spent is forgotten first; beyond that newcomers are let
    /// through, rather than that anybody else's count is lost.
    fn has_room(&mut self, now: i64) -> bool {
        if self.of.len() >= CAPACITY && self.tidy_at <= now {
            self.tidy_at = now + 1_000;
            self.of
                .retain(|_, spent| spent.whole_at > now * 1000 || spent.told_at.saturating_add(MINUTE) > now);
        }
        self.of.len() < CAPACITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_at_once_and_then_an_even_pace() {
        let rate = Rate::new(30);
        for _ in 0..30 {
            assert_eq!(rate.spend("U1", 0), Ok(()));
        }
        assert_eq!(rate.spend("U1", 0), Err(Reached { wait: 2, is_news: true }));
        assert_eq!(rate.spend("U1", 1_000), Err(Reached { wait: 1, is_news: false }));
        assert_eq!(rate.spend("U1", 2_000), Ok(()));
        assert_eq!(rate.spend("U1", 2_001), Err(Reached { wait: 2, is_news: false }));
        assert_eq!(rate.spend("U2", 2_001), Ok(()), "everybody has a share of their own");
        for n in 0..30 {
            assert_eq!(rate.spend("U1", 62_000), Ok(()), "{n}");
        }
        assert_eq!(rate.spend("U1", 62_000), Err(Reached { wait: 2, is_news: true }));
    }

    #[test]
    fn nobody_is_limited_by_none() {
        let (none, some) = (Rate::new(0), Rate::new(1));
        for _ in 0..100 {
            assert_eq!((none.spend("U1", 0), some.spend("", 0)), (Ok(()), Ok(())));
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let rate = Rate::new(1);
        for n in 0..CAPACITY + 5_000 {
            assert_eq!(rate.spend(&format!("U{n}"), 0), Ok(()));
        }
        let len = || rate.known.lock().unwrap().of.len();
        assert_eq!(len(), CAPACITY);
        assert!(rate.spend("U1", 0).is_err(), "who was known stays known");
        assert_eq!(rate.spend("W1", 61_000), Ok(()));
        assert_eq!(len(), 1, "all others have everything back");
        assert!(rate.spend("W1", 61_000).is_err());
    }
}
