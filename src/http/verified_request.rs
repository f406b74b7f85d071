//! A verified request from Slack: limited before it is buffered, verified before it is parsed. It must not know what the
//! body means.

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    admission::Full,
    replay::Received,
    response::Reply,
    signature::{Fingerprint, SignatureHeaders},
    state::HttpState,
};
use crate::{
    handlers::{Ack, Delivery},
    slack::inbound::is_ssl_check,
};

/// The largest body, in bytes.
const BODY_MAX: usize = 256 * 1024;
/// The largest body of an unsigned `ssl_check`, in bytes.
const UNSIGNED_BODY_MAX: usize = 4 * 1024;
/// How much of each body may be buffered without a share of the common buffer, in bytes: more than Slack usually sends.
const UNSHARED_BUFFER: usize = 64 * 1024;
/// The `Retry-After` of a shed request, in seconds.
const SHED_RETRY_AFTER: u64 = 1;

/// A verified body.
#[derive(Debug)]
pub(super) struct VerifiedRequest {
    /// The body.
    pub(super) body: Bytes,
    /// Whether this process has received the same signature before.
    pub(super) delivery: Delivery,
    /// Identifies the request.
    pub(super) fingerprint: Fingerprint,
    /// Counts the request as in flight until it is answered.
    _permit: Option<OwnedSemaphorePermit>,
}

impl VerifiedRequest {
    /// Reads and verifies a request. `may_be_ssl_check`: whether Slack may send an unsigned `ssl_check=1` to this route.
    ///
    /// # Errors
    /// The reply to a request that does not reach the handlers.
    pub(super) async fn read(
        state: &HttpState,
        request: Request,
        may_be_ssl_check: bool,
    ) -> Result<Self, Reply> {
        let (head, body) = request.into_parts();
        if content_length(&head.headers).is_some_and(|length| length > BODY_MAX as u64) {
            return Err(too_large());
        }
        if state.client_cert.as_ref().is_some_and(|expected| !expected.is_reported(&head.headers)) {
            return Err(unauthorized());
        }
        let now = state.clock.now().as_second();
        let Some(signature) = SignatureHeaders::read(&head.headers, now) else {
            if may_be_ssl_check && SignatureHeaders::is_absent(&head.headers) {
                return Err(answer_unsigned(state, body).await);
            }
            return Err(unauthorized());
        };
        let body = read_body(state, body, BODY_MAX).await?;
        let Some(fingerprint) = state.keys.verify(&signature, &body) else { return Err(unauthorized()) };
        let delivery = match state.replays.check(&fingerprint, state.clock.monotonic_millis() / 1000) {
            Received::First => Delivery::First,
            Received::Repeated => Delivery::Repeated,
            Received::Rejected(ack) => return Err(Ack { outcome: "repeated", ..ack }.into()),
        };
        // Only verified requests take a permit.
        let permit = state.admission.permit().map_err(|Full| {
            state.replays.reject(&fingerprint, &shed());
            shed()
        })?;
        Ok(Self { body, delivery, fingerprint, _permit: permit })
    }
}

/// Reads a body into one buffer of its own size, however small its frames are.
async fn read_body(state: &HttpState, mut body: Body, limit: usize) -> Result<Bytes, Reply> {
    let (mut buffer, mut share) = (Vec::new(), state.admission.buffer());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Reply::status("cut_short", StatusCode::BAD_REQUEST))?;
        let Ok(data) = frame.into_data() else { continue };
        let (before, after) = (buffer.len(), buffer.len() + data.len());
        if after > limit {
            return Err(too_large());
        }
        if before == 0 && body.is_end_stream() {
            return Ok(data);
        }
        if after > UNSHARED_BUFFER {
            share.grow(after - before.max(UNSHARED_BUFFER)).map_err(|Full| shed())?;
        }
        buffer.extend_from_slice(&data);
    }
    Ok(buffer.into())
}

/// Answers an unsigned request: only a form with exactly one `ssl_check=1` is accepted, and it does nothing.
async fn answer_unsigned(state: &HttpState, body: Body) -> Reply {
    match read_body(state, body, UNSIGNED_BODY_MAX).await {
        // The sender has not proven anything, so it does not get to keep the connection.
        Ok(body) if is_ssl_check(&body) => Reply::from(Ack::empty("ssl_check")).closing(),
        _ => unauthorized(),
    }
}

fn too_large() -> Reply {
    Reply::status("too_large", StatusCode::PAYLOAD_TOO_LARGE)
}

/// The bot is overloaded.
fn shed() -> Ack {
    Ack::unavailable("shed", Some(SHED_RETRY_AFTER))
}

/// The response does not reveal what failed.
fn unauthorized() -> Reply {
    Reply::status("unauthorized", StatusCode::UNAUTHORIZED)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
