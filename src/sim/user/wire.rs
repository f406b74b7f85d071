//! Signed requests from Slack to the bot: how they are signed and sent, and what came back.
//! It knows nothing of commands, buttons or modals.

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

/// How long Slack's side waits for an answer, in real time. The bot has 3 s; whoever checks that looks
/// at [`Reply::elapsed`].
const PATIENCE: Duration = Duration::from_secs(10);

/// The signature of a request, as its `X-Slack-Signature` header carries it.
pub fn sign(secret: &str, timestamp: &str, body: impl AsRef<[u8]>) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(b"v0:");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body.as_ref());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

/// A request as it goes over the wire; every part may be tampered with before it is sent.
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

/// The bot's answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status; 0 if no answer came.
    pub status: u16,
    /// Content type of the answer.
    pub content_type: String,
    /// The raw answer.
    pub body: String,
    /// How long it took, by the clock.
    pub elapsed: Duration,
    /// What was sent, to be sent again.
    pub sent: SignedRequest,
    /// What Slack tells the person when it cannot use the answer.
    pub trouble: Option<String>,
}

/// A request that was sent to the bot, and what came back.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When.
    pub at: Timestamp,
    /// What was sent.
    pub request: SignedRequest,
    /// The status of the answer; 0 if none came, `None` as long as it is waited for.
    pub status: Option<u16>,
    /// The body of the answer.
    pub answer: String,
    /// How long it took, in real time.
    pub took: Duration,
}

/// Where people work: a simulated Slack together with the bot it talks to. Clones share everything.
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
    /// People of `slack` reach the bot at `bot_url`, a base without a slash at the end.
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

    /// Someone of this workplace.
    pub fn person(&self, id: &str) -> User {
        User::new(self.clone(), id)
    }

    /// Every request that was sent to the bot, oldest first.
    pub fn sent(&self) -> Vec<Sent> {
        self.log(|sent| sent.clone())
    }

    fn log<T>(&self, change: impl FnOnce(&mut Vec<Sent>) -> T) -> T {
        change(&mut self.0.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The bot moved to another address, as after a restart.
    pub fn set_bot_url(&self, bot_url: &str) {
        bot_url.clone_into(&mut self.0.bot_url.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A request signed now with the workspace's secret.
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

    /// Sends a request as it is; a request that was sent before is replayed to the letter.
    pub async fn send(&self, request: &SignedRequest) -> Reply {
        let (begun, watch) = (self.0.clock.millis(), self.0.clock.stopwatch());
        let place = self.log(|sent| {
            let (at, request) = (self.0.clock.now(), request.clone());
            sent.push(Sent { at, request, status: None, answer: String::new(), took: Duration::ZERO });
            sent.len() - 1
        });
        self.0.slack.pulse().notify();
        let answer = tokio::time::timeout(PATIENCE, self.exchange(request)).await.ok().flatten();
        let elapsed = u64::try_from(self.0.clock.millis() - begun).unwrap_or(0);
        let (status, content_type, body) = answer.unwrap_or_default();
        self.log(|sent| {
            let sent = &mut sent[place];
            (sent.status, sent.answer) = (Some(status), body.clone());
            sent.took = Duration::from_secs_f64(watch.seconds());
        });
        self.0.slack.pulse().notify();
        let trouble = match status {
            0 => Some("operation_timeout".to_owned()),
            200 => None,
            _ => Some("dispatch_failed".to_owned()),
        };
        let elapsed = Duration::from_millis(elapsed);
        Reply { status, content_type, body, elapsed, sent: request.clone(), trouble }
    }

    /// One request on a connection of its own.
    async fn exchange(&self, request: &SignedRequest) -> Option<(u16, String, String)> {
        let base = self.0.bot_url.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let place = base.strip_prefix("http://")?;
        let outgoing = Request::post(&request.path)
            .header(header::HOST, place)
            .header(header::CONTENT_TYPE, &request.content_type)
            .header(header::USER_AGENT, "Slackbot 1.0 (+https://api.slack.com/robots)")
            .header("X-Slack-Request-Timestamp", &request.timestamp)
            .header("X-Slack-Signature", &request.signature)
            .body(Full::new(Bytes::from(request.body.clone())))
            .ok()?;
        let stream = TcpStream::connect(place).await.ok()?;
        let (mut bot, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        let mut kept = JoinSet::new();
        kept.spawn(connection);
        let answer = bot.send_request(outgoing).await.ok()?;
        let status = answer.status().as_u16();
        let content_type = answer.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        Some((status, content_type, String::from_utf8_lossy(&body).into_owned()))
    }
}
