//! The slash command. Answers that need no lookup are in the ack; all others follow in the background.

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

/// Whether a command is `help`, which is answered even before the bot knows its workspace.
pub(super) fn is_help(command: &SlashCommand<'_>) -> bool {
    SlashCommandArgs::parse(&command.text) == SlashCommandArgs::Subcommand(Subcommand::Help)
}

/// The ack that fully answers a command, if no lookup is needed. Repeats get the same answer.
pub(super) fn answer(app: &AppState, command: &SlashCommand<'_>) -> Option<Ack> {
    let name = &command.command;
    match SlashCommandArgs::parse(&command.text) {
        SlashCommandArgs::Subcommand(Subcommand::Help) => {
            let usage = app.usage().get(name, || Ack::ephemeral_bytes(&replies::usage(name, help())));
            Some(Ack::ephemeral_from_bytes("help", usage))
        }
        SlashCommandArgs::Suggestion(subcommand) => {
            let suggested = format!("{name} {}", subcommand.name());
            Some(Ack::ephemeral("near_miss", &replies::suggestion(&suggested)))
        }
        SlashCommandArgs::Unknown => Some(Ack::ephemeral("not_understood", &replies::not_understood(name))),
        SlashCommandArgs::Subcommand(_) | SlashCommandArgs::Page(..) | SlashCommandArgs::Form(_) => None,
    }
}

/// Handles a command that is answered in the background.
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
        SlashCommandArgs::Subcommand(subcommand) => background(app, context, key, (subcommand, 1)),
        SlashCommandArgs::Page(subcommand, page) => background(app, context, key, (subcommand, page)),
        SlashCommandArgs::Suggestion(_) | SlashCommandArgs::Unknown => Ack::empty("not_handled"),
    }
}

/// Answers a subcommand in the background.
fn background(
    app: &AppState,
    context: CommandContext,
    key: Option<DeliveryKey>,
    (subcommand, page): (Subcommand, usize),
) -> Ack {
    app.spawn(slash_queries::answer(app.clone(), context, key, (subcommand, page)));
    Ack::empty(subcommand.name())
}
