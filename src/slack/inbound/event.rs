//! An event of the Events API with its envelope: <https://docs.slack.dev/apis/events-api>.

use serde::Deserialize;

use super::lenient::{Identified, lenient};
use crate::domain::people::GroupId;

/// An event.
#[derive(Debug, Default)]
pub struct Event {
    /// The app.
    pub app_id: String,
    /// The workspace; empty for org-wide installs.
    pub team_id: String,
    /// The organization, where there is one.
    pub enterprise_id: String,
    /// What tells it from every other event, however often it is delivered.
    pub id: String,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A user group has other members, or another name (`subteam_updated`, `subteam_members_changed`).
    GroupChanged(GroupId),
    /// The app was removed from the workspace.
    AppUninstalled,
    /// Tokens were revoked.
    TokensRevoked {
        /// Whether the bot's is among them.
        has_bot: bool,
    },
    /// Anything else, by its type.
    Other(String),
}

impl Default for EventKind {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

/// The envelope on the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Envelope {
    /// `event_callback`, `url_verification`, …
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub(super) kind: String,
    /// What `url_verification` wants back.
    #[serde(deserialize_with = "lenient")]
    pub(super) challenge: String,
    #[serde(deserialize_with = "lenient")]
    team_id: String,
    #[serde(deserialize_with = "lenient")]
    enterprise_id: String,
    #[serde(deserialize_with = "lenient")]
    api_app_id: String,
    #[serde(deserialize_with = "lenient")]
    event_id: String,
    #[serde(deserialize_with = "lenient")]
    event: EventPayload,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EventPayload {
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: String,
    /// The user group, in events about one: an object in some, an id in others.
    #[serde(deserialize_with = "lenient")]
    subteam: Identified,
    /// The user group's id, in `subteam_members_changed`.
    #[serde(deserialize_with = "lenient")]
    subteam_id: String,
    #[serde(deserialize_with = "lenient")]
    tokens: RevokedTokens,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RevokedTokens {
    #[serde(deserialize_with = "lenient")]
    bot: Vec<String>,
}

impl From<Envelope> for Event {
    fn from(envelope: Envelope) -> Self {
        let EventPayload { kind, subteam, subteam_id, tokens } = envelope.event;
        let kind = match kind.as_str() {
            "subteam_updated" | "subteam_members_changed" => {
                EventKind::GroupChanged(GroupId(if subteam_id.is_empty() { subteam.id } else { subteam_id }))
            }
            "app_uninstalled" => EventKind::AppUninstalled,
            "tokens_revoked" => EventKind::TokensRevoked { has_bot: !tokens.bot.is_empty() },
            _ => EventKind::Other(kind),
        };
        Self {
            app_id: envelope.api_app_id,
            team_id: envelope.team_id,
            enterprise_id: envelope.enterprise_id,
            id: envelope.event_id,
            kind,
        }
    }
}
