//! Everything that Slack sends, as one enum, whichever way it comes: over HTTP in a form ([`Inbound::of_command_form`],
//! [`Inbound::of_interaction_form`]), over a socket as bare JSON. Read tolerantly: unknown and missing fields are no fault,
//! `null` is the same as missing, and an empty list may stand for an empty map.
//!
//! These types say what came, not whether it may; slack-morphism's own inbound types refuse too much
//! (org-wide installs, steps without a trigger, empty state) to be used here.

mod command;
mod event;
mod form;
mod ids;
mod interaction;
mod lenient;
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

/// Something that Slack sent. Commands are not boxed: they are answered on the spot, without an allocation.
#[derive(Debug)]
pub enum Inbound<'a> {
    /// A slash command was typed.
    SlashCommand(SlashCommand<'a>),
    /// Buttons were clicked, or inputs changed that tell at once.
    BlockActions(Box<BlockActions>),
    /// A modal was submitted.
    ViewSubmission(Box<ViewInteraction>),
    /// A modal was closed.
    ViewClosed(Box<ViewInteraction>),
    /// Something was typed into a select whose options the bot gives.
    BlockSuggestion(Box<BlockSuggestion>),
    /// A shortcut was picked anywhere.
    GlobalShortcut(Box<Shortcut>),
    /// A shortcut was picked from the menu of a message.
    MessageShortcut(Box<Shortcut>),
    /// An interaction of a kind that is not known here.
    UnknownInteraction(Box<Interaction>),
    /// An event of the Events API.
    Event(Box<Event>),
    /// Slack asks whether the bot is behind the address for events.
    UrlVerification {
        /// What it wants back.
        challenge: String,
    },
    /// Slack asks whether the address for commands has a good certificate.
    SslCheck,
}

/// Which workspace and app something comes from. Empty text stands for what Slack does not say.
#[derive(Clone, Copy, Debug)]
pub struct Tenant<'a> {
    /// The app.
    pub app_id: &'a str,
    /// The workspaces, the one that counts most first.
    pub team_ids: [&'a str; 4],
    /// The organization.
    pub enterprise_id: &'a str,
}

impl<'a> Tenant<'a> {
    /// The workspace that counts.
    pub fn team_id(&self) -> Option<&'a str> {
        self.team_ids.into_iter().find(|id| !id.is_empty())
    }
}

impl<'a> Inbound<'a> {
    /// Reads the form of a slash command, or of a check of the certificate.
    pub fn of_command_form(form: &'a [u8]) -> Option<Self> {
        let command = SlashCommand::of_form(form)?;
        if command.is_complete() {
            return Some(Self::SlashCommand(command));
        }
        is_ssl_check(form).then_some(Self::SslCheck)
    }

    /// Reads a slash command as JSON.
    pub fn of_command(json: &'a [u8]) -> Option<Self> {
        let command = SlashCommand::of_json(json).filter(SlashCommand::is_complete)?;
        Some(Self::SlashCommand(command))
    }

    /// The conversation in which it happened; empty where there is none.
    pub fn channel_id(&self) -> &str {
        match self {
            Self::SlashCommand(command) => &command.channel_id,
            _ => self.interaction().map_or("", |interaction| interaction.channel.as_str()),
        }
    }

    /// Who acted; empty where nobody did.
    pub fn user_id(&self) -> &str {
        match self {
            Self::SlashCommand(command) => &command.user_id,
            _ => self.interaction().map_or("", |interaction| interaction.user.as_str()),
        }
    }

    /// With this a modal can be opened, once, within 3 s; empty where there is none.
    pub fn trigger_id(&self) -> &str {
        match self {
            Self::SlashCommand(command) => &command.trigger_id,
            _ => self.interaction().map_or("", |interaction| &interaction.trigger_id),
        }
    }

    /// Where an answer may be posted for 30 minutes; empty where nowhere.
    pub fn response_url(&self) -> &str {
        match self {
            Self::SlashCommand(command) => &command.response_url,
            _ => self.interaction().map_or("", |interaction| &interaction.response_url),
        }
    }

    /// Which workspace and app it comes from; absent where that does not matter.
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

    /// What every interaction says, if it is one.
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

    /// What tells this delivery from every other; absent where nothing does, or nothing comes of it.
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
    /// Reads the form in which an interaction comes.
    pub fn of_interaction_form(form: &[u8]) -> Option<Self> {
        Self::of_interaction(form::payload(form)?.as_bytes())
    }

    /// Reads an interaction as JSON.
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

    /// Reads an event with its envelope, or a check of the address, as JSON.
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
