//! The outbound side: calls to Slack's Web API over slack-morphism's connection.
//!
//! slack-morphism 2.31 carries requests and answers; what it leaves open is closed here: every call has a time
//! limit, an answer counts only with `ok: true` (it takes any page of status 200 for a success), and its errors,
//! which show whole bodies, become [`Error`]s, which do not. Requests and answers are this module's own small types,
//! since the crate's refuse answers that lack what nobody reads. Nothing here repeats a call: only the caller
//! knows whether that would do something twice. A method that Slack wants to be left alone is not called before the
//! time that Slack named, whoever asks.

mod messages;
mod reads;

use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt, Empty, combinators::BoxBody};
use hyper::{Request, body::Bytes, header};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client as HyperClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use slack_morphism::{
    SlackApiToken, SlackClient, SlackClientApiCallContext, SlackClientHttpConnector,
    hyper_tokio::SlackClientHyperConnector,
};
use url::Url;

pub use messages::{MessageKey, OpenedView, Posted};
pub use reads::{ChannelInfo, Identity, Profile};

use super::error::{Class, Error};
use crate::clock::Clock;

type Connector = HttpsConnector<HttpConnector>;

/// How the client reaches Slack.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base of the Web API, such as `https://slack.com/api`.
    pub api_url: String,
    /// The bot token.
    pub token: SecretString,
    /// The longest that one call may take.
    pub timeout: Duration,
}

/// A client of Slack's Web API. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    api_url: String,
    token: SlackApiToken,
    timeout: Duration,
    clock: Clock,
    /// The methods that Slack wants to be left alone, and until when (UTC milliseconds).
    limited: Mutex<HashMap<&'static str, i64>>,
    slack: SlackClient<SlackClientHyperConnector<Connector>>,
    /// With the crate's own kind of bodies, so that there is one kind of connections.
    plain: HyperClient<Connector, BoxBody<Bytes, Infallible>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("api_url", &self.0.api_url).finish_non_exhaustive()
    }
}

