//! Keeps the client within Slack's rate limits: <https://docs.slack.dev/apis/web-api/rate-limits>.
//!
//! A conversation takes about one message a second, after a short burst. Messages are paced at that rate: each is given
//! its own time and keeps it, so that a burst is posted in the shortest time and no call is wasted. A method that Slack
//! limited nevertheless is not called before the time that Slack named. Calls that are held back here are no responses of
//! Slack's, so they extend nothing. All times are in UTC milliseconds.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::message_key::MessageKey;

/// The method that is limited for each conversation; the others are limited for the whole workspace.
pub(super) const POST_MESSAGE: &str = "chat.postMessage";
/// The time between two messages to a conversation, in milliseconds.
const INTERVAL: i64 = 1000;
/// How many messages a conversation that was quiet takes at once.
const BURST: i64 = 4;
/// How late a message may be without losing its time, in milliseconds: late ones must not become another burst.
const LATE_MAX: i64 = 2000;
/// How many conversations are remembered before idle ones are forgotten.
const CONVERSATIONS_MAX: usize = 1024;

/// The limits of all clones of a client.
#[derive(Debug, Default)]
pub(super) struct RateLimits(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The limited methods, and until when.
    methods: HashMap<&'static str, i64>,
    conversations: HashMap<String, Conversation>,
}

#[derive(Debug, Default)]
struct Conversation {
    /// When the next message without a reservation may be posted. In the past while there is room for a burst.
    next: i64,
    /// When each waiting message may be posted.
    reserved: HashMap<MessageKey, i64>,
}

impl RateLimits {
    /// Whether a method may be called at `now`.
    ///
    /// # Errors
    /// How long not to call it.
    pub(super) fn check(&self, method: &str, now: i64) -> Result<(), Duration> {
        let mut state = self.lock();
        match state.methods.get(method) {
            Some(until) => until_due(*until, now).inspect(|()| {
                state.methods.remove(method);
            }),
            None => Ok(()),
        }
    }

    /// Slack limited a method at `now`.
    pub(super) fn limit(&self, method: &'static str, after: Duration, now: i64) {
        self.lock().methods.insert(method, now.saturating_add(millis(after)));
    }

    /// Whether a message may be posted to a conversation at `now`. If not, its time is reserved.
    ///
    /// # Errors
    /// How long not to post it.
    pub(super) fn check_post(&self, conversation: &str, key: &MessageKey, now: i64) -> Result<(), Duration> {
        let mut state = self.lock();
        if state.conversations.len() >= CONVERSATIONS_MAX {
            state.conversations.retain(|_, other| !other.is_idle(now));
        }
        let paced = state.conversations.entry(conversation.to_owned()).or_default();
        paced.reserved.retain(|_, at| *at + LATE_MAX >= now);
        let at = match paced.reserved.get(key) {
            Some(at) => *at,
            None => paced.take(now),
        };
        let due = until_due(at, now);
        match due {
            Ok(()) => paced.reserved.remove(key),
            Err(_) => paced.reserved.insert(key.clone(), at),
        };
        due
    }

    /// Slack limited a message to a conversation at `now`: it is the first to be posted afterwards, and all others wait
    /// behind it.
    pub(super) fn limit_post(&self, conversation: &str, key: &MessageKey, after: Duration, now: i64) {
        let until = now.saturating_add(millis(after));
        let mut state = self.lock();
        let paced = state.conversations.entry(conversation.to_owned()).or_default();
        let mut waiting: Vec<(i64, MessageKey)> =
            paced.reserved.drain().filter(|(waiting, _)| waiting != key).map(|(key, at)| (at, key)).collect();
        waiting.sort_unstable_by_key(|(at, _)| *at);
        paced.next = until;
        for key in std::iter::once(key.clone()).chain(waiting.into_iter().map(|(_, key)| key)) {
            paced.reserved.insert(key, paced.next);
            paced.next = paced.next.saturating_add(INTERVAL);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Conversation {
    /// Takes the next free time, which may be in the past.
    fn take(&mut self, now: i64) -> i64 {
        let at = self.next.max(now - (BURST - 1) * INTERVAL);
        self.next = at.saturating_add(INTERVAL);
        at
    }

    fn is_idle(&self, now: i64) -> bool {
        self.reserved.is_empty() && self.next <= now - (BURST - 1) * INTERVAL
    }
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
        let wait = |n| limits.check_post("C1", &key(n), now).err().unwrap_or_default();
        keys.map(|n| u64::try_from(wait(n).as_millis()).unwrap()).collect()
    }

    #[test]
    fn burst_is_followed_by_one_message_a_second_and_each_keeps_its_time() {
        let limits = RateLimits::default();
        assert_eq!(waits(&limits, 0..7, 10_000), [0, 0, 0, 0, 1000, 2000, 3000]);
        assert_eq!(waits(&limits, 4..7, 10_500), [500, 1500, 2500]);
        assert_eq!(waits(&limits, 4..7, 11_000), [0, 1000, 2000]);
        assert_eq!(waits(&limits, 7..8, 11_000), [3000]);
        assert!(limits.check_post("C2", &key(9), 11_000).is_ok());
        assert_eq!(waits(&limits, 10..15, 60_000), [0, 0, 0, 0, 1000]);
    }

    #[test]
    fn limited_message_is_first_and_all_others_wait_behind_it() {
        let limits = RateLimits::default();
        assert_eq!(waits(&limits, 0..6, 10_000), [0, 0, 0, 0, 1000, 2000]);
        limits.limit_post("C1", &key(3), Duration::from_secs(5), 10_100);
        assert_eq!(waits(&limits, 3..7, 10_100), [5000, 6000, 7000, 8000]);
        assert_eq!(waits(&limits, 3..7, 15_100), [0, 1000, 2000, 3000]);
    }

    #[test]
    fn calls_that_are_held_back_extend_nothing() {
        let limits = RateLimits::default();
        limits.limit("chat.update", Duration::from_secs(2), 1000);
        for now in [1000, 1500, 2999] {
            let left = Duration::from_millis(u64::try_from(3000 - now).unwrap());
            assert_eq!(limits.check("chat.update", now), Err(left));
        }
        assert_eq!(limits.check("views.open", 1500), Ok(()));
        assert_eq!(limits.check("chat.update", 3000), Ok(()));
    }

    proptest! {
        #[test]
        fn no_second_takes_more_than_a_burst_and_every_wait_ends(
            calls in prop::collection::vec((0_u32..12, 0_i64..900), 1..80),
        ) {
            let (limits, mut now, mut posted) = (RateLimits::default(), 100_000, Vec::new());
            for (n, pause) in calls {
                now += pause;
                match limits.check_post("C1", &key(n), now) {
                    Ok(()) => posted.push(now),
                    Err(wait) => {
                        prop_assert!(millis(wait) <= 12 * INTERVAL, "{:?}", wait);
                        prop_assert_eq!(limits.check_post("C1", &key(n), now), Err(wait));
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
