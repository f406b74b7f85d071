//! Posts a note in the card's thread.

use super::{Completion, EffectAborted, Worker};
use crate::{domain::effect::Note, slack::messages, store::Claimed, worker::posting::Destination};

impl Worker {
    pub(super) async fn note(&self, claimed: &Claimed, note: &Note) -> Result<Completion, EffectAborted> {
        let request = self.current_request(claimed).await?;
        // Without a card there is no thread; a card that is posted later shows the current state.
        let Some(posted) = self.posted_card(&request).await? else { return Ok(Completion::done()) };
        let approvers = self.remaining_approvers(&request, self.approver_set(&request));
        let message = messages::note(&request, note, &approvers);
        let thread = Destination::thread_of(posted);
        let result = self.ensure_posted(&request.id, &note.message_name(), &thread, &message, 1).await?;
        Ok(self.completion_of(claimed, result))
    }
}
