//! How a worker claims a message that is due. The messages of a request have one lease, so that at most one worker shows
//! something for the request at a time.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row;

use super::{
    Lease, Resource, Store, StoreError, Tx,
    claim::NEWER_DELAY,
    from_json, instant, messages,
    messages::{MessageCopy, VersionedPart},
    stored_effect::Version,
    until,
};
use crate::domain::{message::Part, people::RequestId, request::Request};

/// A message to bring up to date under a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedMessage {
    /// The lease.
    pub lease: Lease,
    /// The request, at least as new as the wanted version.
    pub request: Request,
    /// The message.
    pub part: Part,
    /// The wanted version.
    pub wanted: i64,
    /// How many attempts there were since it last succeeded, this one included.
    pub attempts: i64,
    /// When it was posted without an answer.
    pub posting_at: Option<Timestamp>,
    /// Until when an older rendering may still arrive.
    pub unsettled_until: Option<Timestamp>,
    /// Since when it fails.
    pub failing_since: Option<Timestamp>,
    /// Its copies, oldest first.
    pub copies: Vec<MessageCopy>,
    /// The request's card.
    pub card: ClaimedCard,
}

/// The card of a request, when another message of the request is claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimedCard {
    /// Its copies, oldest first.
    pub copies: Vec<MessageCopy>,
    /// When a worker works on it next; `None` if there is nothing to do.
    pub due_at: Option<Timestamp>,
    /// The error that stands in its way; `None` if nothing does.
    pub problem: Option<String>,
}

/// The first due message of a request.
enum FirstMessage {
    Claimed(Box<ClaimedMessage>),
    Nothing,
    /// It cannot be worked on now; what is due has changed.
    Skipped,
}

impl Store {
    /// Leases the messages of a request of which one is due, and returns that one; `None` if none is due. Cards go first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim_message(
        &self,
        now: Timestamp,
        lease_for: Duration,
        ids: impl FnMut() -> String,
    ) -> Result<Option<ClaimedMessage>, StoreError> {
        self.flag_read_only(self.claim_first_message(now, lease_for, ids).await)
    }

    async fn claim_first_message(
        &self,
        now: Timestamp,
        lease_for: Duration,
        mut ids: impl FnMut() -> String,
    ) -> Result<Option<ClaimedMessage>, StoreError> {
        loop {
            let mut tx = self.begin().await?;
            let due = tx.dialect.pick(
                "SELECT lane.request_id, lane.name FROM message
                 JOIN lane ON lane.request_id = message.request_id AND lane.name = 'show' AND lane.resource = $4
                 WHERE message.due_at IS NOT NULL AND message.due_at <= $3
                 AND (lane.lease_until IS NULL OR lane.lease_until <= $3)
                 ORDER BY message.priority, message.due_at LIMIT 1",
                "SELECT lane.request_id, lane.name FROM message
                 JOIN lane ON lane.request_id = message.request_id AND lane.name = 'show' AND lane.resource = $4
                 WHERE message.due_at IS NOT NULL AND message.due_at <= $3
                 AND (lane.lease_until IS NULL OR lane.lease_until <= $3)
                 ORDER BY message.priority, message.due_at LIMIT 1 FOR UPDATE OF lane SKIP LOCKED",
            );
            let Some(lease) = tx.lease(due, &Resource::slack(), now, lease_for, ids()).await? else {
                return Ok(None);
            };
            match tx.first_message(&lease, now).await? {
                FirstMessage::Claimed(claimed) => {
                    tx.commit().await?;
                    return Ok(Some(*claimed));
                }
                FirstMessage::Nothing | FirstMessage::Skipped => {
                    tx.release(&lease).await?;
                    tx.commit().await?;
                }
            }
        }
    }
}

