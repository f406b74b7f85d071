//! Durations in the configuration file: a whole number and a unit. It does not know what they are for.
//!
//! Written by hand: `jiff`'s friendly parser also takes `1h30m`, `1.5h`, `7 d`, `7 days ago` and signs. To refuse all
//! that the documentation does not name takes as much code as reading the one form.

use std::time::Duration;

/// The expected syntax, for errors.
pub(super) const EXPECTED: &str = "a whole number and a unit: \"90s\", \"15m\", \"8h\" or \"7d\"";

/// The longest duration of any setting. The sum of a time and a duration then never overflows.
pub(super) const MAX: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// Parses `90s`, `15m`, `8h` or `7d`. Returns `None` for zero, another syntax, and on overflow.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    // `parse` would accept a sign, too.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    (number > 0).then_some(())?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, seconds) in [
            ("90s", Some(90)),
            ("15m", Some(900)),
            ("8h", Some(28_800)),
            ("7d", Some(604_800)),
            ("007d", Some(604_800)),
            ("0d", None),
            ("d", None),
            ("", None),
            ("7", None),
            ("+7d", None),
            ("-7d", None),
            ("7 d", None),
            (" 7d", None),
            ("7D", None),
            ("1.5h", None),
            ("1h30m", None),
            ("7é", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ] {
            assert_eq!(parse(text), seconds.map(Duration::from_secs), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn duration_is_number_times_unit(number in 1_u64..1_000_000, unit in 0_usize..4) {
            let (letter, seconds) = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)][unit];
            prop_assert_eq!(parse(&format!("{number}{letter}")), Some(Duration::from_secs(number * seconds)));
        }

        #[test]
        fn no_text_is_a_duration_of_zero(text in any::<String>()) {
            prop_assert_ne!(parse(&text), Some(Duration::ZERO));
        }

        #[test]
        fn digits_and_units_are_never_zero(text in "[0-9]{0,25}[smhdx]?") {
            prop_assert_ne!(parse(&text), Some(Duration::ZERO));
        }
    }
}
