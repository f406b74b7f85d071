//! Events of the Events API with their envelope: <https://docs.slack.dev/apis/events-api>.

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
    /// The Enterprise Grid organization, if any.
    pub enterprise_id: String,
    /// Slack's `event_id`, the same for every retry.
    pub id: String,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The members or the name of a user group changed (`subteam_updated`, `subteam_members_changed`).
    GroupChanged(GroupId),
    /// The app was removed from the workspace.
    AppUninstalled,
    /// Tokens were revoked.
    TokensRevoked {
        /// Whether the bot token is among them.
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
    /// The value that `url_verification` expects back.
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
    /// The user group: an object in some events, an id in others.
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
