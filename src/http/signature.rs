//! Slack's request signature: <https://docs.slack.dev/authentication/verifying-requests-from-slack>.
//!
//! Stricter than Slack's SDKs: exactly one value of each header, a timestamp of 1 to 12 digits within 300 s of
//! now in either direction, `v0=` and 64 lower-case hex digits, compared in constant time over the raw body.
//! It must not know what the body means.

use axum::http::{HeaderMap, HeaderName};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How far a timestamp may be from now, in seconds.
pub(super) const WINDOW: i64 = 300;

const TIMESTAMP: HeaderName = HeaderName::from_static("x-slack-request-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-slack-signature");

/// The accepted keys; several while a signing secret is being rotated.
#[derive(Clone)]
pub(super) struct Keys(Vec<Hmac<Sha256>>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

/// The two headers, well-formed and recent, before the body is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignatureHeaders<'a> {
    timestamp: &'a [u8],
    signature: [u8; 32],
}

/// A verified signature, which identifies a signed request.
pub(super) type Fingerprint = [u8; 32];

impl Keys {
    /// Keys from signing secrets, used as UTF-8 text.
    pub(super) fn new(secrets: &[SecretString]) -> Self {
        let key = |secret: &SecretString| Hmac::new_from_slice(secret.expose_secret().as_bytes()).ok();
        Self(secrets.iter().filter_map(key).collect())
    }

    /// The fingerprint of the request if the signature matches `body`.
    pub(super) fn verify(&self, headers: &SignatureHeaders<'_>, body: &[u8]) -> Option<Fingerprint> {
        let is_signed_with = |key: &Hmac<Sha256>| {
            let mut mac = key.clone();
            mac.update(b"v0:");
            mac.update(headers.timestamp);
            mac.update(b":");
            mac.update(body);
            mac.verify_slice(&headers.signature).is_ok()
        };
        self.0.iter().any(is_signed_with).then_some(headers.signature)
    }
}

impl<'a> SignatureHeaders<'a> {
    /// Parses the headers; `None` if they are malformed, or not recent at `now` (UTC seconds).
    pub(super) fn read(headers: &'a HeaderMap, now: i64) -> Option<Self> {
        let timestamp = single(headers, &TIMESTAMP)?;
        if !(1..=12).contains(&timestamp.len()) || !timestamp.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let sent = timestamp.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        if (now - sent).abs() > WINDOW {
            return None;
        }
        let digits = single(headers, &SIGNATURE)?.strip_prefix(b"v0=")?;
        Some(Self { timestamp, signature: decode_lower_hex(digits)? })
    }

    /// Whether a request has neither header.
    pub(super) fn is_absent(headers: &HeaderMap) -> bool {
        !headers.contains_key(TIMESTAMP) && !headers.contains_key(SIGNATURE)
    }
}

/// The 32 bytes of 64 lower-case hex digits. Written by hand, since the `hex` crate accepts upper-case digits too.
fn decode_lower_hex(digits: &[u8]) -> Option<Fingerprint> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let pairs: &[[u8; 2]; 32] = pairs.try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// The value of a header that occurs exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const STAMP: i64 = 1_531_420_618;
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
        &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
        &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands\
        %2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
        &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNED: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn headers(stamps: &[&str], signatures: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for stamp in stamps {
            headers.append(TIMESTAMP, HeaderValue::from_str(stamp).unwrap());
        }
        for signature in signatures {
            headers.append(SIGNATURE, HeaderValue::from_str(signature).unwrap());
        }
        headers
    }

    fn accepts(secrets: &[&str], headers: &HeaderMap, body: &[u8], now: i64) -> bool {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        SignatureHeaders::read(headers, now)
            .is_some_and(|signed| Keys::new(&secrets).verify(&signed, body).is_some())
    }

    #[test]
    fn published_examples_are_accepted() {
        assert!(accepts(&[SECRET], &headers(&["1531420618"], &[SIGNED]), BODY.as_bytes(), STAMP));
        let other = "v0=baa91ef62d346e56607bbdd278a8acd570b91226854f15a382f43d33be42f666";
        let secret = "fa2c05deeef5a4077494e89f54394de0";
        assert!(accepts(&[secret], &headers(&["1531420618"], &[other]), b"test-body", STAMP));
        // While a secret is rotated, either one is accepted.
        assert!(accepts(&["new", secret], &headers(&["1531420618"], &[other]), b"test-body", STAMP));
    }

    #[test]
    fn timestamps_within_five_minutes_are_accepted() {
        let signed = headers(&["1531420618"], &[SIGNED]);
        for (now, expected) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
            assert_eq!(accepts(&[SECRET], &signed, BODY.as_bytes(), STAMP + now), expected, "{now}");
        }
    }

    #[test]
    fn malformed_headers_are_rejected() {
        let upper = SIGNED.to_uppercase().replace("V0", "v0");
        let (longer, equals) = (format!("{SIGNED}0"), format!("{SIGNED}=zzz"));
        let (spaced, comma) = (format!("{SIGNED} "), format!("{SIGNED},{SIGNED}"));
        for (stamps, signatures) in [
            (vec![], vec![SIGNED]),
            (vec!["1531420618"], vec![]),
            (vec!["1531420618", "1531420618"], vec![SIGNED]),
            (vec!["1531420618"], vec![SIGNED, SIGNED]),
            (vec!["+1531420618"], vec![SIGNED]),
            (vec!["1531420618.0"], vec![SIGNED]),
            (vec![" 1531420618"], vec![SIGNED]),
            (vec!["0001531420618"], vec![SIGNED]),
            (vec!["-1"], vec![SIGNED]),
            (vec![""], vec![SIGNED]),
            (vec!["now"], vec![SIGNED]),
            (vec!["1531420618"], vec![&SIGNED[3..]]),
            (vec!["1531420618"], vec![&SIGNED[..66]]),
            (vec!["1531420618"], vec!["v1=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"]),
            (vec!["1531420618"], vec![&upper]),
            (vec!["1531420618"], vec![&longer]),
            (vec!["1531420618"], vec![&equals]),
            (vec!["1531420618"], vec![&comma]),
            (vec!["1531420618"], vec![&spaced]),
        ] {
            let headers = headers(&stamps, &signatures);
            assert!(!accepts(&[SECRET], &headers, BODY.as_bytes(), STAMP), "{stamps:?} {signatures:?}");
        }
        assert!(!accepts(&["other"], &headers(&["1531420618"], &[SIGNED]), BODY.as_bytes(), STAMP));
        assert!(!accepts(&[], &headers(&["1531420618"], &[SIGNED]), BODY.as_bytes(), STAMP));
    }

    proptest! {
        #[test]
        fn other_bodies_and_random_headers_are_rejected(body in any::<Vec<u8>>(), stamp in "[ -~]{0,16}", signature in "[ -~]{0,80}") {
            prop_assert!(!accepts(&[SECRET], &headers(&["1531420618"], &[SIGNED]), &body, STAMP));
            let _ = accepts(&[SECRET], &headers(&[&stamp], &[&signature]), &body, STAMP);
        }
    }
}
