//! What is said to those who do too much at once. It does not know how often is too often.

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

/// Whether what came is carried out for somebody, so that it may be too much.
pub fn is_limited(inbound: &Inbound<'_>) -> bool {
    matches!(inbound, Inbound::SlashCommand(_) | Inbound::BlockActions(_) | Inbound::ViewSubmission(_))
}

/// The ack to what is not carried out because it is too much. A form stays open and says so. A click is not acked as taken;
/// the person is told if `is_news`.
pub(super) fn too_many(app: &AppState, inbound: &Inbound<'_>, retry_after: u64, is_news: bool) -> Ack {
    match inbound {
        Inbound::SlashCommand(_) => return Ack::ephemeral(LIMITED, &replies::too_many()),
        Inbound::ViewSubmission(submission) => {
            if let Some(block) = shown_block(submission) {
                return Ack::field_errors(LIMITED, [(block, form_errors::TOO_MANY.to_owned())]);
            }
        }
        _ => {}
    }
    if let Some(interaction) = inbound.interaction().filter(|_| is_news)
        && !interaction.channel.as_str().is_empty()
    {
        let (channel, user) = (&interaction.channel, &interaction.user);
        app.post_ephemeral(channel, user, &interaction.response_url, replies::too_many());
    }
    Ack::too_many_requests(LIMITED, retry_after)
}

/// A block of a submitted form beside which something can be said: the e-mail, where there is one.
fn shown_block(submission: &ViewInteraction) -> Option<BlockId> {
    let email = BlockId::input(Field::Email, None);
    let mut blocks: Vec<&BlockId> = submission.view.state.blocks().collect();
    blocks.sort_by_key(|block| **block != email);
    blocks.first().map(|block| (*block).clone())
}
