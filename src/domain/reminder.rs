//! When approvers are reminded: with growing gaps, and not at night.

use jiff::{SignedDuration, Timestamp, civil::Time};

use super::{expiration::Zone, policy::Terms};

/// The hours at which the night begins and ends, in the approvers' time zone.
const NIGHT: (i8, i8) = (22, 7);
/// A reminder is sent at night if the morning is less than this before the timeout.
const MIN_NOTICE: SignedDuration = SignedDuration::from_hours(1);
/// After how many doublings the gaps stop growing.
const MAX_DOUBLINGS: u32 = 6;

/// When the next reminder is due: `sent` others were sent, the last one, or else the submission, at `last`. `None` if the
/// request times out before, at `deadline`.
pub fn next(last: Timestamp, deadline: Option<Timestamp>, terms: &Terms, sent: u32) -> Option<Timestamp> {
    let gap = terms.remind_after?.saturating_mul(2_u32.pow(sent.min(MAX_DOUBLINGS)));
    let at = last.checked_add(SignedDuration::try_from(gap).ok()?).ok()?;
    if deadline.is_some_and(|deadline| deadline <= at) {
        return None;
    }
    Some(terms.timezone.as_ref().map_or(at, |zone| in_daytime(at, zone, deadline)))
}

/// `at`, moved to the morning if it is at night in `zone` and the deadline is not near.
fn in_daytime(at: Timestamp, zone: &Zone, deadline: Option<Timestamp>) -> Timestamp {
    let local = at.to_zoned(zone.rules());
    let (begins, ends) = NIGHT;
    let date = match local.hour() {
        hour if hour < ends => Some(local.date()),
        hour if hour >= begins => local.date().tomorrow().ok(),
        _ => return at,
    };
    let morning_time = Time::constant(ends, 0, 0, 0);
    let morning = date.and_then(|date| date.to_datetime(morning_time).to_zoned(zone.rules()).ok());
    let Some(morning) = morning.map(|morning| morning.timestamp()) else { return at };
    let is_near = deadline.is_some_and(|deadline| deadline.duration_since(morning) < MIN_NOTICE);
    if is_near { at } else { morning }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::form::tests::terms;

    const HOUR: Duration = Duration::from_secs(3600);

    /// The times of all reminders for a request submitted at 2026-11-24T10:00Z.
    fn reminders(terms: &Terms) -> Vec<String> {
        let mut last: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let timeout = terms.pending_timeout.map(|timeout| SignedDuration::try_from(timeout).unwrap());
        let deadline = timeout.map(|timeout| last.checked_add(timeout).unwrap());
        let mut times = Vec::new();
        while let Some(at) = next(last, deadline, terms, u32::try_from(times.len()).unwrap()) {
            last = at;
            times.push(at.to_string());
        }
        times
    }

    #[test]
    fn gaps_grow_until_the_timeout() {
        let terms = Terms { remind_after: Some(24 * HOUR), pending_timeout: Some(8 * 24 * HOUR), ..terms() };
        assert_eq!(
            reminders(&terms),
            ["2026-11-25T10:00:00Z", "2026-11-27T10:00:00Z", "2026-12-01T10:00:00Z"]
        );
    }

    #[test]
    fn reminders_avoid_the_night_unless_the_timeout_is_near() {
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
        // 07:00 UTC is 23:00 on the previous evening.
        assert_eq!(reminders(&evening)[0], "2026-11-25T15:00:00Z");
    }

    #[test]
    fn gaps_stop_growing_without_a_timeout() {
        let terms = Terms { remind_after: Some(HOUR), ..terms() };
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let gap = |sent| {
            let at = next(now, None, &terms, sent).unwrap();
            Duration::try_from(at.duration_since(now)).unwrap()
        };
        assert_eq!((gap(0), gap(1), gap(6), gap(60)), (HOUR, 2 * HOUR, 64 * HOUR, 64 * HOUR));
    }
}
