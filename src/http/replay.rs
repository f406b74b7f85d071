//! In-memory replay protection: the signatures that this process has received. It prevents repeats of what saves nothing (an
//! opened form, an answer in the background) while the database is down. All other repeats are detected by the recorded
//! delivery, and get the ack of the first. Bounded: at capacity, the oldest signature is forgotten.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasherDefault, Hasher},
    sync::{Mutex, PoisonError},
};

use super::signature::Fingerprint;
use crate::handlers::Ack;

/// How long a request is remembered, in seconds: twice the window of its timestamp.
const RETENTION: i64 = 600;
/// How many requests are remembered at most.
const CAPACITY: usize = 65_536;

/// The first half of a signature: random enough to identify requests, and to need no further hashing.
type Key = u128;

/// A hasher that truncates its input.
#[derive(Default)]
struct Truncate(u64);

impl Hasher for Truncate {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_le_bytes(word);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

/// The signed requests of the retention period.
#[derive(Default)]
pub(super) struct Replays(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    /// Each with its ack, if it was rejected before it was handled.
    acks: HashMap<Key, Option<Box<Ack>>, BuildHasherDefault<Truncate>>,
    order: VecDeque<(i64, Key)>,
}

impl std::fmt::Debug for Replays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Replays")
    }
}

/// Whether a signed request was received before.
#[derive(Debug)]
pub(super) enum Received {
    /// It is new.
    First,
    /// It is a repeat.
    Repeated,
    /// It is a repeat of a request that was rejected with this ack.
    Rejected(Ack),
}

impl Replays {
    /// Checks whether a request was received before, and remembers it at `now` (monotonic seconds).
    pub(super) fn check(&self, fingerprint: &Fingerprint, now: i64) -> Received {
        let key = key(fingerprint);
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(&(received_at, oldest)) = memory.order.front() {
            if received_at + RETENTION >= now && memory.order.len() < CAPACITY {
                break;
            }
            memory.order.pop_front();
            memory.acks.remove(&oldest);
        }
        match memory.acks.entry(key) {
            Entry::Occupied(entry) => {
                return entry
                    .get()
                    .as_ref()
                    .map_or(Received::Repeated, |ack| Received::Rejected((**ack).clone()));
            }
            Entry::Vacant(entry) => entry.insert(None),
        };
        memory.order.push_back((now, key));
        Received::First
    }

    /// Remembers that a request was rejected with `ack`, which repeats get too.
    pub(super) fn reject(&self, fingerprint: &Fingerprint, ack: &Ack) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(remembered) = memory.acks.get_mut(&key(fingerprint)) {
            *remembered = Some(Box::new(ack.clone()));
        }
    }

    /// Forgets a request that could not be handled, so that it can be retried.
    pub(super) fn forget(&self, fingerprint: &Fingerprint) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(fingerprint);
        if memory.acks.remove(&key).is_some() {
            // Searched from the end, since the request is recent.
            if let Some(index) = memory.order.iter().rposition(|(_, remembered)| *remembered == key) {
                memory.order.remove(index);
            }
        }
    }
}

fn key(fingerprint: &Fingerprint) -> Key {
    let mut half = [0; 16];
    half.copy_from_slice(&fingerprint[..16]);
    Key::from_le_bytes(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(n: u64) -> Fingerprint {
        let mut fingerprint = [7; 32];
        fingerprint[..8].copy_from_slice(&n.to_le_bytes());
        fingerprint
    }

    fn received(replays: &Replays, n: u64, now: i64) -> &'static str {
        match replays.check(&fingerprint(n), now) {
            Received::First => "first",
            Received::Repeated => "repeated",
            Received::Rejected(ack) => ack.outcome,
        }
    }

    #[test]
    fn request_is_remembered_for_ten_minutes() {
        let replays = Replays::default();
        assert_eq!(received(&replays, 1, 1_000), "first");
        assert_eq!(received(&replays, 1, 1_000), "repeated");
        assert_eq!(received(&replays, 2, 1_001), "first");
        assert_eq!(received(&replays, 1, 1_600), "repeated");
        assert_eq!(received(&replays, 1, 1_601), "first");
    }

    #[test]
    fn repeat_of_a_rejected_request_gets_its_ack() {
        let (replays, ack) = (Replays::default(), Ack::too_many_requests("limited", 1));
        replays.reject(&fingerprint(1), &ack);
        assert_eq!(received(&replays, 1, 1_000), "first");
        replays.reject(&fingerprint(1), &ack);
        assert_eq!(received(&replays, 1, 1_600), "limited");
        assert_eq!(received(&replays, 1, 1_601), "first");
    }

    #[test]
    fn forgotten_request_is_new_again() {
        let replays = Replays::default();
        for n in 0..3 {
            assert_eq!(received(&replays, n, 1_000), "first");
        }
        replays.forget(&fingerprint(1));
        assert_eq!(replays.0.lock().unwrap().order.len(), 2);
        assert_eq!((received(&replays, 1, 1_000), received(&replays, 2, 1_000)), ("first", "repeated"));
    }

    #[test]
    fn remembered_requests_are_bounded() {
        let replays = Replays::default();
        for n in 0..200_000 {
            assert_eq!(received(&replays, n, 1_000), "first");
        }
        let memory = replays.0.lock().unwrap();
        assert!(memory.order.len() <= CAPACITY && memory.acks.len() == memory.order.len());
    }
}
