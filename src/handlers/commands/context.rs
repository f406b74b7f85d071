//! What a background task needs to answer a slash command. It must not know the subcommands.

use crate::{
    domain::people::{ChannelId, UserId},
    slack::inbound::SlashCommand,
};

/// Who typed a command, where, and how to answer.
pub(super) struct CommandContext {
    pub(super) command: String,
    pub(super) user: UserId,
    pub(super) channel: ChannelId,
    pub(super) trigger_id: String,
    pub(super) response_url: String,
}

impl CommandContext {
    pub(super) fn of(command: &SlashCommand<'_>) -> Self {
        Self {
            command: command.command.clone().into_owned(),
            user: command.user_id.as_ref().into(),
            channel: command.channel_id.as_ref().into(),
            trigger_id: command.trigger_id.clone().into_owned(),
            response_url: command.response_url.clone().into_owned(),
        }
    }
}
