//! The client of Slack's Web API, over slack-morphism's connections.
//!
//! slack-morphism 2.31 sends requests and receives responses. This module adds what it lacks: every call has a timeout; a
//! response has a largest size; a response is a success only with `ok: true`, where the crate accepts any page with status 200; and the crate's errors,
//! which contain whole bodies, become [`Error`]s, which do not. Requests and responses are small types of this module,
//! since the crate's own reject responses without fields that nobody reads.
//!
//! Nothing here retries a call: only the caller knows whether that would do something twice. Calls that would
//! exceed Slack's rate limits are not made.

mod message_key;
mod messages;
mod rate_limits;
mod reads;
mod size_limit;
mod tell;

use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http_body_util::{BodyExt, Empty, combinators::BoxBody};
use hyper::{Request, body::Bytes, header};
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

pub use message_key::MessageKey;
pub use messages::{OpenedView, Posted};
pub use reads::{ChannelInfo, Identity, Profile};

use self::{
    rate_limits::{RateLimits, Scope},
    size_limit::LimitedConnector,
};
use super::error::{Class, Error};
use crate::clock::Clock;

/// The settings of a [`Client`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base URL of the Web API, such as `https://slack.com/api`.
    pub api_url: String,
    /// The bot token.
    pub token: SecretString,
    /// The timeout of one call.
    pub timeout: Duration,
}

/// A client of Slack's Web API. Cheap to clone; clones share connections and rate limits.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    api_url: String,
    token: SlackApiToken,
    timeout: Duration,
    clock: Clock,
    rate_limits: RateLimits,
    slack: SlackClient<SlackClientHyperConnector<LimitedConnector>>,
    /// Has the body type of slack-morphism's own client, so that the code for connections is compiled once.
    plain: HyperClient<LimitedConnector, BoxBody<Bytes, Infallible>>,
    on_revoked: OnceLock<OnRevoked>,
}

/// What to do when a call learns that the token is not valid (any more).
type OnRevoked = Box<dyn Fn(&Error) + Send + Sync>;

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("api_url", &self.0.api_url).finish_non_exhaustive()
    }
}

