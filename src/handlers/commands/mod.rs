//! The slash command. What can be said at once is said in the ack; everything else follows in the background.

mod args;
mod context;
mod request_form;
mod slash_queries;

use self::{
    args::{SlashCommandArgs, Subcommand, help},
    context::CommandContext,
};
use super::{ack::Ack, delivery::Delivery, dependencies::AppState};
use crate::{
    domain::delivery::DeliveryKey,
    slack::{inbound::SlashCommand, replies},
};

/// Whether a command is answered before the bot knows its workspace.
pub(super) fn is_help(command: &SlashCommand<'_>) -> bool {
    SlashCommandArgs::parse(&command.text) == SlashCommandArgs::Subcommand(Subcommand::Help)
}

/// The ack to a command that says all there is to say, from memory; it is the same however often it is asked for.
pub(super) fn answer(app: &AppState, command: &SlashCommand<'_>) -> Option<Ack> {
    let name = &command.command;
    match SlashCommandArgs::parse(&command.text) {
        SlashCommandArgs::Subcommand(Subcommand::Help) => {
            let usage = app.usage().get(name, || Ack::ephemeral_bytes(&replies::usage(name, help())));
            Some(Ack::prepared("help", usage))
        }
        SlashCommandArgs::Suggestion(subcommand) => {
            let line = format!("{name} {}", subcommand.name());
            Some(Ack::ephemeral("near_miss", &replies::suggestion(&line)))
        }
        SlashCommandArgs::Unknown => Some(Ack::ephemeral("not_understood", &replies::not_understood(name))),
        SlashCommandArgs::Subcommand(_) | SlashCommandArgs::Form(_) => None,
    }
}

/// Takes a command that is answered in the background.
pub(super) fn handle(
    app: &AppState,
    command: &SlashCommand<'_>,
    key: Option<DeliveryKey>,
    delivery: Delivery,
) -> Ack {
    if delivery == Delivery::Repeated {
        return Ack::empty("repeated");
    }
    let context = CommandContext::of(command);
    match SlashCommandArgs::parse(&command.text) {
        SlashCommandArgs::Form(email) => {
            app.instances.request_refresh();
            app.spawn(request_form::open(app.clone(), context, key, email.to_owned()));
            Ack::empty("form")
        }
        SlashCommandArgs::Subcommand(subcommand) => {
            app.spawn(slash_queries::answer(app.clone(), context, key, subcommand));
            Ack::empty(subcommand.name())
        }
        SlashCommandArgs::Suggestion(_) | SlashCommandArgs::Unknown => Ack::empty("not_handled"),
    }
}
