//! Responses in Marketo's formats.

use axum::{
    body::Body,
    http::{Response, StatusCode, header},
};
use serde_json::{Value, json};

const SIGN_IN_PAGE: &str = "<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>";

/// A response.
#[derive(Debug)]
pub(super) struct Reply {
    /// HTTP status.
    pub(super) status: u16,
    /// JSON body; `None` sends an HTML page.
    pub(super) body: Option<Value>,
    /// Seconds in `Retry-After`.
    pub(super) retry_after: Option<u32>,
}

impl Reply {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body), retry_after: None }
    }

    /// An error in the User Management API's format.
    pub(super) fn error(status: u16, code: i64, message: &str) -> Self {
        let body = json!({ "errors": [{ "code": code, "message": message }] });
        Self { status, body: Some(body), retry_after: None }
    }

    /// An error in the identity endpoint's format.
    pub(super) fn oauth(status: u16, error: &str, description: &str) -> Self {
        let body = json!({ "error": error, "error_description": description });
        Self { status, body: Some(body), retry_after: None }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let (kind, body) = match self.body {
            Some(json) => ("application/json;charset=UTF-8", Body::from(json.to_string())),
            None => ("text/html", Body::from(SIGN_IN_PAGE)),
        };
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
