//! What the edge takes: `[limits]` and `[http]`. It knows nothing of how the limits are kept.

use std::time::Duration;

use serde::Serialize;

use super::section::{Section, unexpected};

/// How much the edge takes at once, and how long it waits. What is turned off is 0 or absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// How many requests of one person are carried out in a minute.
    pub per_user_per_minute: u32,
    /// How many requests of one workspace are carried out in a minute.
    pub per_team_per_minute: u32,
    /// How many connections are open at the same time.
    pub connections: u32,
    /// How many signed requests are in hand at the same time.
    pub in_flight: u32,
    /// How long the head of a request may take.
    pub header_timeout: Option<Duration>,
    /// How long the body of a request may take, and its answer until it is taken.
    pub body_timeout: Option<Duration>,
    /// How long a connection may be open with nothing on it.
    pub idle_timeout: Option<Duration>,
}

/// What a proxy in front says of Slack's client certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientCert {
    /// The header in which it says it.
    pub header: String,
    /// The name that it must say.
    pub name: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_user_per_minute: 3000,
            per_team_per_minute: 0,
            connections: 512,
            in_flight: 256,
            header_timeout: Some(Duration::from_secs(10)),
            body_timeout: Some(Duration::from_secs(10)),
            idle_timeout: Some(Duration::from_secs(75)),
        }
    }
}

impl Limits {
    /// Those of its durations that are not turned off.
    pub fn timeouts(&self) -> impl Iterator<Item = Duration> {
        [self.header_timeout, self.body_timeout, self.idle_timeout].into_iter().flatten()
    }
}

/// The table `[limits]`.
pub(super) fn limits(section: &Section<'_>) -> Limits {
    let usual = Limits::default();
    let number = |key, usual| section.whole(key, 0..=1_000_000, usual);
    let length = |key, usual: Option<Duration>| section.duration_or_none(key, usual);
    Limits {
        per_user_per_minute: number("per_user_per_minute", usual.per_user_per_minute),
        per_team_per_minute: number("per_team_per_minute", usual.per_team_per_minute),
        connections: number("connections", usual.connections),
        in_flight: number("in_flight", usual.in_flight),
        header_timeout: length("header_timeout", usual.header_timeout),
        body_timeout: length("body_timeout", usual.body_timeout),
        idle_timeout: length("idle_timeout", usual.idle_timeout),
    }
}

/// The table `[http]`.
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
