//! The outbox: effects that wait in queues, and their outcomes, recorded under a lease ([`super::claim`]). Effects are
//! stored as tagged, versioned JSON. In SQL a queue is a `lane`, and a dead letter has the status `buried`.

use jiff::Timestamp;
use sqlx::Row;

use super::{
    Lease, Resource, Store, StoreError, Tx,
    stored_effect::{VERSION, Versioned},
    to_json,
};
use crate::domain::{
    effect::{Queue, ScheduledEffect},
    people::RequestId,
};

/// The number of effects in the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxStats {
    /// Effects that are due.
    pub due: i64,
    /// Effects that are due later.
    pub later: i64,
    /// Effects that were given up.
    pub dead_letters: i64,
    /// When the oldest due effect became due, in UTC milliseconds.
    pub oldest_due_at: Option<i64>,
}

impl Tx {
    /// Adds the effects that follow from a decision. `ids` creates their ids.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn enqueue(
        &mut self,
        request: &RequestId,
        effects: &[ScheduledEffect],
        now: Timestamp,
        mut ids: impl FnMut() -> String,
    ) -> Result<(), StoreError> {
        for (index, scheduled) in (0_i64..).zip(effects) {
            let delay = i64::try_from(scheduled.after.as_millis()).unwrap_or(i64::MAX);
            let due_at = now.as_millisecond().saturating_add(delay);
            let queue = scheduled.effect.queue().name();
            let resource = Resource::of(&scheduled.effect);
            let body = to_json("effect", &Versioned { v: VERSION, effect: scheduled.effect.clone() })?;
            sqlx::query(
                "INSERT INTO effect (id, request_id, lane, place, body, attempts, created_at, due_at, status)
                 VALUES ($1, $2, $3, $4, $5, 0, $6, $7, 'waiting')",
            )
            .bind(ids())
            .bind(request.as_str())
            .bind(queue)
            .bind(index)
            .bind(body)
            .bind(now.as_millisecond())
            .bind(due_at)
            .execute(&mut *self.inner)
            .await?;
            sqlx::query(
                "INSERT INTO lane (request_id, name, due_at, resource) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (request_id, name) DO UPDATE SET resource = excluded.resource, due_at =
                 CASE WHEN lane.due_at < excluded.due_at THEN lane.due_at ELSE excluded.due_at END",
            )
            .bind(request.as_str())
            .bind(queue)
            .bind(due_at)
            .bind(resource.as_str())
            .execute(&mut *self.inner)
            .await?;
        }
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

    /// Postpones an effect until `due_at`, with the progress and the error of this attempt.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn postpone_effect(
        &mut self,
        lease: &Lease,
        id: &str,
        due_at: Timestamp,
        progress: Option<&str>,
        error: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE effect SET due_at = $1, progress = $2, error = $3 WHERE id = $4 AND status = 'waiting'",
        )
        .bind(due_at.as_millisecond())
        .bind(progress)
        .bind(error)
        .bind(id)
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

impl Store {
    /// Counts the effects in the outbox.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn outbox_stats(&self, now: Timestamp) -> Result<OutboxStats, StoreError> {
        let row = sqlx::query(
            "SELECT CAST(COALESCE(SUM(CASE WHEN status = 'waiting' AND due_at <= $1 THEN 1 ELSE 0 END), 0) AS BIGINT),
                    CAST(COALESCE(SUM(CASE WHEN status = 'waiting' AND due_at > $1 THEN 1 ELSE 0 END), 0) AS BIGINT),
                    CAST(COALESCE(SUM(CASE WHEN status = 'buried' THEN 1 ELSE 0 END), 0) AS BIGINT),
                    MIN(CASE WHEN status = 'waiting' AND due_at <= $1 THEN due_at ELSE NULL END)
             FROM effect WHERE status IN ('waiting', 'buried')",
        )
        .bind(now.as_millisecond())
        .fetch_one(&self.pool)
        .await?;
        Ok(OutboxStats {
            due: row.try_get(0)?,
            later: row.try_get(1)?,
            dead_letters: row.try_get(2)?,
            oldest_due_at: row.try_get(3)?,
        })
    }

    /// When the next queue is due, or `None` if all are empty. A leased queue is due when its lease expires.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query(
            "SELECT MIN(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END)
             FROM lane WHERE due_at IS NOT NULL",
        )
        .fetch_one(&self.pool)
        .await?;
        let millis: Option<i64> = row.try_get(0)?;
        Ok(millis.map(|millis| Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)))
    }
}
