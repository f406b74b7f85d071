//! Verifies a request and reads its body: limited before it is buffered, verified before it is parsed.

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::{Edge, answer::Answer, signature::Claim};

/// The largest body, in bytes.
pub(super) const LIMIT: usize = 256 * 1024;
/// The largest body of an unsigned `ssl_check`, in bytes.
const UNSIGNED_LIMIT: usize = 4 * 1024;

/// A verified body.
#[derive(Debug)]
pub(super) struct Signed {
    /// The raw bytes.
    pub(super) body: Bytes,
    /// Whether this very request has not come before, as far as this process knows.
    pub(super) is_first: bool,
}

impl Edge {
    /// Verifies and reads a request, or answers it at once. `may_be_ssl_check`: the route to which Slack sends an
    /// unsigned `ssl_check=1` now and then.
    pub(super) async fn verified(&self, request: Request, may_be_ssl_check: bool) -> Result<Signed, Answer> {
        let (head, body) = request.into_parts();
        let too_large = || Answer::status("too_large", StatusCode::PAYLOAD_TOO_LARGE);
        if announced(&head.headers).is_some_and(|length| length > LIMIT as u64) {
            return Err(too_large());
        }
        let now = self.clock.now().as_second();
        let Some(claim) = Claim::read(&head.headers, now) else {
            if may_be_ssl_check && Claim::is_absent(&head.headers) {
                return Err(unsigned(body).await);
            }
            return Err(unauthorized());
        };
        let body = match Limited::new(body, LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(too_large()),
            Err(_) => return Err(Answer::status("cut_short", StatusCode::BAD_REQUEST)),
        };
        let Some(fingerprint) = self.0.keys.verify(&claim, &body) else { return Err(unauthorized()) };
        let is_first = self.0.replays.is_first(&fingerprint, now);
        Ok(Signed { body, is_first })
    }
}

/// A failure says nothing about its cause.
fn unauthorized() -> Answer {
    Answer::status("unauthorized", StatusCode::UNAUTHORIZED)
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Answers an unsigned request: only a form with exactly one `ssl_check=1` is taken, and it does nothing.
async fn unsigned(body: Body) -> Answer {
    let Ok(body) = Limited::new(body, UNSIGNED_LIMIT).collect().await else { return unauthorized() };
    if is_ssl_check(&body.to_bytes()) { Answer::empty("ssl_check") } else { unauthorized() }
}

/// Whether a form has exactly one field `ssl_check`, and its value is `1`.
pub(super) fn is_ssl_check(body: &[u8]) -> bool {
    let mut values = url::form_urlencoded::parse(body).filter(|(name, _)| name == "ssl_check");
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
