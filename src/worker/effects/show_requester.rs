//! Posts or updates the requester's direct message.

use super::{Completion, EffectAborted, Worker};
use crate::{
    slack::{ids::REQUESTER, messages},
    store::Claimed,
    worker::posting::Destination,
};

impl Worker {
    pub(super) async fn show_requester(&self, claimed: &Claimed) -> Result<Completion, EffectAborted> {
        let request = self.current_request(claimed).await?;
        let destination = Destination::Direct(request.requester.clone());
        let message = messages::requester(&request, &self.approver_set(&request), self.names_instance());
        let result =
            self.ensure_posted(&request.id, REQUESTER, &destination, &message, request.version).await?;
        Ok(self.completion_of(claimed, result))
    }
}
