//! Signed requests from Slack to the bot: it signs them, sends them and records the responses. It must not know
//! commands, buttons or modals.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::Bytes,
    http::{Request, header},
};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use sha2::Sha256;
use tokio::{net::TcpStream, task::JoinSet};

use super::User;
use crate::{clock::Clock, sim::slack::SlackSim};

/// Timeout of a request, in real time. The bot has 3 s; tests check [`Reply::elapsed`].
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The value of the `X-Slack-Signature` header.
pub fn sign(secret: &str, timestamp: &str, body: impl AsRef<[u8]>) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(b"v0:");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body.as_ref());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

/// A signed request. Tests may change any part before they send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    /// Path on the bot.
    pub path: String,
    /// Content type of the body.
    pub content_type: String,
    /// The raw body.
    pub body: String,
    /// The `X-Slack-Request-Timestamp` header.
    pub timestamp: String,
    /// The `X-Slack-Signature` header.
    pub signature: String,
}

/// The bot's response to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status; 0 without a response.
    pub status: u16,
    /// Content type of the response.
    pub content_type: String,
    /// The raw body.
    pub body: String,
    /// Response time by the simulator's clock.
    pub elapsed: Duration,
    /// The request, which can be sent again.
    pub sent: SignedRequest,
    /// The error that Slack shows the person when it cannot use the response.
    pub error: Option<String>,
}

/// The record of a request to the bot.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When it was sent.
    pub at: Timestamp,
    /// The request.
    pub request: SignedRequest,
    /// The response status: 0 without a response, `None` while pending.
    pub status: Option<u16>,
    /// The response body.
    pub answer: String,
    /// Response time in real time.
    pub took: Duration,
}

/// A simulated Slack together with the bot that it calls. Clones share everything.
#[derive(Clone, Debug)]
pub struct SlackWorkspace(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    slack: Arc<SlackSim>,
    bot_url: Mutex<String>,
    clock: Clock,
    sent: Mutex<Vec<Sent>>,
}

impl SlackWorkspace {
    /// Connects the people of `slack` to the bot at `bot_url`, a base URL without a trailing slash.
    pub fn new(slack: Arc<SlackSim>, bot_url: &str, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            slack,
            bot_url: Mutex::new(bot_url.to_owned()),
            clock,
            sent: Mutex::default(),
        }))
    }

    /// The simulated Slack.
    pub fn slack(&self) -> &Arc<SlackSim> {
        &self.0.slack
    }

    /// A person of this workspace, by user id.
    pub fn person(&self, id: &str) -> User {
        User::new(self.clone(), id)
    }

    /// All requests to the bot, oldest first.
    pub fn sent(&self) -> Vec<Sent> {
        self.with_log(|sent| sent.clone())
    }

    fn with_log<T>(&self, change: impl FnOnce(&mut Vec<Sent>) -> T) -> T {
        change(&mut self.0.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the bot's address, as after a restart.
    pub fn set_bot_url(&self, bot_url: &str) {
        bot_url.clone_into(&mut self.0.bot_url.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Signs a request now with the workspace's secret.
    pub fn signed(&self, path: &str, content_type: &str, body: &str) -> SignedRequest {
        let timestamp = self.0.clock.now().as_second().to_string();
        let signature = sign(&self.0.slack.setup().signing_secret, &timestamp, body);
        let [path, content_type, body] = [path, content_type, body].map(str::to_owned);
        SignedRequest { path, content_type, body, timestamp, signature }
    }

    /// Signs a request and sends it.
    pub async fn post_signed(&self, path: &str, content_type: &str, body: &str) -> Reply {
        self.send(&self.signed(path, content_type, body)).await
    }

    /// Sends a request unchanged. A request that was sent before is replayed exactly.
    pub async fn send(&self, request: &SignedRequest) -> Reply {
        let (started_at, stopwatch) = (self.0.clock.millis(), self.0.clock.stopwatch());
        let index = self.with_log(|sent| {
            let (at, request) = (self.0.clock.now(), request.clone());
            sent.push(Sent { at, request, status: None, answer: String::new(), took: Duration::ZERO });
            sent.len() - 1
        });
        self.0.slack.changes().notify();
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, self.exchange(request)).await.ok().flatten();
        let elapsed = u64::try_from(self.0.clock.millis() - started_at).unwrap_or(0);
        let (status, content_type, body) = answer.unwrap_or_default();
        self.with_log(|sent| {
            let sent = &mut sent[index];
            (sent.status, sent.answer) = (Some(status), body.clone());
            sent.took = Duration::from_secs_f64(stopwatch.seconds());
        });
        self.0.slack.changes().notify();
        let error = match status {
            0 => Some("operation_timeout".to_owned()),
            200 => None,
            _ => Some("dispatch_failed".to_owned()),
        };
        let elapsed = Duration::from_millis(elapsed);
        Reply { status, content_type, body, elapsed, sent: request.clone(), error }
    }

    /// Sends one request on a new connection.
    async fn exchange(&self, request: &SignedRequest) -> Option<(u16, String, String)> {
        let base = self.0.bot_url.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let authority = base.strip_prefix("http://")?;
        let outgoing = Request::post(&request.path)
            .header(header::HOST, authority)
            .header(header::CONTENT_TYPE, &request.content_type)
            .header(header::USER_AGENT, "Slackbot 1.0 (+https://api.slack.com/robots)")
            .header("X-Slack-Request-Timestamp", &request.timestamp)
            .header("X-Slack-Signature", &request.signature)
            .body(Full::new(Bytes::from(request.body.clone())))
            .ok()?;
        let stream = TcpStream::connect(authority).await.ok()?;
        let (mut bot, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        let mut connections = JoinSet::new();
        connections.spawn(connection);
        let answer = bot.send_request(outgoing).await.ok()?;
        let status = answer.status().as_u16();
        let content_type = answer.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        Some((status, content_type, String::from_utf8_lossy(&body).into_owned()))
    }
}
