//! Keeps the client within Slack's rate limits: <https://docs.slack.dev/apis/web-api/rate-limits>.
//!
//! A conversation takes about one message a second, after a short burst. Messages are paced at that rate: each one reserves
//! a time, so that a burst is posted as early as possible and no call is wasted. After a rate limit by Slack, neither the
//! method nor, for messages, the conversation is called before the time that Slack named. A call that is held back here
//! extends nothing, since Slack has not limited it. Times are in monotonic milliseconds of the process: a system clock that
//! is set back holds nothing back. Other replicas pace on their own.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::message_key::MessageKey;

/// The time between two messages to a conversation, in milliseconds.
const INTERVAL: i64 = 1000;
/// How many messages a quiet conversation takes at once.
const BURST: i64 = 4;
/// How late a message may be without losing its time, in milliseconds: late ones must not become another burst.
const LATE_MAX: i64 = 2000;
/// How many conversations are remembered before quiet ones are forgotten.
const CONVERSATIONS_MAX: usize = 1024;

/// The limits of all clones of a client.
#[derive(Debug, Default)]
pub(super) struct RateLimits(Mutex<State>);

/// What one of Slack's limits applies to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'a> {
    /// All calls of a method.
    Method(&'static str),
    /// Messages posted to a conversation; this is one of them.
    Conversation(&'a str, &'a MessageKey),
}

#[derive(Debug, Default)]
struct State {
    /// The limited methods, and until when.
    methods: HashMap<&'static str, i64>,
    conversations: HashMap<String, Conversation>,
}

#[derive(Debug)]
struct Conversation {
    /// The earliest time for a message without a reservation, later than all reservations. It lies in the past as long as a
    /// burst is possible.
    next: i64,
    /// The reserved times.
    reserved: HashMap<MessageKey, i64>,
}

impl RateLimits {
    /// Whether a call may be made at `now`. If a message may not, its time is reserved.
    ///
    /// # Errors
    /// How long not to make the call.
    pub(super) fn check(&self, scope: Scope<'_>, now: i64) -> Result<(), Duration> {
        let mut state = self.lock();
        match scope {
            Scope::Method(method) => {
                state.methods.retain(|_, until| *until > now);
                state.methods.get(method).map_or(Ok(()), |until| until_due(*until, now))
            }
            Scope::Conversation(id, key) => state.conversation(id, now).check(key, now),
        }
    }

