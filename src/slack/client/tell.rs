//! Delivers a message to one person by the first way that works: an ephemeral message, a `response_url`, a direct message.
//! It does not know what the message says.

use super::Client;
use crate::{
    domain::people::{ChannelId, UserId},
    slack::{error::Error, messages::Message},
};

impl Client {
    /// Tells `user` in `channel`. If that fails, by `response_url`, which needs neither a good token nor a scope nor
    /// membership; else by a direct message. An ephemeral message without a response may have been shown: better twice
    /// than never. Best effort, logged.
    pub async fn tell(&self, channel: &ChannelId, user: &UserId, response_url: &str, message: &Message) {
        let Err(error) = self.tell_in_turn(channel, user, response_url, message).await else { return };
        tracing::warn!(%channel, %error, "nobody could be told");
    }

    async fn tell_in_turn(
        &self,
        channel: &ChannelId,
        user: &UserId,
        response_url: &str,
        message: &Message,
    ) -> Result<(), Error> {
        let Err(error) = self.post_ephemeral(channel, user, message).await else { return Ok(()) };
        if !response_url.is_empty() && self.respond(response_url, message).await.is_ok() {
            return Ok(());
        }
        let direct = self.open_dm(user).await.map_err(|_| error)?;
        self.post_once(&direct, message).await
    }
}
