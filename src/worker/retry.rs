//! Back-off: when a failed effect is retried, and when it is given up. Pure.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// The longest delay between two attempts of an effect, and between two attempts to show a message.
const MAX_DELAY: Duration = Duration::from_secs(300);
pub(super) const MAX_MESSAGE_DELAY: Duration = Duration::from_secs(600);
/// How long an effect is retried.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);

/// The delay after the attempt number `attempts`: 1 s, 2 s, 4 s … up to five minutes, minus a jitter of up to a quarter,
/// so that effects that failed together are not retried together. The jitter is derived from `id` and is not random.
pub(super) fn delay(id: &str, attempts: i64) -> Duration {
    delay_until(id, attempts, MAX_DELAY)
}

/// As [`delay`], up to ten minutes.
pub(super) fn message_delay(id: &str, attempts: i64) -> Duration {
    delay_until(id, attempts, MAX_MESSAGE_DELAY)
}

fn delay_until(id: &str, attempts: i64, max: Duration) -> Duration {
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or(0);
    let full = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(doublings)).min(max);
    let mut hasher = DefaultHasher::new();
    (id, attempts).hash(&mut hasher);
    let jitter = u32::try_from(hasher.finish() % 250).unwrap_or(0);
    full - full / 1000 * jitter
}

/// Whether an effect enqueued at `since` is given up at `now`.
pub(super) fn has_expired(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since) >= MAX_AGE
}

/// The time `delay` after `now`.
pub(super) fn after(now: Timestamp, delay: Duration) -> Timestamp {
    SignedDuration::try_from(delay)
        .ok()
        .and_then(|delay| now.checked_add(delay).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_five_minutes_with_jitter() {
        let delays: Vec<f32> = (1..=12).map(|attempts| delay("a", attempts).as_secs_f32()).collect();
        for (delay, full) in
            delays.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0])
        {
            assert!((full * 0.75..=full).contains(delay), "{delay} of {full}");
        }
        assert_ne!(delay("a", 8), delay("b", 8));
        assert_eq!(delay("a", i64::MAX), delay("a", i64::MAX));
        assert!(delay("a", i64::MIN) <= Duration::from_secs(1));
    }
}
