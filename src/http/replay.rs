//! A memory of signed requests, so that one that is delivered again acts no more. It covers what is not
//! stored (opening a modal, an ephemeral answer) in this process; what is stored is guarded by its key in
//! the database. Bounded: when it is full the oldest is forgotten.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasherDefault, Hasher},
    sync::{Mutex, PoisonError},
};

use super::signature::Fingerprint;

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
    /// Each with whether it was refused for coming at a bad time.
    known: HashMap<Key, bool, BuildHasherDefault<Truncate>>,
    order: VecDeque<(i64, Key)>,
}

impl std::fmt::Debug for Replays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Replays")
    }
}

/// How a signed request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// For the first time, as far as this process knows.
    First,
    /// Once more.
    Again,
    /// Once more, after it was refused for coming at a bad time.
    Refused,
}

impl Replays {
    /// Remembers a request that came at `now` (UTC seconds), and tells how it came.
    pub(super) fn see(&self, fingerprint: &Fingerprint, now: i64) -> Came {
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
            Entry::Occupied(known) if *known.get() => return Came::Refused,
            Entry::Occupied(_) => return Came::Again,
            Entry::Vacant(place) => place.insert(false),
        };
        memory.order.push_back((now, key));
        Came::First
    }

    /// Remembers that a request was not carried out and will not be: whoever sent it was told so.
    pub(super) fn refuse(&self, fingerprint: &Fingerprint) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(is_refused) = memory.known.get_mut(&key(fingerprint)) {
            *is_refused = true;
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

    #[test]
    fn a_request_is_remembered_for_ten_minutes() {
        let replays = Replays::default();
        assert_eq!(replays.see(&fingerprint(1), 1_000), Came::First);
        assert_eq!(replays.see(&fingerprint(1), 1_000), Came::Again);
        assert_eq!(replays.see(&fingerprint(2), 1_001), Came::First);
        assert_eq!(replays.see(&fingerprint(1), 1_600), Came::Again);
        assert_eq!(replays.see(&fingerprint(1), 1_601), Came::First);
    }

    #[test]
    fn what_was_refused_stays_refused() {
        let replays = Replays::default();
        replays.refuse(&fingerprint(1));
        assert_eq!(replays.see(&fingerprint(1), 1_000), Came::First);
        replays.refuse(&fingerprint(1));
        assert_eq!(replays.see(&fingerprint(1), 1_600), Came::Refused);
        assert_eq!(replays.see(&fingerprint(1), 1_601), Came::First);
    }

    #[test]
    fn the_memory_is_bounded() {
        let replays = Replays::default();
        for n in 0..200_000 {
            assert_eq!(replays.see(&fingerprint(n), 1_000), Came::First);
        }
        let memory = replays.0.lock().unwrap();
        assert!(memory.order.len() <= CAPACITY && memory.known.len() == memory.order.len());
    }
}
