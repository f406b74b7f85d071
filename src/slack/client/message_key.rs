//! What identifies a message of the bot, in its metadata and while it waits.

use serde::{Deserialize, Serialize};

use crate::domain::people::RequestId;

/// Identifies a message of the bot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MessageKey {
    /// The request.
    pub request: RequestId,
    /// The name of the message among those of the request.
    #[serde(rename = "part")]
    pub name: String,
}
