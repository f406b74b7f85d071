//! Verifies a request and reads its body: limited before it is buffered, verified before it is parsed.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    Edge,
    answer::Answer,
    replay::Came,
    signature::{Claim, Fingerprint},
};
use crate::config::Limits;

/// The largest body, in bytes.
pub(super) const LIMIT: usize = 256 * 1024;
/// The largest body of an unsigned `ssl_check`, in bytes.
const UNSIGNED_LIMIT: usize = 4 * 1024;
/// How much of each body is always buffered, in bytes: more than Slack sends as a rule.
const ALWAYS: usize = 64 * 1024;
/// How much of all bodies is buffered beyond that, in bytes, before it is known who signed them.
const BEYOND: usize = 16 * 1024 * 1024;
/// After how many seconds somebody is to try again who came at a bad time.
const SOON: u64 = 1;

/// What is being taken in at the moment.
#[derive(Debug)]
pub(super) struct Intake {
    /// The places for signed requests; absent: as many as come.
    places: Option<Arc<Semaphore>>,
    /// What is buffered of long bodies.
    beyond: AtomicUsize,
}

impl Intake {
    pub(super) fn new(limits: &Limits) -> Self {
        let most = usize::try_from(limits.in_flight).unwrap_or(Semaphore::MAX_PERMITS);
        let places = (most > 0).then(|| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))));
        Self { places, beyond: AtomicUsize::new(0) }
    }
}

/// A part of [`BEYOND`], given back in the end.
struct Held<'a>(&'a AtomicUsize, usize);

impl Held<'_> {
    fn grow(&mut self, bytes: usize) -> bool {
        self.1 += bytes;
        self.0.fetch_add(bytes, Relaxed) + bytes <= BEYOND
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Relaxed);
    }
}

/// A verified body.
#[derive(Debug)]
pub(super) struct Signed {
    /// The raw bytes.
    pub(super) body: Bytes,
    /// Whether this very request has not come before, as far as this process knows.
    pub(super) is_first: bool,
    /// What tells it from every other.
    pub(super) fingerprint: Fingerprint,
    /// Its place among the requests in hand, until it is answered.
    _place: Option<OwnedSemaphorePermit>,
}

impl Edge {
    /// Verifies and reads a request, or answers it at once. `may_be_ssl_check`: the route to which Slack sends an
    /// unsigned `ssl_check=1` now and then.
    pub(super) async fn verified(&self, request: Request, may_be_ssl_check: bool) -> Result<Signed, Answer> {
        let (head, body) = request.into_parts();
        if announced(&head.headers).is_some_and(|length| length > LIMIT as u64) {
            return Err(too_large());
        }
        if self.0.certificate.as_ref().is_some_and(|expected| !expected.is_in(&head.headers)) {
            return Err(unauthorized());
        }
        let now = self.clock.now().as_second();
        let Some(claim) = Claim::read(&head.headers, now) else {
            if may_be_ssl_check && Claim::is_absent(&head.headers) {
                return Err(self.unsigned(body).await);
            }
            return Err(unauthorized());
        };
        let body = self.read(body, LIMIT).await?;
        let Some(fingerprint) = self.0.keys.verify(&claim, &body) else { return Err(unauthorized()) };
        let came = self.0.replays.see(&fingerprint, now);
        if came == Came::Refused {
            return Err(Answer::later("repeated", StatusCode::TOO_MANY_REQUESTS, SOON));
        }
        // What nobody has signed takes no place.
        let place = self.0.intake.places.clone().map(Semaphore::try_acquire_owned).transpose();
        let place = place.map_err(|_| {
            self.0.replays.refuse(&fingerprint);
            shed()
        })?;
        Ok(Signed { body, is_first: came == Came::First, fingerprint, _place: place })
    }

    /// Reads a body. However small the pieces are in which it comes, it takes its own size and no more.
    async fn read(&self, mut body: Body, limit: usize) -> Result<Bytes, Answer> {
        let (mut whole, mut held) = (Vec::new(), Held(&self.0.intake.beyond, 0));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Answer::status("cut_short", StatusCode::BAD_REQUEST))?;
            let Ok(piece) = frame.into_data() else { continue };
            let (before, after) = (whole.len(), whole.len() + piece.len());
            if after > limit {
                return Err(too_large());
            }
            if before == 0 && body.is_end_stream() {
                return Ok(piece);
            }
            if after > ALWAYS && !held.grow(after - before.max(ALWAYS)) {
                return Err(shed());
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.into())
    }

    /// Answers an unsigned request: only a form with exactly one `ssl_check=1` is taken, and it does nothing.
    async fn unsigned(&self, body: Body) -> Answer {
        match self.read(body, UNSIGNED_LIMIT).await {
            // Nothing good has come on this connection yet.
            Ok(body) if is_ssl_check(&body) => Answer::empty("ssl_check").last(),
            _ => unauthorized(),
        }
    }
}

fn too_large() -> Answer {
    Answer::status("too_large", StatusCode::PAYLOAD_TOO_LARGE)
}

/// There is too much to do at the moment.
fn shed() -> Answer {
    Answer::later("shed", StatusCode::SERVICE_UNAVAILABLE, SOON)
}

/// A failure says nothing about its cause.
fn unauthorized() -> Answer {
    Answer::status("unauthorized", StatusCode::UNAUTHORIZED)
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
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
