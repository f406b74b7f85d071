//! Base URLs of services. An error never repeats a rejected URL, which may contain a password. This file does not know
//! where a URL comes from.

use url::{Host, Url};

/// Parses a base URL, which may have a path, and removes a trailing slash. The scheme must be `https`, or `http` with a
/// loopback host.
///
/// # Errors
/// What is wrong, and what was expected.
pub fn base_url(text: &str) -> Result<String, String> {
    let url = parse(text)?;
    Ok(format!("{}{}", url.origin().ascii_serialization(), url.path().trim_end_matches('/')))
}

/// Like [`base_url`], for a Marketo instance: the only allowed path is `/rest`, with which Marketo's own pages show the
/// URL. It is removed.
///
/// # Errors
/// What is wrong, and what was expected.
pub(super) fn marketo_base_url(text: &str) -> Result<String, String> {
    let url = parse(text)?;
    match url.path().trim_end_matches('/') {
        "" | "/rest" => Ok(url.origin().ascii_serialization()),
        _ => {
            Err("has a path: expected only the base URL, such as https://123-ABC-456.mktorest.com".to_owned())
        }
    }
}

fn parse(text: &str) -> Result<Url, String> {
    // `Url::parse` silently removes line breaks and tabs.
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("contains a space or a line break: expected one URL".to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("is not a URL ({error}): expected https://…"))?;
    let problem = match url.scheme() {
        "https" => None,
        "http" if is_loopback(&url) => None,
        "http" => Some("is plain http: expected https (http is accepted for loopback addresses only)"),
        _ => Some("is neither https nor http: expected https://…"),
    };
    let problem = problem
        .or((!url.username().is_empty() || url.password().is_some())
            .then_some("contains a user name or a password"))
        .or(url.query().is_some().then_some("contains a query (?…)"))
        .or(url.fragment().is_some().then_some("contains a fragment (#…)"));
    match problem {
        Some(problem) if problem.contains("expected") => Err(problem.to_owned()),
        Some(problem) => Err(format!("{problem}: expected only scheme, host, port and path")),
        None => Ok(url),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_lose_their_trailing_slash() {
        for (text, expected) in [
            ("https://slack.com/api", "https://slack.com/api"),
            ("https://slack.com/api/", "https://slack.com/api"),
            ("https://Example.com", "https://example.com"),
            ("https://example.com:8443/", "https://example.com:8443"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://127.9.9.9", "http://127.9.9.9"),
            ("http://[::1]:80/x", "http://[::1]/x"),
            ("http://localhost:3000", "http://localhost:3000"),
        ] {
            assert_eq!(base_url(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn marketo_base_url_has_no_path_but_rest() {
        for text in [
            "https://123-abc-456.mktorest.com",
            "https://123-ABC-456.mktorest.com/",
            "https://123-abc-456.mktorest.com/rest",
            "https://123-abc-456.mktorest.com/rest/",
        ] {
            assert_eq!(marketo_base_url(text).as_deref(), Ok("https://123-abc-456.mktorest.com"), "{text}");
        }
        for text in ["https://a.mktorest.com/identity", "https://a.mktorest.com/rest/v1", "https://a.b/REST"]
        {
            assert!(marketo_base_url(text).unwrap_err().starts_with("has a path"), "{text}");
        }
    }

    #[test]
    fn invalid_urls_are_rejected_and_not_repeated() {
        for (text, problem) in [
            ("example.com", "is not a URL"),
            ("", "is not a URL"),
            ("https://", "is not a URL"),
            ("ftp://example.com", "is neither https nor http"),
            ("unix:/run/bot", "is neither https nor http"),
            ("http://example.com", "is plain http"),
            ("http://10.0.0.1", "is plain http"),
            ("http://localhost.example.com", "is plain http"),
            ("http://127.0.0.1.example.com", "is plain http"),
            ("http://localhost@example.com", "is plain http"),
            ("https://user@example.com", "contains a user name"),
            ("https://user:hidden@example.com", "contains a user name"),
            ("https://:hidden@example.com", "contains a user name"),
            ("https://example.com/?a=hidden", "contains a query"),
            ("https://example.com/#a", "contains a fragment"),
            ("https://example.com/\n", "contains a space or a line break"),
            (" https://example.com", "contains a space or a line break"),
        ] {
            for error in [base_url(text).unwrap_err(), marketo_base_url(text).unwrap_err()] {
                assert!(error.starts_with(problem), "{text}: {error}");
                assert!(error.contains("expected"), "{error}");
                assert!(!error.contains("hidden"), "{error}");
            }
        }
    }
}
