//! When an instance is read again: rarely while nobody uses the bot, more often while people do, and ever more rarely
//! while it refuses. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::marketo::{Class, Error};

/// How old a list may become while people use the bot, and while nobody has for a long time.
#[derive(Clone, Copy, Debug)]
pub(super) struct MaxAge {
    in_use: SignedDuration,
    idle: SignedDuration,
}

/// Roles and workspaces.
pub(super) const CATALOG: MaxAge =
    MaxAge { in_use: SignedDuration::from_mins(10), idle: SignedDuration::from_mins(120) };
/// Users.
pub(super) const USERS: MaxAge =
    MaxAge { in_use: SignedDuration::from_mins(3), idle: SignedDuration::from_mins(60) };

/// The first and the longest pause after an error that may pass at any moment.
const OUTAGE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The first and the longest pause after a refusal: Marketo sends its admins a notification for each.
const LOCKED_OUT: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(30 * 60));

impl MaxAge {
    /// How old the list may be after nobody has used the bot for `idle_time`.
    pub(super) fn after(self, idle_time: SignedDuration) -> SignedDuration {
        idle_time.clamp(self.in_use, self.idle)
    }
}

/// Whether the error stays until an admin does something.
pub(super) fn is_locked_out(error: &Error) -> bool {
    matches!(error.class, Class::Credentials | Class::Denied)
}

/// The pause after `failures` failures in a row, the last of them with `error`.
pub(super) fn pause_after(error: &Error, failures: u32, now: Timestamp) -> Duration {
    let (first, longest) = if is_locked_out(error) { LOCKED_OUT } else { OUTAGE };
    let doublings = failures.saturating_sub(1).min(16);
    let pause = first.saturating_mul(2_u32.saturating_pow(doublings)).min(longest);
    match &error.class {
        Class::NotExecuted { retry_after: Some(wait) } => pause.max(*wait),
        Class::QuotaReached { resets_at } => {
            // An admin may raise the quota before it resets.
            let remaining = Duration::try_from(resets_at.duration_since(now)).unwrap_or_default();
            pause.max(remaining.min(LOCKED_OUT.1))
        }
        _ => pause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marketo::Call;

    fn error(class: Class) -> Error {
        Error { call: Call::Roles, class, code: None, status: None, message: String::new() }
    }

    #[test]
    fn lists_may_become_older_the_longer_nobody_uses_the_bot() {
        let minutes = |idle: i64| USERS.after(SignedDuration::from_mins(idle)).as_mins();
        assert_eq!([0, 2, 5, 40, 600].map(minutes), [3, 3, 5, 40, 60]);
    }

    #[test]
    fn locked_out_bot_asks_at_intervals_that_grow_to_half_an_hour() {
        let now = Timestamp::UNIX_EPOCH;
        let pauses = |class: &Class| {
            [1, 2, 3, 4, 5, 6, 7, 100]
                .map(|failures| pause_after(&error(class.clone()), failures, now).as_secs())
        };
        assert_eq!(pauses(&Class::Denied), [60, 120, 240, 480, 960, 1800, 1800, 1800]);
        assert_eq!(pauses(&Class::Unknown), [1, 2, 4, 8, 16, 32, 60, 60]);
        let wait = Some(Duration::from_secs(3600));
        assert_eq!(pauses(&Class::NotExecuted { retry_after: wait }), [3600; 8]);
        let resets_at = now + SignedDuration::from_hours(3);
        assert_eq!(pauses(&Class::QuotaReached { resets_at }), [1800; 8]);
    }
}
