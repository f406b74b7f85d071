//! A memory of signed requests, so that one that is delivered again acts no more. It covers what is not
//! stored (opening a modal, an ephemeral answer) in this process; what is stored is guarded by its key in
//! the database. Bounded: when it is full the oldest is forgotten.

use std::{
    collections::{HashSet, VecDeque},
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
    known: HashSet<Key, BuildHasherDefault<Truncate>>,
    order: VecDeque<(i64, Key)>,
}

impl std::fmt::Debug for Replays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Replays")
    }
}

impl Replays {
    /// Remembers a request that came at `now` (UTC seconds); false if it came before.
    pub(super) fn is_first(&self, fingerprint: &Fingerprint, now: i64) -> bool {
        let mut half = [0; 16];
        half.copy_from_slice(&fingerprint[..16]);
        let key = Key::from_le_bytes(half);
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(&(came, old)) = memory.order.front() {
            if came + MEMORY >= now && memory.order.len() < CAPACITY {
                break;
            }
            memory.order.pop_front();
            memory.known.remove(&old);
        }
        let is_first = memory.known.insert(key);
        if is_first {
            memory.order.push_back((now, key));
        }
        is_first
    }
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
        assert!(replays.is_first(&fingerprint(1), 1_000));
        assert!(!replays.is_first(&fingerprint(1), 1_000));
        assert!(replays.is_first(&fingerprint(2), 1_001));
        assert!(!replays.is_first(&fingerprint(1), 1_600));
        assert!(replays.is_first(&fingerprint(1), 1_601));
    }

    #[test]
    fn the_memory_is_bounded() {
        let replays = Replays::default();
        for n in 0..200_000 {
            assert!(replays.is_first(&fingerprint(n), 1_000));
        }
        let memory = replays.0.lock().unwrap();
        assert!(memory.order.len() <= CAPACITY && memory.known.len() == memory.order.len());
    }
}