impl Tx {
    async fn first_message(&mut self, lease: &Lease, now: Timestamp) -> Result<FirstMessage, StoreError> {
        let row = sqlx::query(
            "UPDATE message SET attempts = attempts + 1 WHERE (request_id, part) =
             (SELECT request_id, part FROM message WHERE request_id = $1 AND due_at <= $2
              ORDER BY priority, due_at, created_at, part LIMIT 1)
             RETURNING part, body, wanted, attempts, posting_at, unsettled_until, failing_since",
        )
        .bind(lease.request.as_str())
        .bind(now.as_millisecond())
        .fetch_optional(&mut *self.inner)
        .await?;
        let Some(row) = row else { return Ok(FirstMessage::Nothing) };
        let name: String = row.try_get(0)?;
        let body: Option<String> = row.try_get(1)?;
        let body = body.unwrap_or_default();
        if from_json::<Version>("message", &body).is_ok_and(|version| version.v > messages::VERSION) {
            self.leave_message_to_newer(&lease.request, &name, now).await?;
            return Ok(FirstMessage::Skipped);
        }
        let part = from_json::<VersionedPart>("message", &body);
        // Not locked: the lock order is request, then lane. Read after the message, it is at least as new.
        let request = self.read_unlocked(&lease.request).await;
        let (part, request) = match (part, request) {
            (Ok(VersionedPart { part, .. }), Ok(Some(request))) => (part, request),
            (_, Err(StoreError::Newer { .. })) => {
                self.leave_message_to_newer(&lease.request, &name, now).await?;
                return Ok(FirstMessage::Skipped);
            }
            (Err(error), _) | (_, Err(error)) => {
                let StoreError::Unreadable { .. } = &error else { return Err(error) };
                self.give_up_message(&lease.request, &name, &error.to_string(), now).await?;
                return Ok(FirstMessage::Skipped);
            }
            (_, Ok(None)) => {
                self.give_up_message(&lease.request, &name, "its request is missing", now).await?;
                return Ok(FirstMessage::Skipped);
            }
        };
        let time = |index: usize| -> Result<Option<Timestamp>, StoreError> {
            Ok(row.try_get::<Option<i64>, _>(index)?.map(instant))
        };
        Ok(FirstMessage::Claimed(Box::new(ClaimedMessage {
            lease: lease.clone(),
            wanted: row.try_get(2)?,
            attempts: row.try_get(3)?,
            posting_at: time(4)?,
            unsettled_until: time(5)?,
            failing_since: time(6)?,
            copies: self.copies(&request.id, &name).await?,
            card: if part == Part::Card { ClaimedCard::default() } else { self.card(&request.id).await? },
            request,
            part,
        })))
    }

    async fn card(&mut self, request: &RequestId) -> Result<ClaimedCard, StoreError> {
        let copies = self.copies(request, &Part::Card.name()).await?;
        let row = sqlx::query(
            "SELECT due_at, failing_since, error FROM message WHERE request_id = $1 AND part = $2",
        )
        .bind(request.as_str())
        .bind(Part::Card.name())
        .fetch_optional(&mut *self.inner)
        .await?;
        let Some(row) = row else { return Ok(ClaimedCard { copies, ..ClaimedCard::default() }) };
        let due_at: Option<i64> = row.try_get(0)?;
        let failing_since: Option<i64> = row.try_get(1)?;
        let error: Option<String> = row.try_get(2)?;
        let problem = failing_since.map(|_| error.unwrap_or_default());
        Ok(ClaimedCard { copies, due_at: due_at.map(instant), problem })
    }

    /// Only the version of the program that wrote it knows what to do.
    async fn leave_message_to_newer(
        &mut self,
        request: &RequestId,
        part: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE message SET due_at = $1, attempts = attempts - 1 WHERE request_id = $2 AND part = $3",
        )
        .bind(until(now, NEWER_DELAY))
        .bind(request.as_str())
        .bind(part)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    async fn give_up_message(
        &mut self,
        request: &RequestId,
        part: &str,
        error: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE message SET due_at = NULL, given_up_at = $1, error = $2 WHERE request_id = $3 AND part = $4",
        )
        .bind(now.as_millisecond())
        .bind(error)
        .bind(request.as_str())
        .bind(part)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The messages of a request were taken over from a worker that may still be calling Slack: what it sends may arrive
    /// after what is sent from now on.
    pub(super) async fn unsettle_messages(
        &mut self,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let until = now.checked_add(messages::LATE_EFFECT).unwrap_or(Timestamp::MAX);
        // One after the other, in the order in which decisions want them, so that nobody waits for each other.
        let rows = sqlx::query(
            "SELECT part FROM message WHERE request_id = $1 AND due_at IS NOT NULL ORDER BY priority, part",
        )
        .bind(request.as_str())
        .fetch_all(&mut *self.inner)
        .await?;
        for row in &rows {
            sqlx::query(
                "UPDATE message SET unsettled_until = $1 WHERE request_id = $2 AND part = $3
                 AND (posting_at IS NOT NULL OR EXISTS
                      (SELECT 1 FROM message_copy AS copy
                       WHERE copy.request_id = message.request_id AND copy.part = message.part))",
            )
            .bind(until.as_millisecond())
            .bind(request.as_str())
            .bind(row.try_get::<&str, _>(0)?)
            .execute(&mut *self.inner)
            .await?;
        }
        Ok(())
    }
}
