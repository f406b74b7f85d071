//! Reminds the approvers of a pending request in the card's thread.

use super::{Completion, EffectAborted, Worker};
use crate::{
    domain::{event::Event, request::State},
    slack::{client::MessageKey, ids::CARD, messages},
    store::Claimed,
    worker::posting::{Destination, MESSAGE_NOT_FOUND, PostResult},
};

impl Worker {
    /// Updates the card first, so that it shows what approvers can do.
    pub(super) async fn remind(&self, claimed: &Claimed, sent: u32) -> Result<Completion, EffectAborted> {
        let request = self.current_request(claimed).await?;
        if !matches!(request.state, State::Pending { .. }) {
            return Ok(Completion::done());
        }
        let reminded = Completion::with_event(Event::Reminded { sent });
        let Some(posted) = self.posted_card(&request).await? else { return Ok(reminded) };
        let approvers = self.approver_set(&request);
        let key = MessageKey { request: request.id.clone(), name: CARD.to_owned() };
        let card = messages::card(&request, &approvers, self.names_instance());
        match self.update_posted(&key, &posted, &card, request.version).await? {
            PostResult::Posted => {}
            // A new card serves as the reminder.
            PostResult::Retry(error) if error.code == MESSAGE_NOT_FOUND => {
                return Ok(Completion::with_event(Event::CardGone));
            }
            result => return Ok(self.completion_of(claimed, result)),
        }
        let message = messages::reminder(&request, &self.remaining_approvers(&request, approvers));
        // Earlier versions sent only one reminder, under this name.
        let name = if sent == 0 { "reminder".to_owned() } else { format!("reminder_{}", sent + 1) };
        let thread = Destination::thread_of(posted);
        match self.ensure_posted(&request.id, &name, &thread, &message, 1).await? {
            PostResult::Posted => Ok(reminded),
            result => Ok(self.completion_of(claimed, result)),
        }
    }
}