    /// Slack limited a call at `now`.
    pub(super) fn limit(&self, scope: Scope<'_>, after: Duration, now: i64) {
        let until = now.saturating_add(millis(after));
        let mut state = self.lock();
        match scope {
            Scope::Method(method) => {
                state.methods.insert(method, until);
            }
            Scope::Conversation(id, key) => state.conversation(id, now).postpone(key, until),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A conversation, without the reservations that were not used in time.
    fn conversation(&mut self, id: &str, now: i64) -> &mut Conversation {
        if self.conversations.len() >= CONVERSATIONS_MAX {
            self.conversations.retain(|_, other| other.next > burst_start(now));
        }
        let quiet = || Conversation { next: burst_start(now), reserved: HashMap::new() };
        let conversation = self.conversations.entry(id.to_owned()).or_insert_with(quiet);
        conversation.reserved.retain(|_, at| *at + LATE_MAX >= now);
        conversation
    }
}

impl Conversation {
    fn check(&mut self, key: &MessageKey, now: i64) -> Result<(), Duration> {
        let at = self.reserved.remove(key).unwrap_or_else(|| {
            self.next = self.next.max(burst_start(now));
            self.take()
        });
        until_due(at, now).inspect_err(|_| {
            self.reserved.insert(key.clone(), at);
        })
    }

    /// Posts nothing before `until`; then the message first, and all others after it, in their order.
    fn postpone(&mut self, key: &MessageKey, until: i64) {
        self.reserved.remove(key);
        let mut others: Vec<(MessageKey, i64)> = self.reserved.drain().collect();
        others.sort_unstable_by_key(|(_, at)| *at);
        self.next = until;
        for key in std::iter::once(key.clone()).chain(others.into_iter().map(|(key, _)| key)) {
            let at = self.take();
            self.reserved.insert(key, at);
        }
    }

    fn take(&mut self) -> i64 {
        let at = self.next;
        self.next = at.saturating_add(INTERVAL);
        at
    }
}

/// The `next` of a quiet conversation.
fn burst_start(now: i64) -> i64 {
    now - (BURST - 1) * INTERVAL
}

fn until_due(at: i64, now: i64) -> Result<(), Duration> {
    match u64::try_from(at.saturating_sub(now)) {
        Ok(left) if left > 0 => Err(Duration::from_millis(left)),
        _ => Ok(()),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::people::RequestId;

    fn key(n: u32) -> MessageKey {
        MessageKey { request: RequestId(format!("req-{n}")), name: "card".to_owned() }
    }

    /// The waits of messages that are all posted at `now`.
    fn waits(limits: &RateLimits, keys: std::ops::Range<u32>, now: i64) -> Vec<u64> {
        let wait = |n| limits.check(Scope::Conversation("C1", &key(n)), now).err().unwrap_or_default();
        keys.map(|n| u64::try_from(wait(n).as_millis()).unwrap()).collect()
    }

    #[test]
    fn burst_is_followed_by_one_message_a_second_and_each_keeps_its_time() {
        let limits = RateLimits::default();
        assert_eq!(waits(&limits, 0..7, 10_000), [0, 0, 0, 0, 1000, 2000, 3000]);
        assert_eq!(waits(&limits, 4..7, 10_500), [500, 1500, 2500]);
        assert_eq!(waits(&limits, 4..7, 11_000), [0, 1000, 2000]);
        assert_eq!(waits(&limits, 7..8, 11_000), [3000]);
        assert!(limits.check(Scope::Conversation("C2", &key(9)), 11_000).is_ok());
        assert_eq!(waits(&limits, 10..15, 60_000), [0, 0, 0, 0, 1000]);
    }

    #[test]
    fn limited_message_is_first_and_all_others_wait_behind_it() {
        let limits = RateLimits::default();
        assert_eq!(waits(&limits, 0..6, 10_000), [0, 0, 0, 0, 1000, 2000]);
        limits.limit(Scope::Conversation("C1", &key(3)), Duration::from_secs(5), 10_100);
        assert_eq!(waits(&limits, 3..7, 10_100), [5000, 6000, 7000, 8000]);
        assert_eq!(waits(&limits, 3..7, 15_100), [0, 1000, 2000, 3000]);
    }

    #[test]
    fn calls_that_are_held_back_extend_nothing() {
        let limits = RateLimits::default();
        limits.limit(Scope::Method("chat.update"), Duration::from_secs(2), 1000);
        for now in [1000, 1500, 2999] {
            let left = Duration::from_millis(u64::try_from(3000 - now).unwrap());
            assert_eq!(limits.check(Scope::Method("chat.update"), now), Err(left));
        }
        assert_eq!(limits.check(Scope::Method("views.open"), 1500), Ok(()));
        assert_eq!(limits.check(Scope::Method("chat.update"), 3000), Ok(()));
    }

    #[test]
    fn reservations_that_are_not_used_delay_nobody_and_are_forgotten() {
        let limits = RateLimits::default();
        assert_eq!(waits(&limits, 0..7, 0), [0, 0, 0, 0, 1000, 2000, 3000]);
        limits.limit(Scope::Conversation("C1", &key(9)), Duration::from_secs(1), 9000);
        assert_eq!(waits(&limits, 9..11, 9000), [1000, 2000]);
        for n in 0..2 * CONVERSATIONS_MAX {
            let _ = limits
                .check(Scope::Conversation(&format!("C{n}"), &key(0)), 100_000 * i64::try_from(n).unwrap());
        }
        assert!(limits.lock().conversations.len() <= CONVERSATIONS_MAX);
    }

    proptest! {
        #[test]
        fn messages_stay_within_the_pace_and_every_wait_ends(
            calls in prop::collection::vec((0_u32..12, prop_oneof![0_i64..40, 0_i64..900]), 1..200),
        ) {
            let (limits, mut now, mut posted) = (RateLimits::default(), 0, Vec::new());
            for (n, pause) in calls {
                now += pause;
                let (key, posts) = (key(n), i64::try_from(posted.len()).unwrap());
                let scope = Scope::Conversation("C1", &key);
                match limits.check(scope, now) {
                    Ok(()) => {
                        prop_assert!(posts < BURST + now / INTERVAL, "{:?}", posted);
                        posted.push(now);
                    }
                    Err(wait) => {
                        prop_assert!(millis(wait) <= 12 * INTERVAL, "{:?}", wait);
                        prop_assert_eq!(limits.check(scope, now), Err(wait));
                    }
                }
            }
            // A burst, and those that are late or on time.
            let most = usize::try_from(BURST + LATE_MAX / INTERVAL + 1).unwrap();
            for end in &posted {
                let in_second = posted.iter().filter(|at| (*end - 999..=*end).contains(*at)).count();
                prop_assert!(in_second <= most, "{:?}", posted);
            }
        }
    }
}
