//! The ack to a rate-limited delivery. The limits themselves belong to the transport.

use super::{ack::Ack, dependencies::AppState};
use crate::{
    domain::form::Field,
    slack::{
        form_errors,
        inbound::{BlockId, Inbound, ViewInteraction},
        replies,
    },
};

const LIMITED: &str = "limited";

/// Whether rate limits apply to this kind of delivery: to everything that a user starts.
pub fn is_rate_limited(inbound: &Inbound<'_>) -> bool {
    matches!(inbound, Inbound::SlashCommand(_) | Inbound::BlockActions(_) | Inbound::ViewSubmission(_))
}

/// The ack to a delivery over the rate limit. A form stays open with an error. A click gets no success status, and the
/// user gets an ephemeral message if `should_notify`.
pub(super) fn reject(app: &AppState, inbound: &Inbound<'_>, retry_after: u64, should_notify: bool) -> Ack {
    match inbound {
        Inbound::SlashCommand(_) => return Ack::ephemeral(LIMITED, &replies::too_many()),
        Inbound::ViewSubmission(submission) => {
            if let Some(block) = error_block(submission) {
                return Ack::field_errors(LIMITED, [(block, form_errors::TOO_MANY.to_owned())]);
            }
        }
        _ => {}
    }
    if let Some(interaction) = inbound.interaction().filter(|_| should_notify)
        && !interaction.channel.as_str().is_empty()
    {
        let (channel, user) = (&interaction.channel, &interaction.user);
        app.post_ephemeral(channel, user, &interaction.response_url, replies::too_many());
    }
    Ack::too_many_requests(LIMITED, retry_after)
}

/// The block of a submitted form where an error can be shown: the email, if it has one.
fn error_block(submission: &ViewInteraction) -> Option<BlockId> {
    let email = BlockId::input(Field::Email, None);
    let mut blocks: Vec<&BlockId> = submission.view.state.blocks().collect();
    blocks.sort_by_key(|block| **block != email);
    blocks.first().map(|block| (*block).clone())
}
