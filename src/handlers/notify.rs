//! Messages to one user, besides the ack.

use super::dependencies::AppState;
use crate::{
    domain::people::{ChannelId, UserId},
    slack::{error::Class, messages::Message},
};

impl AppState {
    /// Posts an ephemeral message in the background, best effort. Falls back to `response_url` if Slack refuses, as it does
    /// if the bot is not in the channel.
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
                tracing::warn!(%channel, %error, "ephemeral message not posted");
            }
        });
    }

    /// Answers a command through its `response_url`, which works in every conversation. Falls back to
    /// [`AppState::post_ephemeral`].
    pub(super) async fn respond(
        &self,
        channel: &ChannelId,
        user: &UserId,
        response_url: &str,
        message: &Message,
    ) {
        match self.slack.respond(response_url, message).await {
            Ok(()) => {}
            // The message may have been posted.
            Err(error) if error.class == Class::Unknown => {
                tracing::warn!(%channel, %error, "answer to a command may be lost");
            }
            Err(error) => {
                tracing::info!(%channel, %error, "response_url failed");
                self.post_ephemeral(channel, user, "", message.clone());
            }
        }
    }
}
