//! Posts or updates the card in the approval channel.

use super::{Completion, EffectAborted, Worker};
use crate::{
    domain::{event::Event, request::State},
    slack::{ids::CARD, messages},
    store::Claimed,
    worker::posting::{Destination, PostResult},
};

impl Worker {
    pub(super) async fn show_card(&self, claimed: &Claimed) -> Result<Completion, EffectAborted> {
        let request = self.current_request(claimed).await?;
        let Some(channel) = request.approval_channel.clone() else { return Ok(Completion::done()) };
        let message = messages::card(&request, &self.approver_set(&request), self.names_instance());
        let destination = Destination::Channel(channel);
        match self.ensure_posted(&request.id, CARD, &destination, &message, request.version).await? {
            // Nobody can approve without a card.
            PostResult::Refused(error) if matches!(request.state, State::Pending { .. }) => {
                tracing::warn!(%error, "the card cannot be posted");
                Ok(Completion::with_event(Event::CardLost { detail: error.code }))
            }
            result => Ok(self.completion_of(claimed, result)),
        }
    }
}