/// What is sent, and how: Slack's read methods take no JSON.
enum OutgoingCall {
    /// GET with a query.
    Query(Vec<(&'static str, Option<String>)>),
    /// POST of a JSON body.
    Json(Value),
    /// POST of a JSON body to a `response_url`, which must not see the token.
    Respond(Url, Value),
}

impl Client {
    /// A client that speaks TLS as `tls` says. HTTP/1.1 only: a call that runs out of time then takes its dead
    /// connection with it, where HTTP/2 would send the next calls down the same one.
    ///
    /// # Panics
    /// When `tls` names protocols (ALPN) itself.
    pub fn new(settings: Settings, clock: Clock, tls: rustls::ClientConfig) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        // Below the limit of the whole call, so that "no connection" is told from "no answer".
        tcp.set_connect_timeout(Some((settings.timeout / 2).min(Duration::from_secs(5))));
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let api_url = settings.api_url.trim_end_matches('/').to_owned();
        let connector = SlackClientHyperConnector::with_connector(https.clone()).with_slack_api_url(&api_url);
        Self(Arc::new(Inner {
            api_url,
            token: SlackApiToken::new(settings.token.expose_secret().into()),
            timeout: settings.timeout,
            clock,
            limited: Mutex::default(),
            slack: SlackClient::new(connector),
            plain: HyperClient::builder(TokioExecutor::new()).build(https),
        }))
    }

    /// A call of a method that only reads.
    async fn get<A: DeserializeOwned>(
        &self,
        method: &'static str,
        query: Vec<(&'static str, Option<String>)>,
    ) -> Result<A, Error> {
        self.call(method, OutgoingCall::Query(query)).await
    }

    /// A call of a method that does something.
    async fn post_json<A: DeserializeOwned>(
        &self,
        method: &'static str,
        body: &(impl Serialize + Sync),
    ) -> Result<A, Error> {
        let body = serde_json::to_value(body).map_err(|_| Error::refused(method, "not_sent"))?;
        self.call(method, OutgoingCall::Json(body)).await
    }

    async fn call<A: DeserializeOwned>(&self, method: &'static str, out: OutgoingCall) -> Result<A, Error> {
        self.counted(method, async {
            let answer = self.send(method, &out).await?;
            if answer.get("ok") != Some(&Value::Bool(true)) {
                return Err(Error::unreadable(method));
            }
            serde_json::from_value(answer).map_err(|_| Error::unreadable(method))
        })
        .await
    }

    /// Whatever was answered with status 200; `{}` where that was not JSON.
    async fn send(&self, method: &'static str, out: &OutgoingCall) -> Result<Value, Error> {
        let session = self.0.slack.open_session(&self.0.token);
        let api = &session.http_session_api;
        let answer = match out {
            OutgoingCall::Query(query) => api.http_get(method, query, None).await,
            OutgoingCall::Json(body) => api.http_post(method, body, None).await,
            OutgoingCall::Respond(url, body) => {
                let context = SlackClientApiCallContext {
                    rate_control_params: None,
                    token: None,
                    tracing_span: &api.span,
                    is_sensitive_url: true,
                };
                self.0.slack.http_api.connector.http_post_uri(url.clone(), body, context).await
            }
        };
        answer.map_err(|error| Error::of(method, &error))
    }

    /// Runs a call under the time limit and counts how it ended.
    async fn counted<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let started = self.0.clock.millis();
        let result = match self.limited(method, started) {
            Some(after) => Err(Error::limited(method, after)),
            None => {
                let ended = tokio::time::timeout(self.0.timeout, call).await;
                ended.unwrap_or_else(|_| Err(Error::unknown(method, "timeout")))
            }
        };
        if let Err(Error { class: Class::RateLimited { after }, .. }) = &result {
            let until = self.0.clock.millis().saturating_add(i64::try_from(after.as_millis()).unwrap_or(0));
            self.0.limited.lock().unwrap_or_else(PoisonError::into_inner).insert(method, until);
        }
        let outcome = result.as_ref().map_or_else(|error| error.class.name(), |_| "ok");
        metrics::counter!("slack_calls_total", "method" => method, "result" => outcome).increment(1);
        let millis = u32::try_from(self.0.clock.millis().saturating_sub(started)).unwrap_or(0);
        metrics::histogram!("slack_call_seconds", "method" => method, "result" => outcome)
            .record(f64::from(millis) / 1000.0);
        result
    }

    /// How long a method is still to be left alone.
    fn limited(&self, method: &str, now: i64) -> Option<Duration> {
        let mut limited = self.0.limited.lock().unwrap_or_else(PoisonError::into_inner);
        let until = *limited.get(method)?;
        match u64::try_from(until - now) {
            Ok(left) if left > 0 => Some(Duration::from_millis(left)),
            _ => {
                limited.remove(method);
                None
            }
        }
    }

    /// The scopes that the token has: the header `x-oauth-scopes` of `auth.test`, see "Installing with OAuth" in
    /// Slack's documentation. slack-morphism hides headers, so this one call goes past it.
    ///
    /// # Errors
    /// When the call does not work or its answer has no such header.
    pub async fn granted_scopes(&self) -> Result<Vec<String>, Error> {
        const METHOD: &str = "auth.test";
        let request = Request::get(format!("{}/{METHOD}", self.0.api_url))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.0.token.token_value.0))
            .body(Empty::new().boxed())
            .map_err(|_| Error::refused(METHOD, "not_sent"))?;
        self.counted(METHOD, async {
            let answer = self.0.plain.request(request).await;
            let answer = answer.map_err(|error| Error::transport(METHOD, Some(&error)))?;
            if !answer.status().is_success() {
                return Err(Error::status(METHOD, answer.status().as_u16()));
            }
            let scopes = answer.headers().get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
            let scopes =
                scopes.map(|scopes| scopes.split(',').map(|scope| scope.trim().to_owned()).collect());
            let body =
                answer.into_body().collect().await.map_err(|_| Error::unknown(METHOD, "cut"))?.to_bytes();
            let body: Value = serde_json::from_slice(&body).map_err(|_| Error::unreadable(METHOD))?;
            if let Some(code) = body.get("error").and_then(Value::as_str) {
                return Err(Error::said_no(METHOD, code, &body.to_string()));
            }
            scopes.ok_or_else(|| Error::unreadable(METHOD))
        })
        .await
    }
}

#[cfg(test)]
mod tests;
