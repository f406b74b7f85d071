//! The identity endpoint, and the token check of every other call.
//! A token lives 3600 s; until it expires, the endpoint returns the same token with its remaining lifetime.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::json;

use super::{reply::Reply, route::ParsedRequest, setup::Setup};

/// Lifetime of a token in seconds.
const LIFETIME: i64 = 3600;

#[derive(Debug, Default)]
pub(super) struct Tokens(Vec<Token>);

#[derive(Debug)]
struct Token {
    text: String,
    /// Unix time.
    expires_at: i64,
}

impl Tokens {
    /// Answers `/identity/oauth/token`.
    pub(super) fn issue(&mut self, request: &ParsedRequest, setup: &Setup, now: Timestamp) -> Reply {
        if !matches!(request.method, Method::GET | Method::POST) {
            return Reply::oauth(405, "method_not_allowed", "Request method not supported");
        }
        if request.parameter("grant_type") != Some("client_credentials") {
            return Reply::oauth(400, "unsupported_grant_type", "Unsupported grant type");
        }
        match (request.parameter("client_id"), request.parameter("client_secret")) {
            (Some(id), _) if id != setup.client_id => {
                Reply::oauth(401, "unauthorized", &format!("No client with requested id: {id}"))
            }
            (Some(_), Some(secret)) if secret == setup.client_secret => {
                let (token, left) = self.current(now);
                Reply::ok(json!({
                    "access_token": token, "token_type": "bearer", "expires_in": left, "scope": "apis@example.com",
                }))
            }
            _ => Reply::oauth(401, "invalid_client", "Bad client credentials"),
        }
    }

    fn current(&mut self, now: Timestamp) -> (String, i64) {
        let second = now.as_second();
        if let Some(token) = self.0.iter().find(|token| token.expires_at > second) {
            return (token.text.clone(), token.expires_at - second);
        }
        let text = format!("{:08x}-0000-4000-8000-{second:012x}:int", self.0.len() + 1);
        self.0.push(Token { text: text.clone(), expires_at: second + LIFETIME });
        (text, LIFETIME - 1)
    }

    /// Checks the bearer token in the header.
    pub(super) fn check(&self, request: &ParsedRequest, now: Timestamp) -> Result<(), Reply> {
        let invalid = || Reply::error(401, 601, "Access token invalid");
        if request.parameter("access_token").is_some() {
            return Err(invalid());
        }
        let text = request
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(invalid)?;
        match self.0.iter().find(|token| token.text == text) {
            None => Err(invalid()),
            Some(token) if token.expires_at <= now.as_second() => {
                Err(Reply::error(401, 602, "Access token expired"))
            }
            Some(_) => Ok(()),
        }
    }

    pub(super) fn expire_all(&mut self) {
        self.0.iter_mut().for_each(|token| token.expires_at = i64::MIN);
    }
}
