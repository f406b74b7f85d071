//! The form encoding of deliveries over HTTP. Over a socket, payloads are plain JSON. Written by hand, since it is a
//! quarter of the work of a short command: nothing is copied that needs no decoding, and nothing is decoded that is not read.

use std::borrow::Cow;

/// The fields of a form in order, with decoded names and encoded values.
pub(super) fn fields(form: &[u8]) -> impl Iterator<Item = (Cow<'_, str>, &[u8])> {
    form.split(|byte| *byte == b'&').filter(|field| !field.is_empty()).map(|field| {
        let end = field.iter().position(|byte| *byte == b'=').unwrap_or(field.len());
        (decode(&field[..end]), field.get(end + 1..).unwrap_or_default())
    })
}

/// The encoded values of the named fields, `None` if missing; no array if one of them is duplicated, since either value
/// could be meant.
pub(super) fn select<'a, const N: usize>(form: &'a [u8], names: &[&str; N]) -> Option<[Option<&'a [u8]>; N]> {
    let mut values = [None; N];
    for (name, value) in fields(form) {
        if let Some(index) = names.iter().position(|selected| *selected == name)
            && values[index].replace(value).is_some()
        {
            return None;
        }
    }
    Some(values)
}

/// Decodes a name or a value as <https://url.spec.whatwg.org/#urlencoded-parsing> does: an incomplete escape stands for
/// itself, and invalid UTF-8 becomes U+FFFD.
pub(super) fn decode(encoded: &[u8]) -> Cow<'_, str> {
    if !encoded.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return std::str::from_utf8(encoded).map_or_else(|_| String::from_utf8_lossy(encoded), Cow::Borrowed);
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [byte, after @ ..] = rest {
        rest = after;
        decoded.push(match (byte, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (byte, _) => *byte,
        });
    }
    let text = String::from_utf8(decoded);
    Cow::Owned(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The JSON in the field `payload`; `None` if the field is missing or duplicated.
pub(super) fn payload(form: &[u8]) -> Option<Cow<'_, str>> {
    let [payload] = select(form, &["payload"])?;
    payload.map(decode)
}

/// Whether a form has exactly one field `ssl_check`, and its value is `1`.
pub fn is_ssl_check(form: &[u8]) -> bool {
    matches!(select(form, &["ssl_check"]), Some([Some(b"1")]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    #[test]
    fn duplicated_fields_are_rejected_even_if_one_is_empty_or_its_name_is_encoded() {
        assert_eq!(select(b"a=1&b&&c=%20", &["c", "b", "x"]), Some([Some(&b"%20"[..]), Some(b""), None]));
        for form in ["a=1&a=2", "a=&a=2", "a&a", "a=1&%61=2"] {
            assert_eq!(select(form.as_bytes(), &["a"]), None, "{form}");
            assert_eq!(select(form.as_bytes(), &["b"]), Some([None]), "{form}");
        }
    }

    proptest! {
        #[test]
        fn forms_are_decoded_as_the_url_standard_says(
            form in prop_oneof![
                prop::collection::vec(prop_oneof![Just(b'%'), Just(b'&'), Just(b'='), Just(b'+'), any::<u8>()], 0..64),
                "[%&=+0-9a-fA-Fgxé]{0,64}".prop_map(String::into_bytes),
            ],
        ) {
            let decoded: Vec<_> = fields(&form).map(|(name, value)| (name, decode(value))).collect();
            prop_assert_eq!(decoded, url::form_urlencoded::parse(&form).collect::<Vec<_>>());
        }
    }
}
