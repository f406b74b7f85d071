//! Announces an applied change in the channel in which the command was used, or to the requester if that is impossible.

use super::{Completion, EffectAborted, Worker};
use crate::{
    slack::messages,
    store::Claimed,
    worker::posting::{Destination, PostResult},
};

const CREATED: &str = "created";
const CREATED_DIRECT: &str = "created_direct";

impl Worker {
    pub(super) async fn announce(&self, claimed: &Claimed) -> Result<Completion, EffectAborted> {
        let request = self.current_request(claimed).await?;
        let (id, version) = (&request.id, request.version);
        let message = messages::announcement(&request, self.names_instance());
        let channel = Destination::Channel(request.origin.clone());
        let mut result = self.ensure_posted(id, CREATED, &channel, &message, version).await?;
        if let PostResult::Refused(error) = &result {
            tracing::info!(%error, "the channel cannot be posted to; the announcement goes to the requester");
            let direct = Destination::Direct(request.requester.clone());
            result = self.ensure_posted(id, CREATED_DIRECT, &direct, &message, version).await?;
        }
        Ok(self.completion_of(claimed, result))
    }
}
