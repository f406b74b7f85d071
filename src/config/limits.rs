//! The tables `[limits]` and `[http]`. It does not know how the limits are enforced.

use std::time::Duration;

use serde::Serialize;

use super::section::{Section, unexpected};

/// Limits of the HTTP server. A limit of 0, or an absent timeout, is off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// How many requests of one person are handled in a minute.
    pub per_user_per_minute: u32,
    /// How many requests of one workspace are handled in a minute.
    pub per_team_per_minute: u32,
    /// How many refused actions of one person in a minute are logged one by one.
    pub refusals_per_user_per_minute: u32,
    /// How many connections may be open at the same time.
    pub connections: u32,
    /// How many signed requests may be handled at the same time.
    pub in_flight: u32,
    /// How long receiving the head of a request may take.
    pub header_timeout: Option<Duration>,
    /// How long receiving the body of a request may take, and sending its response.
    pub body_timeout: Option<Duration>,
    /// How long a connection may be idle.
    pub idle_timeout: Option<Duration>,
}

/// How a proxy in front reports Slack's verified client certificate (mutual TLS).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientCert {
    /// The header that contains the certificate's name.
    pub header: String,
    /// The required name.
    pub name: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_user_per_minute: 3000,
            per_team_per_minute: 0,
            refusals_per_user_per_minute: 60,
            connections: 512,
            in_flight: 256,
            header_timeout: Some(Duration::from_secs(10)),
            body_timeout: Some(Duration::from_secs(10)),
            idle_timeout: Some(Duration::from_secs(75)),
        }
    }
}

impl Limits {
    /// The timeouts that are on.
    pub fn timeouts(&self) -> impl Iterator<Item = Duration> {
        [self.header_timeout, self.body_timeout, self.idle_timeout].into_iter().flatten()
    }
}

/// Reads the table `[limits]`.
pub(super) fn limits(section: &Section<'_>) -> Limits {
    let defaults = Limits::default();
    let number = |key, defaults| section.whole(key, 0..=1_000_000, defaults);
    let length = |key, defaults: Option<Duration>| section.duration_or_none(key, defaults);
    Limits {
        per_user_per_minute: number("per_user_per_minute", defaults.per_user_per_minute),
        per_team_per_minute: number("per_team_per_minute", defaults.per_team_per_minute),
        refusals_per_user_per_minute: number(
            "refusals_per_user_per_minute",
            defaults.refusals_per_user_per_minute,
        ),
        connections: number("connections", defaults.connections),
        in_flight: number("in_flight", defaults.in_flight),
        header_timeout: length("header_timeout", defaults.header_timeout),
        body_timeout: length("body_timeout", defaults.body_timeout),
        idle_timeout: length("idle_timeout", defaults.idle_timeout),
    }
}

/// Reads the table `[http]`.
pub(super) fn client_cert(section: &Section<'_>) -> Option<ClientCert> {
    let name = section.text("client_cert_name", "a name", |text| match text {
        "" => Err(unexpected(text, "the name in Slack's client certificate")),
        _ => Ok(text.to_owned()),
    });
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    const EXPECTED: &str = "the name of a header, such as \"X-SSL-Client-DN\"";
    let header = section.text("client_cert_header", EXPECTED, |text| match is_token(text) {
        true => Ok(text.to_owned()),
        false => Err(unexpected(text, EXPECTED)),
    })?;
    Some(ClientCert { header, name: name.unwrap_or_else(|| "platform-tls-client.slack.com".to_owned()) })
}
