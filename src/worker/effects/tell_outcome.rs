//! Tells the requester that a request did not succeed.

use super::{Completion, EffectAborted, Worker};
use crate::{domain::request::State, slack::messages, store::Claimed, worker::posting::Destination};

impl Worker {
    pub(super) async fn tell_outcome(&self, claimed: &Claimed) -> Result<Completion, EffectAborted> {
        let request = self.current_request(claimed).await?;
        match request.state {
            State::Denied { .. }
            | State::Failed { .. }
            | State::TimedOut { .. }
            | State::Cancelled { .. } => {}
            // It has been retried since.
            State::Pending { .. } | State::Applying { .. } | State::Done { .. } => {
                return Ok(Completion::done());
            }
        }
        // A request can fail again after a retry, which is another message.
        let name = format!("outcome_{}", request.version);
        let destination = Destination::Direct(request.requester.clone());
        let message = messages::outcome(&request);
        let result = self.ensure_posted(&request.id, &name, &destination, &message, request.version).await?;
        Ok(self.completion_of(claimed, result))
    }
}
