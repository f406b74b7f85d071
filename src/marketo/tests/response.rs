//! The times in a response.

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn daily_quota_resets_at_midnight_in_chicago() {
    // Winter, summer, just before, just after, and the two days on which the clocks change.
    let table = [
        ("2026-11-24T18:00:00Z", "2026-11-25T06:00:00Z"),
        ("2026-07-01T18:00:00Z", "2026-07-02T05:00:00Z"),
        ("2026-07-02T04:59:59Z", "2026-07-02T05:00:00Z"),
        ("2026-07-02T05:00:00Z", "2026-07-03T05:00:00Z"),
        ("2026-03-08T06:30:00Z", "2026-03-09T05:00:00Z"),
        ("2026-11-01T05:30:00Z", "2026-11-02T06:00:00Z"),
    ];
    for (now, midnight) in table {
        assert_eq!(next_midnight(at(now)), at(midnight), "{now}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = at("2026-11-24T18:00:00Z");
    let table = [
        ("7", Some(7)),
        (" 0 ", Some(0)),
        ("Tue, 24 Nov 2026 18:00:30 GMT", Some(30)),
        ("Tue, 24 Nov 2026 17:00:00 GMT", Some(0)),
        ("-1", None),
        ("soon", None),
        ("", None),
    ];
    for (header, seconds) in table {
        assert_eq!(retry_after(header, now), seconds.map(Duration::from_secs), "{header}");
    }
}
