//! Records what the worker did to bring a message up to date, and copies of messages that people found.

use super::{StoreError, Workflow};
use crate::{
    domain::{
        event::Event,
        message::Part,
        people::ChannelId,
        request::{Request, State},
    },
    store::{ClaimedMessage, MessageRecord, Tx, with_timeout},
};

impl Workflow {
    /// Records that a message is about to be posted. False if the lease is lost: then it must not be posted.
    ///
    /// # Errors
    /// When the database fails; then it must not be posted either.
    pub async fn record_posting(&self, claimed: &ClaimedMessage) -> Result<bool, StoreError> {
        with_timeout(async {
            let mut tx = self.store.begin().await?;
            let is_held = tx.record_posting(&claimed.lease, &claimed.part.name(), self.clock.now()).await?;
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

    /// Brings the message whose button somebody clicked up to date if nobody knew of it (the answer to its posting was lost),
    /// or if it has a button that it should not have.
    pub(super) async fn join_clicked(
        &self,
        tx: &mut Tx,
        request: &Request,
        (channel, ts): (&ChannelId, &str),
        is_refused: bool,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        // The requester's message is a direct one; cards are in channels.
        let part = if channel.as_str().starts_with('D') { Part::Requester } else { Part::Card };
        let is_new = tx.add_copy(&request.id, &part, (channel, ts), now).await?;
        let is_decided = !matches!(request.state, State::Pending { .. });
        if is_new || is_refused && is_decided {
            tx.want_message(&request.id, &part, now).await?;
        }
        Ok(())
    }
}
