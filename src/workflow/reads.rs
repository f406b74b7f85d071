//! Read-only queries for the handlers.

use jiff::Timestamp;

use super::{StoreError, Workflow};
use crate::{
    domain::{
        decide,
        message::Part,
        people::{ChannelId, Membership, RequestId, UserId},
        request::Request,
    },
    store::OutboxStats,
};

impl Workflow {
    /// Whether `user` may decide on `request` now and has not approved it yet.
    pub fn may_decide(&self, request: &Request, user: &UserId) -> Membership {
        decide::may_decide(self.decision_context(), request, user)
    }

    /// The current state of a request; `None` if it does not exist.
    ///
    /// # Errors
    /// When the database fails, or a stored request cannot be parsed.
    pub async fn request(&self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        self.store.request(id).await
    }

    /// The open requests of one user, oldest first.
    ///
    /// # Errors
    /// When the database fails, or a stored request cannot be parsed.
    pub async fn open_requests_of(&self, requester: &UserId) -> Result<Vec<Request>, StoreError> {
        self.store.open_requests_of(requester).await
    }

    /// The pending requests, oldest first.
    ///
    /// # Errors
    /// When the database fails, or a stored request cannot be parsed.
    pub async fn undecided_requests(&self) -> Result<Vec<Request>, StoreError> {
        self.store.undecided_requests().await
    }

    /// Where a message of a request stands, the copy that was posted last; `None` if nowhere.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn posted(
        &self,
        request: &RequestId,
        part: &Part,
    ) -> Result<Option<(ChannelId, String)>, StoreError> {
        let newest = self.store.message_copies(request, part).await?.pop();
        Ok(newest.map(|copy| (copy.channel, copy.ts)))
    }

    /// What stands in the way of a message: the error, and since when; `None` if nothing does.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn message_failure(
        &self,
        request: &RequestId,
        part: &Part,
    ) -> Result<Option<(String, Timestamp)>, StoreError> {
        self.store.message_failure(request, part).await
    }

    /// Writes to the database, to check that it is available.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.store.probe(self.clock.now()).await
    }

    /// The size of the outbox.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outbox_stats(&self) -> Result<OutboxStats, StoreError> {
        self.store.outbox_stats(self.clock.now()).await
    }
}
