//! Everything that Slack sends, as one enum for every transport: forms over HTTP ([`Inbound::of_command_form`],
//! [`Inbound::of_interaction_form`]), plain JSON over a socket. Parsing is lenient: unknown and missing fields are fine, `null`
//! is the same as missing, and an empty list may stand for an empty map.
//!
//! These types must not know what is allowed. slack-morphism's inbound types are too strict to be used here: they reject
//! org-wide installs, steps without a trigger, and empty state.

mod command;
mod event;
mod form;
mod ids;
mod interaction;
mod lenient;
mod typed_text;
mod view;

pub use self::{
    command::SlashCommand,
    event::{Event, EventKind},
    form::is_ssl_check,
    ids::{ActionId, BlockId, CallbackId},
    interaction::{Action, BlockActions, BlockSuggestion, Interaction, Shortcut, ViewInteraction},
    view::{View, ViewState},
};
use self::{
    event::Envelope,
    interaction::{InteractionPayload, Kind},
    lenient::object,
};
use crate::domain::delivery::DeliveryKey;

/// A delivery from Slack. Commands are not boxed, since most are answered without an allocation.
#[derive(Debug)]
pub enum Inbound<'a> {
    /// A slash command was typed.
    SlashCommand(SlashCommand<'a>),
    /// Buttons were clicked, or inputs that dispatch an action were changed.
    BlockActions(Box<BlockActions>),
    /// A modal was submitted.
    ViewSubmission(Box<ViewInteraction>),
    /// A modal was closed.
    ViewClosed(Box<ViewInteraction>),
    /// A user typed into an external select.
    BlockSuggestion(Box<BlockSuggestion>),
    /// A global shortcut was used.
    GlobalShortcut(Box<Shortcut>),
    /// A message shortcut was used.
    MessageShortcut(Box<Shortcut>),
    /// An interaction of an unknown kind.
    UnknownInteraction(Box<Interaction>),
    /// An event of the Events API.
    Event(Box<Event>),
    /// Slack verifies the request URL for events.
    UrlVerification {
        /// The value to send back.
        challenge: String,
    },
    /// Slack checks the TLS certificate of the request URL for commands.
    SslCheck,
}

/// The workspace and app that sent a delivery. An empty string is a missing id.
#[derive(Clone, Copy, Debug)]
pub struct Tenant<'a> {
    /// The app.
    pub app_id: &'a str,
    /// The workspaces, the most relevant first.
    pub team_ids: [&'a str; 4],
    /// The organization.
    pub enterprise_id: &'a str,
}

impl<'a> Tenant<'a> {
    /// The most relevant workspace.
    pub fn team_id(&self) -> Option<&'a str> {
        self.team_ids.into_iter().find(|id| !id.is_empty())
    }
}

impl<'a> Inbound<'a> {
    /// Parses the form of a slash command or an `ssl_check`.
    pub fn of_command_form(form: &'a [u8]) -> Option<Self> {
        let command = SlashCommand::of_form(form)?;
        if command.is_complete() {
            return Some(Self::SlashCommand(command));
        }
        is_ssl_check(form).then_some(Self::SslCheck)
    }

    /// Parses a slash command from JSON.
    pub fn of_command(json: &'a [u8]) -> Option<Self> {
        let command = SlashCommand::of_json(json).filter(SlashCommand::is_complete)?;
        Some(Self::SlashCommand(command))
    }

    /// The conversation; empty if there is none.
    pub fn channel_id(&self) -> &str {
        match self {
            Self::SlashCommand(command) => &command.channel_id,
            _ => self.interaction().map_or("", |interaction| interaction.channel.as_str()),
        }
    }

    /// The user who acted; empty if there is none.
    pub fn user_id(&self) -> &str {
        match self {
            Self::SlashCommand(command) => &command.user_id,
            _ => self.interaction().map_or("", |interaction| interaction.user.as_str()),
        }
    }

    /// Opens one modal within 3 s; empty if there is none.
    pub fn trigger_id(&self) -> &str {
        match self {
            Self::SlashCommand(command) => &command.trigger_id,
            _ => self.interaction().map_or("", |interaction| &interaction.trigger_id),
        }
    }

    /// Accepts answers for 30 minutes; empty if there is none.
    pub fn response_url(&self) -> &str {
        match self {
            Self::SlashCommand(command) => &command.response_url,
            _ => self.interaction().map_or("", |interaction| &interaction.response_url),
        }
    }

