//! The form encoding of deliveries over HTTP. Over a socket, payloads are plain JSON.

use std::borrow::Cow;

use serde::Deserialize;

/// The form of an interaction: JSON in one field.
#[derive(Debug, Deserialize)]
struct PayloadForm<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

/// The JSON in the field `payload`; `None` if the field is missing or duplicated.
pub(super) fn payload(form: &[u8]) -> Option<Cow<'_, str>> {
    let form: PayloadForm<'_> = serde_urlencoded::from_bytes(form).ok()?;
    Some(form.payload)
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
    fn only_a_single_ssl_check_of_1_is_accepted() {
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
