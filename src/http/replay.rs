//! A first line against replays: the signatures that came to this process. It keeps what leaves nothing behind (an opened
//! form, an answer in the background) from being done twice while the database is away; every other repeat is told by its
//! stored delivery, which gives it the ack of the first. Bounded: when it is full the oldest is forgotten.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasherDefault, Hasher},
    sync::{Mutex, PoisonError},
};

use super::signature::Fingerprint;
use crate::handlers::Ack;

/// How long a request is remembered, in seconds: twice the window in which its timestamp is accepted.
pub(super) const MEMORY: i64 = 600;
/// How many requests are remembered at most.
const CAPACITY: usize = 65_536;

/// The first half of a signature is random enough to tell requests apart, and needs no further hashing.
type Key = u128;

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

/// Which signed requests came in the last while.
#[derive(Default)]
pub(super) struct Replays(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    /// Each with its ack, if it was refused before anything was looked up.
    known: HashMap<Key, Option<Box<Ack>>, BuildHasherDefault<Truncate>>,
    order: VecDeque<(i64, Key)>,
}

impl std::fmt::Debug for Replays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Replays")
    }
}

/// What is remembered of a signed request.
#[derive(Debug)]
pub(super) enum Seen {
    /// Nothing: it comes for the first time.
    First,
    /// It came before.
    Repeated,
    /// It came before, and was refused with this.
    Refused(Ack),
}

impl Replays {
    /// Remembers a request that came at `now` (UTC seconds), and tells what was remembered of it.
    pub(super) fn see(&self, fingerprint: &Fingerprint, now: i64) -> Seen {
        let key = key(fingerprint);
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(&(came, old)) = memory.order.front() {
            if came + MEMORY >= now && memory.order.len() < CAPACITY {
                break;
            }
            memory.order.pop_front();
            memory.known.remove(&old);
        }
        match memory.known.entry(key) {
            Entry::Occupied(known) => {
                return known.get().as_ref().map_or(Seen::Repeated, |ack| Seen::Refused((**ack).clone()));
            }
            Entry::Vacant(place) => place.insert(None),
        };
        memory.order.push_back((now, key));
        Seen::First
    }

    /// Remembers that a request was refused with `ack`: whoever sent it was told that nothing was done.
    pub(super) fn refuse(&self, fingerprint: &Fingerprint, ack: &Ack) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = memory.known.get_mut(&key(fingerprint)) {
            *known = Some(Box::new(ack.clone()));
        }
    }

    /// Forgets a request that could not be taken, so that it can be tried again.
    pub(super) fn forget(&self, fingerprint: &Fingerprint) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(fingerprint);
        if memory.known.remove(&key).is_some() {
            // It came a moment ago.
            if let Some(place) = memory.order.iter().rposition(|(_, known)| *known == key) {
                memory.order.remove(place);
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

    fn seen(replays: &Replays, n: u64, now: i64) -> &'static str {
        match replays.see(&fingerprint(n), now) {
            Seen::First => "first",
            Seen::Repeated => "repeated",
            Seen::Refused(ack) => ack.outcome,
        }
    }

    #[test]
    fn a_request_is_remembered_for_ten_minutes() {
        let replays = Replays::default();
        assert_eq!(seen(&replays, 1, 1_000), "first");
        assert_eq!(seen(&replays, 1, 1_000), "repeated");
        assert_eq!(seen(&replays, 2, 1_001), "first");
        assert_eq!(seen(&replays, 1, 1_600), "repeated");
        assert_eq!(seen(&replays, 1, 1_601), "first");
    }

    #[test]
    fn a_refused_request_stays_refused() {
        let (replays, ack) = (Replays::default(), Ack::too_many_requests("limited", 1));
        replays.refuse(&fingerprint(1), &ack);
        assert_eq!(seen(&replays, 1, 1_000), "first");
        replays.refuse(&fingerprint(1), &ack);
        assert_eq!(seen(&replays, 1, 1_600), "limited");
        assert_eq!(seen(&replays, 1, 1_601), "first");
    }

    #[test]
    fn a_forgotten_request_comes_for_the_first_time() {
        let replays = Replays::default();
        for n in 0..3 {
            assert_eq!(seen(&replays, n, 1_000), "first");
        }
        replays.forget(&fingerprint(1));
        assert_eq!(replays.0.lock().unwrap().order.len(), 2);
        assert_eq!((seen(&replays, 1, 1_000), seen(&replays, 2, 1_000)), ("first", "repeated"));
    }

    #[test]
    fn the_memory_is_bounded() {
        let replays = Replays::default();
        for n in 0..200_000 {
            assert_eq!(seen(&replays, n, 1_000), "first");
        }
        let memory = replays.0.lock().unwrap();
        assert!(memory.order.len() <= CAPACITY && memory.known.len() == memory.order.len());
    }
}
