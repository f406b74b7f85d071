//! The form encoding of deliveries over HTTP. Over a socket, payloads are plain JSON. Written by hand, since a slash command
//! is mostly answered without most of its fields: here, values that nobody reads are not decoded, and values that need no
//! decoding are not copied.

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer,
    de::{IntoDeserializer, Visitor, value},
    forward_to_deserialize_any,
};

/// The form of an interaction: JSON in one field.
#[derive(Debug, Deserialize)]
struct PayloadForm<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

/// A value, decoded only if it is read.
#[derive(Clone, Copy, Debug)]
struct Encoded<'a>(&'a [u8]);

impl<'de> Deserializer<'de> for Encoded<'de> {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match decode(self.0) {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

impl<'de> IntoDeserializer<'de> for Encoded<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Parses a form. Unknown fields are ignored; a missing or duplicated one is an error if `T` says so.
pub(super) fn parse<'a, T: Deserialize<'a>>(form: &'a [u8]) -> Option<T> {
    T::deserialize(value::MapDeserializer::new(fields(form))).ok()
}

/// The fields of a form, in order.
fn fields(form: &[u8]) -> impl Iterator<Item = (Cow<'_, str>, Encoded<'_>)> {
    form.split(|byte| *byte == b'&').filter(|field| !field.is_empty()).map(|field| {
        let end = field.iter().position(|byte| *byte == b'=').unwrap_or(field.len());
        (decode(&field[..end]), Encoded(field.get(end + 1..).unwrap_or_default()))
    })
}

/// Decodes a name or a value as <https://url.spec.whatwg.org/#urlencoded-parsing> does: an incomplete escape stands for
/// itself, and invalid UTF-8 becomes U+FFFD.
fn decode(encoded: &[u8]) -> Cow<'_, str> {
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
    parse(form).map(|form: PayloadForm<'_>| form.payload)
}

/// Whether a form has exactly one field `ssl_check`, and its value is `1`.
pub fn is_ssl_check(form: &[u8]) -> bool {
    let mut values = fields(form).filter(|(name, _)| name == "ssl_check");
    matches!((values.next(), values.next()), (Some((_, value)), None) if decode(value.0) == "1")
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
        assert_eq!(payload(b"b=1&&payload=%7B%7D&b=2").as_deref(), Some("{}"));
        assert_eq!(payload(b"payload").as_deref(), Some(""));
        for form in [
            "",
            "a=1",
            "payload=1&payload=2",
            "payload=&payload=2",
            "payload&payload",
            "payload=1&%70ayload=2",
        ] {
            assert_eq!(payload(form.as_bytes()), None, "{form}");
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
            let decoded: Vec<_> = fields(&form).map(|(name, value)| (name, decode(value.0))).collect();
            prop_assert_eq!(decoded, url::form_urlencoded::parse(&form).collect::<Vec<_>>());
        }
    }
}
