//! The static files of the page, embedded in the program: one style sheet and a few scripts.

use axum::{http::StatusCode, response::Response};

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The file at a path.
pub(super) fn of(path: &str) -> Option<Response> {
    let (kind, text) = match path {
        "/assets/page.css" => ("text/css; charset=utf-8", include_str!("assets/page.css")),
        "/assets/slack.css" => ("text/css; charset=utf-8", include_str!("assets/slack.css")),
        "/assets/theme.js" => (SCRIPT, include_str!("assets/theme.js")),
        "/assets/page.js" => (SCRIPT, include_str!("assets/page.js")),
        "/assets/morph.js" => (SCRIPT, include_str!("assets/morph.js")),
        "/assets/dates.js" => (SCRIPT, include_str!("assets/dates.js")),
        "/assets/combo.js" => (SCRIPT, include_str!("assets/combo.js")),
        "/favicon.ico" => ("image/svg+xml", include_str!("assets/icon.svg")),
        _ => return None,
    };
    Some(super::with_type(StatusCode::OK, kind, text))
}
