//! Telling one person something that nobody else sees, besides the ack.

use super::dependencies::AppState;
use crate::{
    domain::people::{ChannelId, UserId},
    slack::{error::Class, messages::Message},
};

impl AppState {
    /// Posts an ephemeral message. Best effort, in the background; where the bot is no member of the channel, to the
    /// address that came with the delivery.
    pub(super) fn post_ephemeral(
        &self,
        channel: &ChannelId,
        user: &UserId,
        response_url: &str,
        message: Message,
    ) {
        let (app, channel, user) = (self.clone(), channel.clone(), user.clone());
        let response_url = response_url.to_owned();
        self.spawn(async move {
            let Err(error) = app.slack.post_ephemeral(&channel, &user, &message).await else { return };
            let posted = match error.class {
                Class::Refused if !response_url.is_empty() => {
                    app.slack.respond(&response_url, &message).await
                }
                _ => Err(error),
            };
            if let Err(error) = posted {
                tracing::warn!(%channel, %error, "an ephemeral message was not posted");
            }
        });
    }

    /// Answers a command by the address that came with it, which works wherever the command was typed; where it does not
    /// work, as [`AppState::post_ephemeral`].
    pub(super) async fn respond(
        &self,
        channel: &ChannelId,
        user: &UserId,
        response_url: &str,
        message: &Message,
    ) {
        match self.slack.respond(response_url, message).await {
            Ok(()) => {}
            // After no answer the message may be there.
            Err(error) if error.class == Class::Unknown => {
                tracing::warn!(%channel, %error, "a command may not have been answered");
            }
            Err(error) => {
                tracing::info!(%channel, %error, "the response_url of a command does not work");
                self.post_ephemeral(channel, user, "", message.clone());
            }
        }
    }
}
