//! The simulated Marketo refuses what Marketo refuses. The tests use plain HTTP, not the bot's client.

mod management;
mod strictness;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{CLIENT_ID, CLIENT_SECRET, MarketoSim, Setup};
use crate::clock::Clock;

struct Caller {
    sim: Arc<MarketoSim>,
    clock: Clock,
    http: reqwest::Client,
    token: String,
}

impl Caller {
    async fn new(setup: Setup) -> Self {
        let clock = Clock::manual("2026-11-24T18:00:00Z".parse().unwrap());
        let sim = MarketoSim::start(clock.clone(), setup).await.unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
        let http = http.timeout(Duration::from_secs(10)).build().unwrap();
        let mut caller = Self { sim, clock, http, token: String::new() };
        caller.token =
            caller.issue(CLIENT_ID, CLIENT_SECRET).await.1["access_token"].as_str().unwrap().to_owned();
        caller
    }

    async fn issue(&self, id: &str, secret: &str) -> (u16, Value) {
        let url = format!("{}/identity/oauth/token", self.sim.url());
        let query = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        answer(self.http.get(url).query(&query)).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}/userservice/management/v1/users/{path}", self.sim.url())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.http.get(self.url(path)).bearer_auth(&self.token)).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.http.post(self.url(path)).bearer_auth(&self.token).json(body)).await
    }

    /// The status and error code of a refused POST.
    async fn refusal(&self, path: &str, body: &Value) -> (u16, i64) {
        let (status, answer) = self.post(path, body).await;
        (status, code(&answer))
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn code(answer: &Value) -> i64 {
    answer["errors"][0]["code"].as_i64().unwrap_or_else(|| panic!("not refused: {answer}"))
}

fn svc() -> Value {
    json!({
        "emailAddress": "svc@example.com", "firstName": "Svc", "lastName": "Orders", "apiOnly": true,
        "userRoleWorkspaces": [{"accessRoleId": 101, "workspaceId": 1}],
    })
}
