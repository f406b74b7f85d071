//! What those who answer people may read, and whom a request waits for. Nothing here changes anything.

use super::{StoreError, Workflow};
use crate::{
    domain::{
        decide,
        people::{Membership, RequestId, UserId},
        request::Request,
    },
    store::{OutboxStats, Posted},
};

impl Workflow {
    /// Whether `user` may decide on `request` now, and has not agreed to it already, as far as is known.
    pub fn may_decide(&self, request: &Request, user: &UserId) -> Membership {
        decide::may_decide(self.decision_context(), request, user)
    }

    /// The request as it is at the moment.
    ///
    /// # Errors
    /// When the database fails, or what it holds cannot be read.
    pub async fn request(&self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        self.store.request(id).await
    }

    /// The open requests of one person, oldest first.
    ///
    /// # Errors
    /// When the database fails, or what it holds cannot be read.
    pub async fn open_requests_of(&self, requester: &UserId) -> Result<Vec<Request>, StoreError> {
        self.store.open_requests_of(requester).await
    }

    /// The requests that nobody has decided yet, oldest first.
    ///
    /// # Errors
    /// When the database fails, or what it holds cannot be read.
    pub async fn undecided_requests(&self) -> Result<Vec<Request>, StoreError> {
        self.store.undecided_requests().await
    }

    /// Where the message stands that shows `part` of a request.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn message(&self, request: &RequestId, part: &str) -> Result<Option<Posted>, StoreError> {
        self.store.message(request, part).await
    }

    /// Whether the database takes what is written.
    ///
    /// # Errors
    /// When it does not.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.store.probe(self.clock.now()).await
    }

    /// How much waits in the outbox.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outbox_depth(&self) -> Result<OutboxStats, StoreError> {
        self.store.outbox_stats(self.clock.now()).await
    }
}
