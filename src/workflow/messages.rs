//! Records what the worker did to bring a message up to date, and copies of messages that people found.

use super::{StoreError, Workflow};
use crate::{
    domain::{
        event::Event,
        message::Part,
        people::{ChannelId, RequestId},
    },
    store::{ClaimedMessage, MessageRecord, with_timeout},
};

impl Workflow {
    /// Records that a message is about to be posted. False if the lease is lost: then it must not be posted.
    ///
    /// # Errors
    /// When the database fails; then it must not be posted either.
    pub async fn record_posting(&self, claimed: &ClaimedMessage) -> Result<bool, StoreError> {
        with_timeout(async {
            let mut tx = self.store.begin().await?;
            let is_held =
                tx.record_posting(&claimed.lease, &claimed.part.name(), self.clock.now()).await?;
            tx.commit().await?;
            Ok(is_held)
        })
        .await
    }

    /// Records what an attempt led to, and the event that follows from it. False if the lease is lost: nothing is recorded.
    ///
    /// # Errors
    /// When the database fails. Then the message comes back when its lease expires.
    pub async fn complete_message(
        &self,
        claimed: &ClaimedMessage,
        record: &MessageRecord,
        event: Option<&Event>,
    ) -> Result<bool, StoreError> {
        with_timeout(self.complete_message_untimed(claimed, record, event)).await
    }

    async fn complete_message_untimed(
        &self,
        claimed: &ClaimedMessage,
        record: &MessageRecord,
        event: Option<&Event>,
    ) -> Result<bool, StoreError> {
        let ClaimedMessage { lease, request, part, wanted, .. } = claimed;
        let mut tx = self.store.begin().await?;
        if event.is_some() {
            // Lock order: the request before its lease.
            tx.request(&request.id).await?;
        }
        if !tx.release(lease).await? {
            return Ok(false);
        }
        tx.record_message(&request.id, &part.name(), *wanted, record, self.clock.now()).await?;
        if let Some(event) = event {
            // The event ends the request or changes nothing, so that no other open request is in its way.
            let _no_conflict = self.handle_event(&mut tx, &request.id, event).await?;
        }
        tx.commit().await?;
        self.work.notify_one();
        Ok(true)
    }

    /// Brings the message at a place up to date, which may be a copy that nobody knew of: somebody clicked on it, and it
    /// should not have had that button.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refresh_copy(
        &self,
        request: &RequestId,
        part: &Part,
        place: (&ChannelId, &str),
    ) -> Result<(), StoreError> {
        with_timeout(async {
            let now = self.clock.now();
            let mut tx = self.store.begin().await?;
            // Locked, so that whoever wants the message at the same time does not wait for us while we wait for them.
            if tx.request(request).await?.is_none() {
                return Ok(());
            }
            tx.want_message(request, part, now).await?;
            tx.add_copy(request, part, place, now).await?;
            tx.commit().await?;
            self.work.notify_one();
            Ok(())
        })
        .await
    }
}
