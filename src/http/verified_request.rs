//! A request from Slack: limited before it is buffered, verified before it is parsed. What it says is not known here.

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    admission::Full,
    replay::Seen,
    response::Reply,
    signature::{Fingerprint, SignatureHeaders},
    state::HttpState,
};
use crate::{
    handlers::{Ack, Delivery},
    slack::inbound::is_ssl_check,
};

/// The largest body, in bytes.
const LIMIT: usize = 256 * 1024;
/// The largest body of an unsigned `ssl_check`, in bytes.
const UNSIGNED_LIMIT: usize = 4 * 1024;
/// How much of each body is always buffered, in bytes: more than Slack sends as a rule.
const ALWAYS: usize = 64 * 1024;
/// After how many seconds somebody is to try again who came at a bad time.
const SOON: u64 = 1;

/// A verified body.
#[derive(Debug)]
pub(super) struct VerifiedRequest {
    /// The body.
    pub(super) body: Bytes,
    /// Whether its signature came before.
    pub(super) delivery: Delivery,
    /// What tells it from every other request.
    pub(super) fingerprint: Fingerprint,
    /// Its place among the requests in hand, until it is answered.
    _place: Option<OwnedSemaphorePermit>,
}

impl VerifiedRequest {
    /// Verifies and reads a request. `may_be_ssl_check`: the route to which Slack sends an unsigned `ssl_check=1` now and
    /// then.
    ///
    /// # Errors
    /// The reply to a request that is answered at once.
    pub(super) async fn read(
        state: &HttpState,
        request: Request,
        may_be_ssl_check: bool,
    ) -> Result<Self, Reply> {
        let (head, body) = request.into_parts();
        if announced(&head.headers).is_some_and(|length| length > LIMIT as u64) {
            return Err(too_large());
        }
        if state.client_cert.as_ref().is_some_and(|expected| !expected.is_in(&head.headers)) {
            return Err(unauthorized());
        }
        let now = state.clock.now().as_second();
        let Some(signed) = SignatureHeaders::read(&head.headers, now) else {
            if may_be_ssl_check && SignatureHeaders::is_absent(&head.headers) {
                return Err(unsigned(state, body).await);
            }
            return Err(unauthorized());
        };
        let body = buffered(state, body, LIMIT).await?;
        let Some(fingerprint) = state.keys.verify(&signed, &body) else { return Err(unauthorized()) };
        let delivery = match state.replays.see(&fingerprint, now) {
            Seen::First => Delivery::First,
            Seen::Repeated => Delivery::Repeated,
            Seen::Refused(ack) => return Err(Ack { outcome: "repeated", ..ack }.into()),
        };
        // What nobody has signed takes no place.
        let place = state.admission.place().map_err(|Full| {
            state.replays.refuse(&fingerprint, &shed());
            shed()
        })?;
        Ok(Self { body, delivery, fingerprint, _place: place })
    }
}

/// Reads a body. However small the pieces are in which it comes, it takes its own size and no more.
async fn buffered(state: &HttpState, mut body: Body, limit: usize) -> Result<Bytes, Reply> {
    let (mut whole, mut share) = (Vec::new(), state.admission.buffer());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Reply::status("cut_short", StatusCode::BAD_REQUEST))?;
        let Ok(piece) = frame.into_data() else { continue };
        let (before, after) = (whole.len(), whole.len() + piece.len());
        if after > limit {
            return Err(too_large());
        }
        if before == 0 && body.is_end_stream() {
            return Ok(piece);
        }
        if after > ALWAYS {
            share.grow(after - before.max(ALWAYS)).map_err(|Full| shed())?;
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

/// Answers an unsigned request: only a form with exactly one `ssl_check=1` is taken, and it does nothing.
async fn unsigned(state: &HttpState, body: Body) -> Reply {
    match buffered(state, body, UNSIGNED_LIMIT).await {
        // Nothing good has come on this connection yet.
        Ok(body) if is_ssl_check(&body) => Reply::from(Ack::empty("ssl_check")).last(),
        _ => unauthorized(),
    }
}

fn too_large() -> Reply {
    Reply::status("too_large", StatusCode::PAYLOAD_TOO_LARGE)
}

/// There is too much to do at the moment.
fn shed() -> Ack {
    Ack::unavailable("shed", Some(SOON))
}

/// A failure says nothing about its cause.
fn unauthorized() -> Reply {
    Reply::status("unauthorized", StatusCode::UNAUTHORIZED)
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
