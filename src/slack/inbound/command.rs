//! A slash command: <https://docs.slack.dev/interactivity/implementing-slash-commands>. Read without copying what needs no
//! decoding, since most commands are answered on the spot.

use std::borrow::Cow;

use serde::Deserialize;

use super::lenient::{lenient_text, object};

/// A slash command. Empty text stands for a missing field.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SlashCommand<'a> {
    /// The workspace in which it was typed.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub team_id: Cow<'a, str>,
    /// The organization, where there is one.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub enterprise_id: Cow<'a, str>,
    /// The conversation in which it was typed.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub channel_id: Cow<'a, str>,
    /// Who typed it.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub user_id: Cow<'a, str>,
    /// The command with its slash.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub command: Cow<'a, str>,
    /// What was typed after it.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub text: Cow<'a, str>,
    /// Where an answer may be posted for 30 minutes.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub response_url: Cow<'a, str>,
    /// With this a modal can be opened, once, within 3 s.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub trigger_id: Cow<'a, str>,
    /// The app that the command belongs to.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub api_app_id: Cow<'a, str>,
}

impl<'a> SlashCommand<'a> {
    /// Reads the form; a field that comes twice makes it unreadable, since nobody could say which one counts.
    pub(super) fn of_form(form: &'a [u8]) -> Option<Self> {
        serde_urlencoded::from_bytes(form).ok()
    }

    /// Reads the same fields from a JSON object.
    pub(super) fn of_json(json: &'a [u8]) -> Option<Self> {
        object(json)
    }

    /// Whether it says who typed what.
    pub(super) fn is_complete(&self) -> bool {
        !self.command.is_empty() && !self.user_id.is_empty()
    }
}
