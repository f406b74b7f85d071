//! What a proxy in front says of the client's certificate. Slack can show one (mutual TLS); a proxy that has checked
//! it passes its name on in a header. It is a hint besides the signature, never in place of it, and worth as much as
//! the proxy's care to drop the header where it comes from outside.

use axum::http::{HeaderMap, HeaderName};

/// The name that is expected, and the header in which it stands.
#[derive(Clone, Debug)]
pub(super) struct ExpectedClientCert {
    header: HeaderName,
    name: String,
}

impl ExpectedClientCert {
    /// Nothing for a header that cannot be.
    pub(super) fn new(header: &str, name: &str) -> Option<Self> {
        Some(Self { header: HeaderName::from_bytes(header.as_bytes()).ok()?, name: name.to_owned() })
    }

    /// Whether exactly one header is there and names it: alone, or as the one common name of a distinguished name in
    /// the form of RFC 2253 (`CN=…,O=…`).
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(&self.header).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Ok(value) = value.to_str() else { return false };
        value == self.name || common_name(value) == Some(self.name.as_str())
    }
}

/// The one common name of a distinguished name. One with quotes, or in another form, is not taken apart.
fn common_name(text: &str) -> Option<&str> {
    if text.starts_with('/') || text.contains('"') {
        return None;
    }
    let mut is_escaped = false;
    let parts = text.split(|c| {
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
    fn only_the_one_common_name_is_accepted() {
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
            assert_eq!(expected.is_in(&headers), is_good, "{value}");
            headers.append("x-ssl-client-dn", value.parse().unwrap());
            assert!(!expected.is_in(&headers), "twice: {value}");
        }
        assert!(!expected.is_in(&HeaderMap::new()));
        assert!(ExpectedClientCert::new("not a header", "x").is_none());
    }
}
