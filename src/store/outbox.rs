//! The outbox: effects that wait in queues, and their outcomes, recorded under a lease ([`super::claim`]). Effects are
//! stored as tagged, versioned JSON. In SQL a queue is a `lane`, and a dead letter has the status `buried`.

use jiff::Timestamp;

use super::{
    Lease, Resource, StoreError, Tx,
    stored_effect::{VERSION, Versioned},
    to_json,
};
use crate::domain::{
    effect::{Effect, Queue},
    people::RequestId,
    request::Request,
};

impl Tx {
    /// Adds what follows from a decision: effects, and messages that are wanted. `ids` creates the effects' ids.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn enqueue(
        &mut self,
        request: &Request,
        effects: &[Effect],
        now: Timestamp,
        mut ids: impl FnMut() -> String,
    ) -> Result<(), StoreError> {
        for (index, effect) in (0_i64..).zip(effects) {
            match effect.message(request) {
                Some(part) => self.want_message(&request.id, &part, now).await?,
                None => self.add_effect(&request.id, index, effect, now, ids()).await?,
            }
        }
        Ok(())
    }

    async fn add_effect(
        &mut self,
        request: &RequestId,
        index: i64,
        effect: &Effect,
        now: Timestamp,
        id: String,
    ) -> Result<(), StoreError> {
        let queue = effect.queue().name();
        let body = to_json("effect", &Versioned { v: VERSION, effect: effect.clone() })?;
        sqlx::query(
            "INSERT INTO effect
             (id, request_id, lane, place, body, attempts, created_at, due_at, status, scheduled_at)
             VALUES ($1, $2, $3, $4, $5, 0, $6, $6, 'waiting', $6)",
        )
        .bind(id)
        .bind(request.as_str())
        .bind(queue)
        .bind(index)
        .bind(body)
        .bind(now.as_millisecond())
        .execute(&mut *self.inner)
        .await?;
        sqlx::query(
            "INSERT INTO lane (request_id, name, due_at, resource) VALUES ($1, $2, $3, $4)
             ON CONFLICT (request_id, name) DO UPDATE SET resource = excluded.resource, due_at =
             CASE WHEN lane.due_at < excluded.due_at THEN lane.due_at ELSE excluded.due_at END",
        )
        .bind(request.as_str())
        .bind(queue)
        .bind(now.as_millisecond())
        .bind(Resource::of(effect).as_str())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Drops the waiting effects of a queue, which are no longer wanted.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn drop_queue(&mut self, request: &RequestId, queue: Queue) -> Result<(), StoreError> {
        sqlx::query("UPDATE lane SET due_at = NULL WHERE request_id = $1 AND name = $2")
            .bind(request.as_str())
            .bind(queue.name())
            .execute(&mut *self.inner)
            .await?;
        sqlx::query(
            "UPDATE effect SET status = 'dropped' WHERE request_id = $1 AND lane = $2 AND status = 'waiting'",
        )
        .bind(request.as_str())
        .bind(queue.name())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Drops the waiting effects of a queue unless a worker holds the queue or may have executed an effect of it. Returns
    /// false if nothing was dropped. An expired lease prevents it, too, until another worker has found out what was done.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn cancel_if_idle(&mut self, request: &RequestId, queue: Queue) -> Result<bool, StoreError> {
        let rows = sqlx::query(
            "UPDATE lane SET due_at = NULL
             WHERE request_id = $1 AND name = $2 AND lease_token IS NULL AND due_at IS NOT NULL",
        )
        .bind(request.as_str())
        .bind(queue.name())
        .execute(&mut *self.inner)
        .await?
        .rows_affected();
        if rows == 0 {
            return Ok(false);
        }
        self.drop_queue(request, queue).await?;
        Ok(true)
    }

    /// Marks an effect as done.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn finish_effect(&mut self, lease: &Lease, id: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE effect SET status = 'done', error = NULL WHERE id = $1 AND status = 'waiting'")
            .bind(id)
            .execute(&mut *self.inner)
            .await?;
        self.update_due_at(&lease.request, &lease.queue).await
    }

    /// Postpones an effect from `now` until `due_at`, with the progress and the error of this attempt.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn postpone_effect(
        &mut self,
        lease: &Lease,
        id: &str,
        (now, due_at): (Timestamp, Timestamp),
        progress: Option<&str>,
        error: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE effect SET due_at = $1, progress = $2, error = $3, scheduled_at = $5
             WHERE id = $4 AND status = 'waiting'",
        )
        .bind(due_at.as_millisecond())
        .bind(progress)
        .bind(error)
        .bind(id)
        .bind(now.as_millisecond())
        .execute(&mut *self.inner)
        .await?;
        self.update_due_at(&lease.request, &lease.queue).await
    }

    /// Gives an effect up. It stays in the outbox, with its error, for an operator.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn dead_letter_effect(
        &mut self,
        lease: &Lease,
        id: &str,
        error: &str,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE effect SET status = 'buried', error = $1 WHERE id = $2")
            .bind(error)
            .bind(id)
            .execute(&mut *self.inner)
            .await?;
        self.update_due_at(&lease.request, &lease.queue).await
    }

    /// Recomputes when a queue is due. Must be a separate statement after [`Tx::release`].
    pub(super) async fn update_due_at(&mut self, request: &RequestId, queue: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE lane SET due_at = (SELECT MIN(due_at) FROM effect
             WHERE request_id = $1 AND lane = $2 AND status = 'waiting')
             WHERE request_id = $1 AND name = $2",
        )
        .bind(request.as_str())
        .bind(queue)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
