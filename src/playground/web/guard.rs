//! Which requests the page accepts: those of browsers on this machine that come from the page itself. This file must not
//! know what a request asks for.

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::Response,
};

/// Allows only the page's own files.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The host names of the page.
#[derive(Debug)]
pub(super) struct Guard {
    hosts: Vec<String>,
}

impl Guard {
    pub(super) fn of(port: u16) -> Self {
        Self { hosts: ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}")).to_vec() }
    }

    /// Refuses other host names, which protects from DNS rebinding, and actions that another site sends.
    pub(super) fn check(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        let host = header_text(headers, header::HOST.as_str());
        let Some(host) = host.filter(|host| self.hosts.iter().any(|own| own == host)) else {
            let text = "This page is served on this machine only, at the address that was printed.\n";
            return Some(super::text(StatusCode::MISDIRECTED_REQUEST, text));
        };
        if matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let is_own = match header_text(headers, header::ORIGIN.as_str()) {
            Some(origin) => origin.strip_prefix("http://") == Some(host),
            None => header_text(headers, "sec-fetch-site") == Some("same-origin"),
        };
        (!is_own).then(|| super::text(StatusCode::FORBIDDEN, "The request did not come from the page.\n"))
    }
}

/// Whether the browser says that another site linked here.
pub(super) fn is_cross_site(headers: &HeaderMap) -> bool {
    matches!(header_text(headers, "sec-fetch-site"), Some("cross-site" | "same-site"))
}

pub(super) fn harden(headers: &mut HeaderMap) {
    for (name, value) in [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        // Without a referrer for the page itself, a form that no script sends would have no origin either.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
