//! Leases: how a worker holds a queue of effects, and how a worker that lost it is fenced off.
//!
//! A worker claims a queue (one short transaction), carries out the first due effect of it without any
//! transaction, and records the outcome under the lease's token (one more). A worker that lost its lease
//! finds its token gone and records nothing. An effect that cannot be read is buried where it lies.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row;

use super::{
    Store, StoreError, StoredEffect, Tx, from_json,
    outbox::{VERSION, Versioned},
    with_limit,
};
use crate::domain::{people::RequestId, request::Request};

/// The right to work on one lane for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub(super) request: RequestId,
    pub(super) lane: String,
    token: String,
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

impl Store {
    /// Leases the queue whose effect has been due for the longest and takes that effect from it; nothing if
    /// nothing is due. Of queues that are due at the same time, messages come before changes to the instance: people
    /// see at once what was decided. What cannot be read is buried on the way.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim(
        &self,
        now: Timestamp,
        lease_for: Duration,
        ids: impl FnMut() -> String,
    ) -> Result<Option<Claimed>, StoreError> {
        self.flag_read_only(self.claim_first(now, lease_for, ids).await)
    }

    async fn claim_first(
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

    /// Lets a lease start anew. False when it is lost: then the worker must stop. It is given up soon enough for the worker
    /// to stop before the lease has ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew(
        &self,
        lease: &Lease,
        now: Timestamp,
        lease_for: Duration,
    ) -> Result<bool, StoreError> {
        let renewed = async {
            let mut tx = self.begin().await?;
            let is_held = tx.renew(lease, now, lease_for).await?;
            tx.commit().await?;
            Ok(is_held)
        };
        with_limit(lease_for / 3, renewed).await
    }
}

impl Tx {
    /// Writes down how far an effect has come, under its lease, which starts anew. False when the lease is
    /// lost: then the worker must stop.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_progress(
        &mut self,
        lease: &Lease,
        id: &str,
        progress: &str,
        now: Timestamp,
        lease_for: Duration,
    ) -> Result<bool, StoreError> {
        if !self.renew(lease, now, lease_for).await? {
            return Ok(false);
        }
        let noted = sqlx::query("UPDATE effect SET progress = $1 WHERE id = $2").bind(progress).bind(id);
        noted.execute(&mut *self.inner).await?;
        Ok(true)
    }

    async fn renew(
        &mut self,
        lease: &Lease,
        now: Timestamp,
        lease_for: Duration,
    ) -> Result<bool, StoreError> {
        let rows = sqlx::query(
            "UPDATE lane SET lease_until = $1 WHERE request_id = $2 AND name = $3 AND lease_token = $4",
        )
        .bind(until(now, lease_for))
        .bind(lease.request.as_str())
        .bind(&lease.lane)
        .bind(&lease.token)
        .execute(&mut *self.inner)
        .await?
        .rows_affected();
        Ok(rows == 1)
    }

    /// Gives the lease back, if it is still held. When it is not, nothing must be recorded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release(&mut self, lease: &Lease) -> Result<bool, StoreError> {
        // This statement alone, so that it waits here for whoever is adding to the queue: the statement that
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
              ORDER BY due_at, name DESC LIMIT 1)
             RETURNING request_id, name",
            "UPDATE lane SET lease_token = $1, lease_until = $2 WHERE (request_id, name) =
             (SELECT request_id, name FROM lane
              WHERE due_at <= $3 AND (lease_until IS NULL OR lease_until <= $3)
              ORDER BY due_at, name DESC LIMIT 1 FOR UPDATE SKIP LOCKED)
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
            // Read, not locked: whoever changes a request locks it before its queues.
            let request = self.read_unlocked(&lease.request).await;
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
                    self.dead_letter_effect(
                        lease,
                        &id,
                        &format!("version {v} is not known, or its request is gone"),
                    )
                    .await?;
                }
                (Err(error @ StoreError::Unreadable { .. }), _)
                | (_, Err(error @ StoreError::Unreadable { .. })) => {
                    self.dead_letter_effect(lease, &id, &error.to_string()).await?;
                }
                (Err(error), _) | (_, Err(error)) => return Err(error),
            }
        }
    }
}

fn until(now: Timestamp, lease_for: Duration) -> i64 {
    now.as_millisecond().saturating_add(i64::try_from(lease_for.as_millis()).unwrap_or(i64::MAX))
}
