//! When access expires: at the end of a chosen day in the requester's time zone. The zone's rules come from the built-in
//! time-zone database; the current time comes in as an argument.

use jiff::{
    SignedDuration, Timestamp, Zoned,
    civil::Date,
    tz::{Offset, TimeZone},
};
use serde::{Deserialize, Serialize};

/// A time zone: an IANA name, or an offset such as `+05:30` if there is no name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Zone(String);

impl Zone {
    /// Coordinated Universal Time.
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    /// The zone with this IANA name, if it exists.
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).is_ok().then(|| Self(name.to_owned()))
    }

    /// The zone with this IANA name, else with this offset from UTC in seconds, else UTC.
    pub fn from_parts(name: Option<&str>, offset_seconds: Option<i32>) -> Self {
        if let Some(zone) = name.and_then(Self::named) {
            return zone;
        }
        match offset_seconds.and_then(|seconds| Offset::from_seconds(seconds).ok()) {
            Some(offset) if offset != Offset::UTC => {
                let seconds = offset.seconds();
                let (sign, magnitude) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs());
                Self(format!("{sign}{:02}:{:02}", magnitude / 3600, magnitude % 3600 / 60))
            }
            _ => Self::utc(),
        }
    }

    /// The IANA name or the offset.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The rules of the zone.
    pub fn rules(&self) -> TimeZone {
        if let Ok(zone) = TimeZone::get(&self.0) {
            return zone;
        }
        let seconds = (|| {
            let (hours, minutes) = self.0.get(1..)?.split_once(':')?;
            let magnitude = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
            Some(if self.0.starts_with('-') { -magnitude } else { magnitude })
        })();
        let offset = seconds.and_then(|seconds| Offset::from_seconds(seconds).ok()).unwrap_or(Offset::UTC);
        TimeZone::fixed(offset)
    }

    /// The date in this zone at `now`.
    pub fn today(&self, now: Timestamp) -> Date {
        now.to_zoned(self.rules()).date()
    }
}

/// The last second of a chosen day in a time zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiration {
    date: Date,
    zone: Zone,
}

/// Why a date is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateError {
    /// Not a date of the form `YYYY-MM-DD`.
    Malformed,
    /// The day has passed.
    Past,
    /// Later than this date, the last one allowed.
    TooFar(Date),
}

impl Expiration {
    /// The end of `typed` (`YYYY-MM-DD`) in `zone`.
    ///
    /// # Errors
    /// When it is not a date, when the day has passed at `now`, or when it is after the day on which `max_access`, counted
    /// from `now`, ends.
    pub fn parse(
        typed: &str,
        zone: &Zone,
        now: Timestamp,
        max_access: SignedDuration,
    ) -> Result<Self, DateError> {
        let date: Date = match typed.trim() {
            text if text.len() == 10 => text.parse().map_err(|_| DateError::Malformed)?,
            _ => return Err(DateError::Malformed),
        };
        // Within these years nothing below can overflow.
        if !(1970..=9000).contains(&date.year()) {
            return Err(if date.year() < 1970 {
                DateError::Past
            } else {
                DateError::TooFar(Self::last_day(zone, now, max_access))
            });
        }
        let expiration = Self { date, zone: zone.clone() };
        if expiration.at() <= now {
            return Err(DateError::Past);
        }
        let last = Self::last_day(zone, now, max_access);
        if date > last { Err(DateError::TooFar(last)) } else { Ok(expiration) }
    }

    /// The last day that can be requested at `now`.
    pub fn last_day(zone: &Zone, now: Timestamp, max_access: SignedDuration) -> Date {
        zone.today(now.checked_add(max_access).unwrap_or(Timestamp::MAX))
    }

    /// The chosen day.
    pub fn date(&self) -> Date {
        self.date
    }

    /// The zone in which the day ends.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// 23:59:59 of the day. If the clock is set back across midnight, the later of the two.
    pub fn zoned(&self) -> Zoned {
        let civil = self.date.at(23, 59, 59, 0);
        let zoned = self.zone.rules().to_ambiguous_zoned(civil).later();
        zoned.unwrap_or_else(|_| Timestamp::MAX.to_zoned(TimeZone::UTC))
    }

    /// [`Expiration::zoned`] as a timestamp.
    pub fn at(&self) -> Timestamp {
        self.zoned().timestamp()
    }

