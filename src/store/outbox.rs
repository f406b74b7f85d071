//! The outbox: effects that wait, the lanes in which they wait, and the leases by which a worker holds a lane.
//!
//! A worker claims a lane (one short transaction), carries out the first due effect of it without any
//! transaction, and records the outcome under the lease's token (one more). A worker that lost its lease
//! finds its token gone and records nothing. Effects are stored as tagged, versioned JSON; one that cannot be
//! read is buried where it lies, never deleted.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row;

use super::{Store, StoreError, Tx, from_json, to_json};
use crate::domain::{
    effect::{Effect, Lane, Planned},
    people::RequestId,
    request::Request,
};

/// The version under which effects are written.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Versioned {
    v: u32,
    #[serde(flatten)]
    effect: Effect,
}

/// The right to work on one lane for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    request: RequestId,
    lane: String,
    token: String,
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

/// An effect to carry out, under a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The lease.
    pub lease: Lease,
    /// The effect.
    pub effect: StoredEffect,
    /// The request that it belongs to, as it was at the claim.
    pub request: Request,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Effects that are due and not done.
    pub due: i64,
    /// Effects that are due later.
    pub later: i64,
    /// Effects that were given up.
    pub buried: i64,
    /// Since when the oldest due effect has been due, in UTC milliseconds.
    pub oldest_due_at: Option<i64>,
}