/// What is sent, and how. Slack's read methods accept no JSON.
enum OutgoingCall {
    /// GET with a query.
    Query(Vec<(&'static str, Option<String>)>),
    /// POST of a JSON body.
    Json(Value),
    /// POST of a JSON body to a `response_url`, without the token.
    Respond(Url, Value),
}

impl Client {
    /// A client that uses `tls`. HTTP/1.1 only: a call that times out closes its connection, where HTTP/2 would send the
    /// next calls over the same dead one.
    ///
    /// # Panics
    /// When `tls` has ALPN protocols already.
    pub fn new(settings: Settings, clock: Clock, tls: rustls::ClientConfig) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        // Shorter than the timeout of the call, so that "no connection" differs from "no response".
        tcp.set_connect_timeout(Some((settings.timeout / 2).min(Duration::from_secs(5))));
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let https = LimitedConnector(https);
        let api_url = settings.api_url.trim_end_matches('/').to_owned();
        let connector = SlackClientHyperConnector::with_connector(https.clone()).with_slack_api_url(&api_url);
        Self(Arc::new(Inner {
            api_url,
            token: SlackApiToken::new(settings.token.expose_secret().into()),
            timeout: settings.timeout,
            clock,
            rate_limits: RateLimits::default(),
            slack: SlackClient::new(connector),
            plain: HyperClient::builder(TokioExecutor::new()).build(https),
            on_revoked: OnceLock::new(),
        }))
    }

    /// Calls `report` whenever a call learns that the token is not valid (any more). Only the first `report` is kept.
    pub fn when_revoked(&self, report: impl Fn(&Error) + Send + Sync + 'static) {
        let _ = self.0.on_revoked.set(Box::new(report));
    }

    /// Calls a method that only reads.
    async fn get<R: DeserializeOwned>(
        &self,
        method: &'static str,
        query: Vec<(&'static str, Option<String>)>,
    ) -> Result<R, Error> {
        self.call(method, Scope::Method(method), OutgoingCall::Query(query)).await
    }

    /// Calls a method that changes something.
    async fn post_json<R: DeserializeOwned>(
        &self,
        method: &'static str,
        body: &(impl Serialize + Sync),
    ) -> Result<R, Error> {
        self.post_json_within(method, Scope::Method(method), body).await
    }

    /// As [`Client::post_json`], for a method with rate limits of its own.
    async fn post_json_within<R: DeserializeOwned>(
        &self,
        method: &'static str,
        scope: Scope<'_>,
        body: &(impl Serialize + Sync),
    ) -> Result<R, Error> {
        let body = serde_json::to_value(body).map_err(|_| Error::refused(method, "not_sent"))?;
        self.call(method, scope, OutgoingCall::Json(body)).await
    }

    async fn call<R: DeserializeOwned>(
        &self,
        method: &'static str,
        scope: Scope<'_>,
        call: OutgoingCall,
    ) -> Result<R, Error> {
        self.measured(method, scope, async {
            let response = self.send(method, &call).await?;
            if response.get("ok") != Some(&Value::Bool(true)) {
                return Err(Error::unreadable(method));
            }
            serde_json::from_value(response).map_err(|_| Error::unreadable(method))
        })
        .await
    }

    /// The body of a response with status 200; `{}` if it was not JSON.
    async fn send(&self, method: &'static str, call: &OutgoingCall) -> Result<Value, Error> {
        let session = self.0.slack.open_session(&self.0.token);
        let api = &session.http_session_api;
        let response = match call {
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
        response.map_err(|error| Error::of(method, &error))
    }

    /// Runs `call` within the timeout and the rate limit of its scope, and records its duration and outcome.
    async fn measured<T>(
        &self,
        method: &'static str,
        scope: Scope<'_>,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Inner { rate_limits, clock, timeout, .. } = &*self.0;
        if let Err(after) = rate_limits.check(scope, clock.monotonic_millis()) {
            metrics::counter!("slack_calls_total", "method" => method, "result" => "held_back").increment(1);
            return Err(Error::limited(method, after));
        }
        let started = clock.monotonic_millis();
        let result = tokio::time::timeout(*timeout, call).await;
        let result = result.unwrap_or_else(|_| Err(Error::unknown(method, "timeout")));
        let ended = clock.monotonic_millis();
        match &result {
            Err(Error { class: Class::RateLimited { after }, .. }) => rate_limits.limit(scope, *after, ended),
            // A `response_url` has no token.
            Err(error @ Error { class: Class::Revoked, .. }) if method != "response_url" => {
                if let Some(report) = self.0.on_revoked.get() {
                    report(error);
                }
            }
            _ => {}
        }
        let outcome = result.as_ref().map_or_else(|error| error.class.name(), |_| "ok");
        metrics::counter!("slack_calls_total", "method" => method, "result" => outcome).increment(1);
        let millis = u32::try_from(ended.saturating_sub(started)).unwrap_or(0);
        metrics::histogram!("slack_call_seconds", "method" => method, "result" => outcome)
            .record(f64::from(millis) / 1000.0);
        if let Err(Error { code, .. }) = &result {
            tracing::debug!(method, code, result = outcome, "A call to Slack failed");
        }
        result
    }

    /// The scopes of the token: the header `x-oauth-scopes` of `auth.test`, see "Installing with OAuth" in Slack's
    /// documentation. slack-morphism hides headers, so this call bypasses it.
    ///
    /// # Errors
    /// When the call fails or the response has no such header.
    pub async fn granted_scopes(&self) -> Result<Vec<String>, Error> {
        const METHOD: &str = "auth.test";
        let request = Request::get(format!("{}/{METHOD}", self.0.api_url))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.0.token.token_value.0))
            .body(Empty::new().boxed())
            .map_err(|_| Error::refused(METHOD, "not_sent"))?;
        self.measured(METHOD, Scope::Method(METHOD), async {
            let response = self.0.plain.request(request).await;
            let response = response.map_err(|error| Error::transport(METHOD, Some(&error)))?;
            if !response.status().is_success() {
                return Err(Error::status(METHOD, response.status().as_u16()));
            }
            let scopes = response.headers().get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
            let scopes =
                scopes.map(|scopes| scopes.split(',').map(|scope| scope.trim().to_owned()).collect());
            let body =
                response.into_body().collect().await.map_err(|error| Error::cut(METHOD, &error))?.to_bytes();
            let body: Value = serde_json::from_slice(&body).map_err(|_| Error::unreadable(METHOD))?;
            if let Some(code) = body.get("error").and_then(Value::as_str) {
                return Err(Error::api_error(METHOD, code, &body.to_string()));
            }
            scopes.ok_or_else(|| Error::unreadable(METHOD))
        })
        .await
    }
}

#[cfg(test)]
mod tests;