    /// ISO 8601 with offset and without fractions, as Marketo's `invite.json` requires:
    /// `2027-01-31T23:59:59-08:00`.
    pub fn iso8601(&self) -> String {
        self.zoned().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

    fn expiration(zone: &str, date: &str) -> Expiration {
        let zone = Zone::from_parts(Some(zone), None);
        assert_ne!((zone.name(), date), ("UTC", ""));
        Expiration::parse(date, &zone, "2026-11-24T10:00:00Z".parse().unwrap(), YEAR * 5).unwrap()
    }

    #[test]
    fn day_ends_in_the_requesters_zone_across_daylight_saving() {
        for (zone, date, expected) in [
            ("America/Los_Angeles", "2027-01-31", "2027-01-31T23:59:59-08:00"),
            ("America/Los_Angeles", "2027-07-31", "2027-07-31T23:59:59-07:00"),
            // The days on which the clock changes.
            ("America/Los_Angeles", "2027-03-14", "2027-03-14T23:59:59-07:00"),
            ("America/Los_Angeles", "2027-11-07", "2027-11-07T23:59:59-08:00"),
            ("Europe/London", "2027-03-28", "2027-03-28T23:59:59+01:00"),
            ("Asia/Kolkata", "2027-01-31", "2027-01-31T23:59:59+05:30"),
            ("Asia/Kathmandu", "2027-01-31", "2027-01-31T23:59:59+05:45"),
            ("America/St_Johns", "2027-07-01", "2027-07-01T23:59:59-02:30"),
            ("Australia/Lord_Howe", "2027-01-31", "2027-01-31T23:59:59+11:00"),
            ("Pacific/Kiritimati", "2027-01-31", "2027-01-31T23:59:59+14:00"),
            ("UTC", "2028-02-29", "2028-02-29T23:59:59+00:00"),
        ] {
            assert_eq!(expiration(zone, date).iso8601(), expected, "{zone}");
        }
    }

    #[test]
    fn day_whose_last_hour_repeats_ends_with_the_second_one() {
        // Lebanon sets the clock back from 24:00 to 23:00 on the last Saturday of October.
        assert_eq!(expiration("Asia/Beirut", "2027-10-30").iso8601(), "2027-10-30T23:59:59+02:00");
    }

    #[test]
    fn zone_without_a_name_falls_back_to_its_offset() {
        assert_eq!(Zone::from_parts(Some("Nowhere/City"), Some(19_800)).name(), "+05:30");
        assert_eq!(Zone::from_parts(None, Some(-12_600)).name(), "-03:30");
        assert_eq!(Zone::from_parts(None, None), Zone::utc());
        let zone = Zone::from_parts(None, Some(-12_600));
        let now = "2026-11-24T10:00:00Z".parse().unwrap();
        let end = Expiration::parse("2026-12-01", &zone, now, YEAR).unwrap();
        assert_eq!(end.iso8601(), "2026-12-01T23:59:59-03:30");
    }

    #[test]
    fn past_and_distant_days_are_refused_by_the_requesters_calendar() {
        let now: Timestamp = "2026-11-24T23:30:00Z".parse().unwrap();
        let at = |zone: &str, date: &str| {
            Expiration::parse(date, &Zone::from_parts(Some(zone), None), now, SignedDuration::from_hours(24))
                .map(|e| e.date().to_string())
        };
        // In London it is still the 24th, in Kolkata the 25th.
        assert_eq!(at("Europe/London", "2026-11-24"), Ok("2026-11-24".to_owned()));
        assert_eq!(at("Asia/Kolkata", "2026-11-24"), Err(DateError::Past));
        assert_eq!(at("Asia/Kolkata", "2026-11-26"), Ok("2026-11-26".to_owned()));
        assert_eq!(at("Europe/London", "2026-11-26"), Err(DateError::TooFar("2026-11-25".parse().unwrap())));
        for malformed in
            ["", "tomorrow", "2026-13-01", "2026-02-30", "26-11-25", "2026-11-25T00:00", "+002026-11-25"]
        {
            assert_eq!(at("Europe/London", malformed), Err(DateError::Malformed), "{malformed}");
        }
        assert_eq!(at("Europe/London", "0001-01-01"), Err(DateError::Past));
        assert!(matches!(at("Europe/London", "9999-12-31"), Err(DateError::TooFar(_))));
    }

    proptest! {
        #[test]
        fn no_text_panics(typed in ".{0,14}", year in -10_i16..9999, month in 0_u8..14, day in 0_u8..33) {
            let now = "2026-11-24T10:00:00Z".parse().unwrap();
            let zone = Zone::from_parts(Some("America/Sao_Paulo"), None);
            let _ = Expiration::parse(&typed, &zone, now, YEAR);
            if let Ok(end) = Expiration::parse(&format!("{year:04}-{month:02}-{day:02}"), &zone, now, YEAR) {
                prop_assert!(end.at() > now && end.iso8601().starts_with(&end.date().to_string()));
            }
        }
    }
}