    /// The workspace and app that sent it; `None` for checks of the request URL.
    pub fn tenant(&self) -> Option<Tenant<'_>> {
        match self {
            Self::SlashCommand(command) => Some(Tenant {
                app_id: &command.api_app_id,
                team_ids: [&command.team_id, "", "", ""],
                enterprise_id: &command.enterprise_id,
            }),
            Self::Event(event) => Some(Tenant {
                app_id: &event.app_id,
                team_ids: [&event.team_id, "", "", ""],
                enterprise_id: &event.enterprise_id,
            }),
            Self::UrlVerification { .. } | Self::SslCheck => None,
            _ => self.interaction().map(|interaction| Tenant {
                app_id: &interaction.app_id,
                team_ids: interaction.team_ids.each_ref().map(String::as_str),
                enterprise_id: &interaction.enterprise_id,
            }),
        }
    }

    /// The common fields, if it is an interaction.
    pub fn interaction(&self) -> Option<&Interaction> {
        match self {
            Self::BlockActions(actions) => Some(&actions.interaction),
            Self::ViewSubmission(view) | Self::ViewClosed(view) => Some(&view.interaction),
            Self::BlockSuggestion(suggestion) => Some(&suggestion.interaction),
            Self::GlobalShortcut(shortcut) | Self::MessageShortcut(shortcut) => Some(&shortcut.interaction),
            Self::UnknownInteraction(interaction) => Some(interaction),
            Self::SlashCommand(_) | Self::Event(_) | Self::UrlVerification { .. } | Self::SslCheck => None,
        }
    }

    /// The kind, for logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::SlashCommand(_) => "slash_command",
            Self::BlockActions(_) => "block_actions",
            Self::ViewSubmission(_) => "view_submission",
            Self::ViewClosed(_) => "view_closed",
            Self::BlockSuggestion(_) => "block_suggestion",
            Self::GlobalShortcut(_) => "shortcut",
            Self::MessageShortcut(_) => "message_action",
            Self::UnknownInteraction(_) => "unknown",
            Self::Event(_) => "event",
            Self::UrlVerification { .. } => "url_verification",
            Self::SslCheck => "ssl_check",
        }
    }

    /// The key that identifies this delivery; `None` if it has no id, or if it has no effect that a repeat could duplicate.
    pub fn delivery_key(&self) -> Option<DeliveryKey> {
        match self {
            Self::SlashCommand(command) if !command.trigger_id.is_empty() => {
                Some(DeliveryKey::Command { trigger_id: command.trigger_id.clone().into_owned() })
            }
            Self::BlockActions(actions) => actions.delivery_key(),
            Self::ViewSubmission(view) => Some(view.submission_key()),
            Self::Event(event) if !event.id.is_empty() => {
                Some(DeliveryKey::Event { event_id: event.id.clone() })
            }
            _ => None,
        }
    }
}

impl Inbound<'static> {
    /// Parses the form of an interaction.
    pub fn of_interaction_form(form: &[u8]) -> Option<Self> {
        Self::of_interaction(form::payload(form)?.as_bytes())
    }

    /// Parses an interaction from JSON.
    pub fn of_interaction(json: &[u8]) -> Option<Self> {
        Some(match object::<InteractionPayload>(json)?.into() {
            Kind::BlockActions(actions) => Self::BlockActions(Box::new(actions)),
            Kind::ViewSubmission(view) => Self::ViewSubmission(Box::new(view)),
            Kind::ViewClosed(view) => Self::ViewClosed(Box::new(view)),
            Kind::BlockSuggestion(suggestion) => Self::BlockSuggestion(Box::new(suggestion)),
            Kind::GlobalShortcut(shortcut) => Self::GlobalShortcut(Box::new(shortcut)),
            Kind::MessageShortcut(shortcut) => Self::MessageShortcut(Box::new(shortcut)),
            Kind::Unknown(interaction) => Self::UnknownInteraction(Box::new(interaction)),
        })
    }

    /// Parses an event with its envelope, or a URL verification, from JSON.
    pub fn of_event(json: &[u8]) -> Option<Self> {
        let envelope: Envelope = object(json)?;
        Some(if envelope.kind == "url_verification" {
            Self::UrlVerification { challenge: envelope.challenge }
        } else {
            Self::Event(Box::new(envelope.into()))
        })
    }
}

#[cfg(test)]
mod tests;
