//! Slack's client certificate (mutual TLS), as reported by a proxy in front. The proxy verifies it and passes its name on in
//! a header. This check adds to the signature and never replaces it. It is only as good as the proxy: it must drop the header
//! from requests that come from outside.

use axum::http::{HeaderMap, HeaderName};

/// The expected name, and the header that reports it.
#[derive(Clone, Debug)]
pub(super) struct ExpectedClientCert {
    header: HeaderName,
    name: String,
}

impl ExpectedClientCert {
    /// `None` if `header` is not a valid header name.
    pub(super) fn new(header: &str, name: &str) -> Option<Self> {
        Some(Self { header: HeaderName::from_bytes(header.as_bytes()).ok()?, name: name.to_owned() })
    }

    /// Whether there is exactly one such header and its value is the name, or an RFC 2253 distinguished name (`CN=…,O=…`)
    /// with the name as its only common name.
    pub(super) fn is_reported(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(&self.header).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Ok(value) = value.to_str() else { return false };
        value == self.name || common_name(value) == Some(self.name.as_str())
    }
}

/// The only common name of a distinguished name. Quoted values and other formats are not supported.
fn common_name(distinguished_name: &str) -> Option<&str> {
    if distinguished_name.starts_with('/') || distinguished_name.contains('"') {
        return None;
    }
    let mut is_escaped = false;
    let parts = distinguished_name.split(|c| {
        let ends = !is_escaped && matches!(c, ',' | ';' | '+');
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    let mut names = parts.filter_map(|part| {
        let (kind, value) = part.split_once('=')?;
        kind.trim().eq_ignore_ascii_case("CN").then(|| value.trim())
    });
    let name = names.next()?;
    names.next().is_none().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_single_matching_common_name_is_accepted() {
        let expected = ExpectedClientCert::new("X-SSL-Client-DN", "platform-tls-client.slack.com").unwrap();
        for (value, is_good) in [
            ("platform-tls-client.slack.com", true),
            ("CN=platform-tls-client.slack.com", true),
            ("CN=platform-tls-client.slack.com,O=Slack Technologies\\, Inc.", true),
            ("CN=platform-tls-client.slack.com,O=Slack Technologies,L=San Francisco,C=US", true),
            ("O=Slack Technologies, cn = platform-tls-client.slack.com", true),
            ("", false),
            ("CN=", false),
            ("CN=evil.example.com", false),
            ("CN=platform-tls-client.slack.com.evil.example.com", false),
            ("OU=platform-tls-client.slack.com", false),
            ("CN=evil.example.com,CN=platform-tls-client.slack.com", false),
            ("O=\"x,CN=platform-tls-client.slack.com\",CN=evil.example.com", false),
            ("O=x\\,CN=platform-tls-client.slack.com", false),
            ("O=x\\\\,CN=platform-tls-client.slack.com", true),
            ("/O=x/CN=platform-tls-client.slack.com", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.append("x-ssl-client-dn", value.parse().unwrap());
            assert_eq!(expected.is_reported(&headers), is_good, "{value}");
            headers.append("x-ssl-client-dn", value.parse().unwrap());
            assert!(!expected.is_reported(&headers), "twice: {value}");
        }
        assert!(!expected.is_reported(&HeaderMap::new()));
        assert!(ExpectedClientCert::new("not a header", "x").is_none());
    }
}
