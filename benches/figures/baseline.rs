//! The baseline for the bot's speed: a minimal server that does what Slack requires. It verifies the signature, parses the
//! form and responds with 200. It runs as a separate process: the bench itself, with [`ARGUMENT`].

use std::{borrow::Cow, hint::black_box, net::SocketAddr};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use hmac::{Hmac, KeyInit, Mac};
use marketo_api_user::clock::Clock;
use serde::Deserialize;
use sha2::Sha256;
use tokio::net::TcpListener;

/// The argument that starts the baseline server; the address and the signing secret follow it.
pub(crate) const ARGUMENT: &str = "--baseline";

type Key = Hmac<Sha256>;

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsing them is the work")]
struct Command<'a> {
    team_id: Cow<'a, str>,
    channel_id: Cow<'a, str>,
    user_id: Cow<'a, str>,
    command: Cow<'a, str>,
    text: Cow<'a, str>,
    response_url: Cow<'a, str>,
    trigger_id: Cow<'a, str>,
}

fn is_verified(key: &Key, headers: &HeaderMap, body: &[u8]) -> Option<bool> {
    let stamp = headers.get("x-slack-request-timestamp")?.to_str().ok()?;
    if Clock::system().now().as_second().abs_diff(stamp.parse().ok()?) > 300 {
        return Some(false);
    }
    let signature = headers.get("x-slack-signature")?.as_bytes().strip_prefix(b"v0=")?;
    let mut expected = [0; 32];
    hex::decode_to_slice(signature, &mut expected).ok()?;
    let mut mac = key.clone();
    for part in [b"v0:", stamp.as_bytes(), b":", body] {
        mac.update(part);
    }
    Some(mac.verify_slice(&expected).is_ok())
}

async fn command(State(key): State<Key>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if is_verified(&key, &headers, &body) != Some(true) {
        return StatusCode::UNAUTHORIZED;
    }
    match serde_urlencoded::from_bytes::<Command<'_>>(&body) {
        Ok(command) => {
            black_box(&command);
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

/// Serves until it is killed.
pub(crate) async fn serve(address: SocketAddr, secret: &str) {
    let key = Key::new_from_slice(secret.as_bytes()).unwrap();
    let app = Router::new().route("/slack/commands", post(command)).with_state(key);
    let listener = TcpListener::bind(address).await.unwrap();
    axum::serve(listener, app).await.unwrap();
}
