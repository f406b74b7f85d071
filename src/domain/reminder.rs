//! When people are reminded: again and again, each time after a longer while, and not in their night.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, civil::Time};

use super::{expiration::Zone, policy::Terms};

/// From when until when it is night.
const NIGHT: (i8, i8) = (22, 7);
/// How long before the timeout a reminder is worth a night's rest.
const IN_GOOD_TIME: SignedDuration = SignedDuration::from_hours(1);
/// After how many doublings the gaps stop to grow.
const DOUBLINGS: u32 = 6;

/// How long after `now` the reminder after `sent` others is due for a request of `created_at`; absent where there is
/// none any more. `gap` is the wait for the first.
pub fn next(now: Timestamp, created_at: Timestamp, terms: &Terms, sent: u32) -> Option<Duration> {
    let gap = terms.remind_after?.saturating_mul(2_u32.pow(sent.min(DOUBLINGS)));
    let at = now.checked_add(SignedDuration::try_from(gap).ok()?).ok()?;
    let limit = terms.pending_timeout.and_then(|limit| SignedDuration::try_from(limit).ok());
    let deadline = limit.and_then(|limit| created_at.checked_add(limit).ok());
    if deadline.is_some_and(|deadline| deadline <= at) {
        return None;
    }
    let at = terms.timezone.as_ref().map_or(at, |zone| by_day(at, zone, deadline));
    Duration::try_from(at.duration_since(now)).ok()
}

/// `at`, or the morning after it where it lies in the night of `zone` and the deadline is not near.
fn by_day(at: Timestamp, zone: &Zone, deadline: Option<Timestamp>) -> Timestamp {
    let local = at.to_zoned(zone.rules());
    let (begins, ends) = NIGHT;
    let date = match local.hour() {
        hour if hour < ends => Some(local.date()),
        hour if hour >= begins => local.date().tomorrow().ok(),
        _ => return at,
    };
    let wakes = Time::constant(ends, 0, 0, 0);
    let morning = date.and_then(|date| date.to_datetime(wakes).to_zoned(zone.rules()).ok());
    let Some(morning) = morning.map(|morning| morning.timestamp()) else { return at };
    let is_near = deadline.is_some_and(|deadline| deadline.duration_since(morning) < IN_GOOD_TIME);
    if is_near { at } else { morning }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::form::tests::terms;

    const HOUR: Duration = Duration::from_secs(3600);

    /// At which times somebody is reminded of a request of 2026-11-24T10:00Z.
    fn reminders(terms: &Terms) -> Vec<String> {
        let created_at: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let mut now = created_at;
        let mut times = Vec::new();
        while let Some(after) = next(now, created_at, terms, u32::try_from(times.len()).unwrap()) {
            now = now.checked_add(SignedDuration::try_from(after).unwrap()).unwrap();
            times.push(now.to_string());
        }
        times
    }

    #[test]
    fn the_gaps_grow_until_the_time_is_up() {
        let terms = Terms { remind_after: Some(24 * HOUR), pending_timeout: Some(8 * 24 * HOUR), ..terms() };
        assert_eq!(
            reminders(&terms),
            ["2026-11-25T10:00:00Z", "2026-11-27T10:00:00Z", "2026-12-01T10:00:00Z"]
        );
    }

    #[test]
    fn nobody_is_woken_up_unless_the_time_is_nearly_up() {
        let zone = Zone::from_parts(Some("America/Los_Angeles"), None);
        let quiet = Terms {
            remind_after: Some(24 * HOUR),
            pending_timeout: Some(72 * HOUR),
            timezone: Some(zone),
            ..terms()
        };
        // 10:00 UTC is 02:00 in Los Angeles.
        assert_eq!(reminders(&quiet), ["2026-11-25T15:00:00Z"]);
        let near = Terms { pending_timeout: Some(29 * HOUR + HOUR / 2), ..quiet.clone() };
        assert_eq!(reminders(&near), ["2026-11-25T10:00:00Z"]);
        let evening = Terms { remind_after: Some(21 * HOUR), ..quiet };
        // 07:00 UTC is 23:00 the evening before.
        assert_eq!(reminders(&evening)[0], "2026-11-25T15:00:00Z");
    }

    #[test]
    fn without_a_timeout_the_gaps_stop_to_grow() {
        let terms = Terms { remind_after: Some(HOUR), ..terms() };
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let gap = |sent| next(now, now, &terms, sent).unwrap();
        assert_eq!((gap(0), gap(1), gap(6), gap(60)), (HOUR, 2 * HOUR, 64 * HOUR, 64 * HOUR));
    }
}
