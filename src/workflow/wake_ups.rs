//! Does what is due for requests by itself, in one transaction each: no call is needed.

use jiff::{SignedDuration, Timestamp};

use super::{StoreError, Workflow};
use crate::{
    domain::{decide::is_unsettled, event::Event, message::Part, request::Request},
    store::{Tx, with_timeout},
};

/// When a request that cannot be read is looked at again, in seconds.
const UNREADABLE_DELAY: i64 = 600;
/// When a request that only a newer version can read is looked at again, in seconds.
const NEWER_DELAY: i64 = 10;
/// When a request is looked at again of which it is unknown whether its approvals count.
const UNSETTLED_DELAY: SignedDuration = SignedDuration::from_secs(30);

impl Workflow {
    /// Does what is due for the request that has been due the longest; false if nothing is due.
    ///
    /// # Errors
    /// When the database fails; then nothing is saved.
    pub async fn wake_next(&self) -> Result<bool, StoreError> {
        with_timeout(self.wake_untimed()).await
    }

    async fn wake_untimed(&self) -> Result<bool, StoreError> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let Some(id) = tx.next_to_wake(now).await? else { return Ok(false) };
        match tx.request(&id).await {
            Ok(Some(request)) => {
                // The subject does not change, so that no other open request can be about it.
                let _no_conflict = self.handle_event(&mut tx, &id, &Event::Woken).await?;
                let request = tx.request(&id).await?.unwrap_or(request);
                tx.set_wake_up(&id, self.next_look(&request)).await?;
            }
            Ok(None) => {}
            Err(StoreError::Newer { .. }) => {
                let later = now.as_millisecond().saturating_add(NEWER_DELAY * 1000);
                tx.set_wake_up(&id, jiff::Timestamp::from_millisecond(later).ok()).await?;
            }
            Err(error @ StoreError::Unreadable { .. }) => {
                tracing::error!(request = %id, %error, "a request cannot be read");
                let later = now.as_millisecond().saturating_add(UNREADABLE_DELAY * 1000);
                tx.set_wake_up(&id, Timestamp::from_millisecond(later).ok()).await?;
            }
            Err(error) => return Err(error),
        }
        tx.commit().await?;
        self.work.notify_one();
        Ok(true)
    }

    /// When something is due for a request by itself, or may be known that is not known yet.
    fn next_look(&self, request: &Request) -> Option<Timestamp> {
        let context = self.decision_context();
        let look =
            is_unsettled(context, request).then(|| context.now.checked_add(UNSETTLED_DELAY).ok()).flatten();
        [self.next_wake(request), look].into_iter().flatten().min()
    }

    /// Works out anew what is due for all open requests, and what their messages say.
    pub(super) async fn refresh_open_requests(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let now = self.clock.now();
        // Lock order: requests, their messages, the head of the ledger.
        let requests = tx.open_requests().await?;
        tx.wake_all(now).await?;
        for (id, has_card) in requests {
            if has_card {
                tx.want_message(&id, &Part::Card, now).await?;
            }
            tx.want_message(&id, &Part::Requester, now).await?;
        }
        Ok(())
    }
}
