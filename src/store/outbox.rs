//! The outbox: effects that wait, in queues, and what is recorded of them under a lease ([`super::claim`]). Effects are
//! stored as tagged, versioned JSON.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row;

use super::{Lease, Store, StoreError, Tx, to_json};
use crate::domain::{
    effect::{Effect, Queue, ScheduledEffect},
    people::RequestId,
};

/// The version under which effects are written.
pub(super) const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
pub(super) struct Versioned {
    pub(super) v: u32,
    #[serde(flatten)]
    pub(super) effect: Effect,
}

/// An effect as it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEffect {
    /// Its id.
    pub id: String,
    /// What to do.
    pub effect: Effect,
    /// What earlier tries left behind, in the words of whoever carries it out.
    pub progress: Option<String>,
    /// How often it was begun, this time included.
    pub attempts: i64,
    /// When it was decided.
    pub created_at: Timestamp,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxStats {
    /// Effects that are due and not done.
    pub due: i64,
    /// Effects that are due later.
    pub later: i64,
    /// Effects that were given up.
    pub dead_letters: i64,
    /// Since when the oldest due effect has been due, in UTC milliseconds.
    pub oldest_due_at: Option<i64>,
}

impl Tx {
    /// Adds the effects that follow from a decision; `ids` gives each its id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enqueue(
        &mut self,
        request: &RequestId,
        effects: &[ScheduledEffect],
        now: Timestamp,
        mut ids: impl FnMut() -> String,
    ) -> Result<(), StoreError> {
        for (place, planned) in (0_i64..).zip(effects) {
            let delay = i64::try_from(planned.after.as_millis()).unwrap_or(i64::MAX);
            let due_at = now.as_millisecond().saturating_add(delay);
            let lane = planned.effect.queue().name();
            let body = to_json("effect", &Versioned { v: VERSION, effect: planned.effect.clone() })?;
            sqlx::query(
                "INSERT INTO effect (id, request_id, lane, place, body, attempts, created_at, due_at, status)
                 VALUES ($1, $2, $3, $4, $5, 0, $6, $7, 'waiting')",
            )
            .bind(ids())
            .bind(request.as_str())
            .bind(lane)
            .bind(place)
            .bind(body)
            .bind(now.as_millisecond())
            .bind(due_at)
            .execute(&mut *self.inner)
            .await?;
            sqlx::query(
                "INSERT INTO lane (request_id, name, due_at) VALUES ($1, $2, $3)
                 ON CONFLICT (request_id, name) DO UPDATE SET due_at =
                 CASE WHEN lane.due_at < excluded.due_at THEN lane.due_at ELSE excluded.due_at END",
            )
            .bind(request.as_str())
            .bind(lane)
            .bind(due_at)
            .execute(&mut *self.inner)
            .await?;
        }
        Ok(())
    }

    /// Drops the effects that wait in a queue: what they would do is no longer wanted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drop_queue(&mut self, request: &RequestId, lane: Queue) -> Result<(), StoreError> {
        sqlx::query("UPDATE lane SET due_at = NULL WHERE request_id = $1 AND name = $2")
            .bind(request.as_str())
            .bind(lane.name())
            .execute(&mut *self.inner)
            .await?;
        sqlx::query(
            "UPDATE effect SET status = 'dropped' WHERE request_id = $1 AND lane = $2 AND status = 'waiting'",
        )
        .bind(request.as_str())
        .bind(lane.name())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Takes the effects that wait in a queue back, unless a worker has the queue in hand or had it and has not said
    /// what became of it. False: then nothing is taken back. A lease that has run out stands in the way too, until
    /// somebody has found out what its worker did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel_if_idle(&mut self, request: &RequestId, lane: Queue) -> Result<bool, StoreError> {
        let rows = sqlx::query(
            "UPDATE lane SET due_at = NULL
             WHERE request_id = $1 AND name = $2 AND lease_token IS NULL AND due_at IS NOT NULL",
        )
        .bind(request.as_str())
        .bind(lane.name())
        .execute(&mut *self.inner)
        .await?
        .rows_affected();
        if rows == 0 {
            return Ok(false);
        }
        self.drop_queue(request, lane).await?;
        Ok(true)
    }

    /// Marks an effect as done.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_effect(&mut self, lease: &Lease, id: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE effect SET status = 'done', error = NULL WHERE id = $1 AND status = 'waiting'")
            .bind(id)
            .execute(&mut *self.inner)
            .await?;
        self.refresh(&lease.request, &lease.lane).await
    }

    /// Puts an effect off until `due_at`, with what this try leaves behind and why it did not succeed.
    ///
    /// # Errors
    /// When the database fails.
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
        self.refresh(&lease.request, &lease.lane).await
    }

    /// Gives an effect up. It stays, with its error, for somebody to look at.
    ///
    /// # Errors
    /// When the database fails.
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
        self.refresh(&lease.request, &lease.lane).await
    }

    /// Works out when the queue is due next. After [`Tx::release`], in a statement of its own.
    pub(super) async fn refresh(&mut self, request: &RequestId, lane: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE lane SET due_at = (SELECT MIN(due_at) FROM effect
             WHERE request_id = $1 AND lane = $2 AND status = 'waiting')
             WHERE request_id = $1 AND name = $2",
        )
        .bind(request.as_str())
        .bind(lane)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}

impl Store {
    /// How much waits.
    ///
    /// # Errors
    /// When the database fails.
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

    /// When the next lane is due; nothing if nothing waits. A queue under a lease counts from the lease's end.
    ///
    /// # Errors
    /// When the database fails.
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
