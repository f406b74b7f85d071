//! Formatting for `policy explain`: durations, lists and labeled lines. It does not know any rule.

use std::{fmt::Write, time::Duration};

use crate::domain::people::Principal;

/// The width of the first column.
const LABEL_WIDTH: usize = 13;

/// A duration as the configuration writes it.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(size, _)| seconds > 0 && seconds.is_multiple_of(*size));
    let (size, unit) = unit.unwrap_or((1, "s"));
    format!("{}{unit}", seconds / size)
}

/// `a, b or c`.
pub(super) fn any_of<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => "nothing".to_owned(),
        [only] => only.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", first.join(", "), last.as_ref())
        }
    }
}

/// The id of a principal.
pub(super) fn id(principal: &Principal) -> &str {
    match principal {
        Principal::User(user) => user.as_str(),
        Principal::Group(group) => group.as_str(),
        Principal::Channel(channel) => channel.as_str(),
    }
}

/// Appends a labeled line. An empty label continues the line before.
pub(super) fn row(text: &mut String, label: &str, value: &str) {
    let _ = writeln!(text, "  {label:LABEL_WIDTH$} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_in_the_configuration() {
        for (seconds, expected) in
            [(90, "90s"), (900, "15m"), (28_800, "8h"), (604_800, "7d"), (0, "0s"), (90_000, "25h")]
        {
            assert_eq!(duration(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn lists_end_with_or() {
        assert_eq!(
            [any_of::<&str>(&[]), any_of(&["a"]), any_of(&["a", "b", "c"])],
            ["nothing", "a", "a, b or c"]
        );
    }
}