impl Tx {
    /// Adds the effects that follow from a decision; `ids` gives each its id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn plan(
        &mut self,
        request: &RequestId,
        effects: &[Planned],
        now: Timestamp,
        mut ids: impl FnMut() -> String,
    ) -> Result<(), StoreError> {
        for (place, planned) in (0_i64..).zip(effects) {
            let delay = i64::try_from(planned.after.as_millis()).unwrap_or(i64::MAX);
            let due_at = now.as_millisecond().saturating_add(delay);
            let lane = planned.effect.lane().name();
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

    /// Drops the effects that wait in a lane: what they would do is no longer wanted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drop_lane(&mut self, request: &RequestId, lane: Lane) -> Result<(), StoreError> {
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

    /// Gives the lease back, if it is still held. When it is not, nothing must be recorded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release(&mut self, lease: &Lease) -> Result<bool, StoreError> {
        // This statement alone, so that it waits here for whoever is adding to the lane: the statement that
        // computes what is due next (`refresh`) then sees what they added.
        let rows = sqlx::query(
            "UPDATE lane SET lease_token = NULL, lease_until = NULL
             WHERE request_id = $1 AND name = $2 AND lease_token = $3",
        )
        .bind(lease.request.as_str())
        .bind(&lease.lane)
        .bind(&lease.token)
        .execute(&mut *self.inner)
        .await?
        .rows_affected();
        Ok(rows == 1)
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
    pub async fn bury_effect(&mut self, lease: &Lease, id: &str, error: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE effect SET status = 'buried', error = $1 WHERE id = $2")
            .bind(error)
            .bind(id)
            .execute(&mut *self.inner)
            .await?;
        self.refresh(&lease.request, &lease.lane).await
    }

    async fn refresh(&mut self, request: &RequestId, lane: &str) -> Result<(), StoreError> {
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
    /// Leases the lane whose effect has been due for the longest and takes that effect from it; nothing if
    /// nothing is due. What cannot be read is buried on the way.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim(
        &self,
        now: Timestamp,
        lease_for: Duration,
        mut ids: impl FnMut() -> String,
    ) -> Result<Option<Claimed>, StoreError> {
        loop {
            let mut tx = self.begin().await?;
            let Some(lease) = tx.lease(now, lease_for, ids()).await? else { return Ok(None) };
            let claimed = tx.first_due(&lease, now).await?;
            if claimed.is_none() {
                tx.release(&lease).await?;
                tx.refresh(&lease.request, &lease.lane).await?;
            }
            tx.commit().await?;
            if claimed.is_some() {
                return Ok(claimed);
            }
        }
    }

    /// Writes down how far an effect has come, under its lease, which starts anew. False when the lease is
    /// lost: then the worker must stop.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_progress(
        &self,
        lease: &Lease,
        id: &str,
        progress: &str,
        now: Timestamp,
        lease_for: Duration,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let rows = sqlx::query(
            "UPDATE lane SET lease_until = $1 WHERE request_id = $2 AND name = $3 AND lease_token = $4",
        )
        .bind(until(now, lease_for))
        .bind(lease.request.as_str())
        .bind(&lease.lane)
        .bind(&lease.token)
        .execute(&mut *tx.inner)
        .await?
        .rows_affected();
        if rows != 1 {
            return Ok(false);
        }
        sqlx::query("UPDATE effect SET progress = $1 WHERE id = $2")
            .bind(progress)
            .bind(id)
            .execute(&mut *tx.inner)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// How much waits.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn depth(&self, now: Timestamp) -> Result<Depth, StoreError> {
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
        Ok(Depth {
            due: row.try_get(0)?,
            later: row.try_get(1)?,
            buried: row.try_get(2)?,
            oldest_due_at: row.try_get(3)?,
        })
    }

    /// When the next lane is due; nothing if nothing waits. A lane under a lease counts from the lease's end.
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

impl Tx {
    async fn lease(
        &mut self,
        now: Timestamp,
        lease_for: Duration,
        token: String,
    ) -> Result<Option<Lease>, StoreError> {
        let sql = self.dialect.pick(
            "UPDATE lane SET lease_token = $1, lease_until = $2 WHERE (request_id, name) =
             (SELECT request_id, name FROM lane
              WHERE due_at <= $3 AND (lease_until IS NULL OR lease_until <= $3)
              ORDER BY due_at LIMIT 1)
             RETURNING request_id, name",
            "UPDATE lane SET lease_token = $1, lease_until = $2 WHERE (request_id, name) =
             (SELECT request_id, name FROM lane
              WHERE due_at <= $3 AND (lease_until IS NULL OR lease_until <= $3)
              ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING request_id, name",
        );
        let row = sqlx::query(sql)
            .bind(&token)
            .bind(until(now, lease_for))
            .bind(now.as_millisecond())
            .fetch_optional(&mut *self.inner)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Lease { request: RequestId(row.try_get(0)?), lane: row.try_get(1)?, token }))
    }

    /// The first effect of a leased lane that is due and can be read.
    async fn first_due(&mut self, lease: &Lease, now: Timestamp) -> Result<Option<Claimed>, StoreError> {
        loop {
            let row = sqlx::query(
                "UPDATE effect SET attempts = attempts + 1 WHERE id =
                 (SELECT id FROM effect
                  WHERE request_id = $1 AND lane = $2 AND status = 'waiting' AND due_at <= $3
                  ORDER BY due_at, created_at, place LIMIT 1)
                 RETURNING id, body, progress, attempts, created_at",
            )
            .bind(lease.request.as_str())
            .bind(&lease.lane)
            .bind(now.as_millisecond())
            .fetch_optional(&mut *self.inner)
            .await?;
            let Some(row) = row else { return Ok(None) };
            let id: String = row.try_get(0)?;
            let effect = from_json::<Versioned>("effect", row.try_get::<&str, _>(1)?);
            let request = self.request(&lease.request).await;
            match (effect, request) {
                (Ok(Versioned { v: VERSION, effect }), Ok(Some(request))) => {
                    let created_at: i64 = row.try_get(4)?;
                    let effect = StoredEffect {
                        id,
                        effect,
                        progress: row.try_get(2)?,
                        attempts: row.try_get(3)?,
                        created_at: Timestamp::from_millisecond(created_at).unwrap_or(Timestamp::MIN),
                    };
                    return Ok(Some(Claimed { lease: lease.clone(), effect, request }));
                }
                (Ok(Versioned { v, .. }), Ok(_)) => {
                    self.bury_effect(
                        lease,
                        &id,
                        &format!("version {v} is not known, or its request is gone"),
                    )
                    .await?;
                }
                (Err(error @ StoreError::Unreadable { .. }), _)
                | (_, Err(error @ StoreError::Unreadable { .. })) => {
                    self.bury_effect(lease, &id, &error.to_string()).await?;
                }
                (Err(error), _) | (_, Err(error)) => return Err(error),
            }
        }
    }
}

fn until(now: Timestamp, lease_for: Duration) -> i64 {
    now.as_millisecond().saturating_add(i64::try_from(lease_for.as_millis()).unwrap_or(i64::MAX))
}
