//! When something that did not succeed is tried again, and when it is given up. Pure.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// The longest pause between two tries.
const MAX_DELAY: Duration = Duration::from_secs(300);
/// How long something is tried at all.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);

/// The pause before the try after the `attempts`th: 1 s, 2 s, 4 s … up to five minutes, less up to a quarter of
/// it, so that what failed together does not come back together. `id` makes the share; no chance is involved.
pub(super) fn delay(id: &str, attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or(0);
    let whole = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(doublings)).min(MAX_DELAY);
    let mut hasher = DefaultHasher::new();
    (id, attempts).hash(&mut hasher);
    let share = u32::try_from(hasher.finish() % 250).unwrap_or(0);
    whole - whole / 1000 * share
}

/// Whether something that was decided at `since` is no longer tried at `now`.
pub(super) fn has_expired(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since) >= MAX_AGE
}

/// `now` and `pause` later.
pub(super) fn after(now: Timestamp, pause: Duration) -> Timestamp {
    SignedDuration::try_from(pause)
        .ok()
        .and_then(|pause| now.checked_add(pause).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_five_minutes_and_are_spread() {
        let pauses: Vec<f32> = (1..=12).map(|attempts| delay("a", attempts).as_secs_f32()).collect();
        for (pause, whole) in
            pauses.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0])
        {
            assert!((whole * 0.75..=whole).contains(pause), "{pause} of {whole}");
        }
        assert_ne!(delay("a", 8), delay("b", 8));
        assert_eq!(delay("a", i64::MAX), delay("a", i64::MAX));
        assert!(delay("a", i64::MIN) <= Duration::from_secs(1));
    }
}
