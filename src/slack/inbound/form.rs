//! The form encoding in which Slack wraps what it sends over HTTP. Over a socket the payloads come bare.

use std::borrow::Cow;

use serde::Deserialize;

/// The form in which interactions come: JSON in one field.
#[derive(Debug, Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

/// The JSON in the form's one field; nothing where it comes twice.
pub(super) fn payload(form: &[u8]) -> Option<Cow<'_, str>> {
    let wrapped: Wrapped<'_> = serde_urlencoded::from_bytes(form).ok()?;
    Some(wrapped.payload)
}

/// Whether a form has exactly one field `ssl_check`, and its value is `1`.
pub fn is_ssl_check(form: &[u8]) -> bool {
    let mut values = url::form_urlencoded::parse(form).filter(|(name, _)| name == "ssl_check");
    matches!((values.next(), values.next()), (Some((_, value)), None) if value == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_ssl_check_of_1_counts() {
        for (body, expected) in [
            ("ssl_check=1", true),
            ("ssl_check=1&token=x", true),
            ("token=x&ssl_check=1", true),
            ("ssl_check=1&ssl_check=1", false),
            ("ssl_check=0", false),
            ("ssl_check=true", false),
            ("ssl_check=", false),
            ("ssl_check", false),
            ("{\"ssl_check\":1}", false),
            ("", false),
        ] {
            assert_eq!(is_ssl_check(body.as_bytes()), expected, "{body}");
        }
    }
}
