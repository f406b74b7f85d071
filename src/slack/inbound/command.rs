//! A slash command: <https://docs.slack.dev/interactivity/implementing-slash-commands>. Parsed without
//! copying values that need no decoding, since most commands are answered at once.

use std::borrow::Cow;

use serde::Deserialize;

use super::{
    form,
    lenient::{lenient_text, object},
    typed_text,
};

/// A slash command. An empty string is a missing field.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SlashCommand<'a> {
    /// The workspace where it was typed.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub team_id: Cow<'a, str>,
    /// The Enterprise Grid organization, if any.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub enterprise_id: Cow<'a, str>,
    /// The conversation where it was typed.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub channel_id: Cow<'a, str>,
    /// The user who typed it.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub user_id: Cow<'a, str>,
    /// The command with its slash.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub command: Cow<'a, str>,
    /// The text after the command, as the person meant it: without Slack's entities and links.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub text: Cow<'a, str>,
    /// Accepts answers for 30 minutes.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub response_url: Cow<'a, str>,
    /// Opens one modal within 3 s.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub trigger_id: Cow<'a, str>,
    /// The app that the command belongs to.
    #[serde(borrow, deserialize_with = "lenient_text")]
    pub api_app_id: Cow<'a, str>,
}

impl<'a> SlashCommand<'a> {
    /// Parses the form. A duplicate field is an error, since either value could be meant.
    pub(super) fn of_form(form: &'a [u8]) -> Option<Self> {
        form::parse(form).map(Self::decoded)
    }

    /// Parses the same fields from a JSON object.
    pub(super) fn of_json(json: &'a [u8]) -> Option<Self> {
        object(json).map(Self::decoded)
    }

    fn decoded(self) -> Self {
        Self { text: typed_text::decode(self.text), ..self }
    }

    /// Whether it has a user and a command.
    pub(super) fn is_complete(&self) -> bool {
        !self.command.is_empty() && !self.user_id.is_empty()
    }
}
