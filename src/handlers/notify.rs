//! Messages to one user, besides the ack.

use super::dependencies::AppState;
use crate::{
    domain::people::{ChannelId, UserId},
    slack::{error::Class, messages::Message},
};

impl AppState {
    /// Posts an ephemeral message in the background. If that fails for whatever reason, the person is told by `response_url`,
    /// which needs neither a good token nor a scope nor membership; else by a direct message.
    pub(super) fn post_ephemeral(
        &self,
        channel: &ChannelId,
        user: &UserId,
        response_url: &str,
        message: Message,
    ) {
        let (app, channel, user) = (self.clone(), channel.clone(), user.clone());
        let response_url = response_url.to_owned();
        self.spawn(async move { app.slack.tell(&channel, &user, &response_url, &message).await });
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
