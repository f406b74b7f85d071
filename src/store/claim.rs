//! Leases: how a worker claims a queue of effects, and how a worker that lost its lease is fenced off.
//!
//! A worker claims a queue in one short transaction, runs its first due effect outside of any transaction, and records
//! the outcome under the lease's fencing token in another one. A worker that lost its lease finds another token and
//! records nothing. An unreadable effect becomes a dead letter, unless a newer version of the program wrote it: during an
//! upgrade, its queue is left to the replicas that run that version.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use super::{
    Resource, Store, StoreError, StoredEffect, Tx, from_json, instant,
    stored_effect::{VERSION, Version, Versioned},
    until, with_limit,
};
use crate::domain::{effect::Queue, people::RequestId, request::Request};

/// When a queue that was left to a newer version is looked at again.
pub(super) const NEWER_DELAY: Duration = Duration::from_secs(10);

/// The exclusive right to work on one queue, until it expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub(super) request: RequestId,
    pub(super) queue: String,
    token: String,
    renewed: RenewedAt,
}

impl Lease {
    /// Whether the lease is certainly still held at `now`, with a margin for clocks that differ and for what comes next. By
    /// the wall clock, which goes on while a process is frozen, unlike the monotonic one. False as well if the clock was
    /// set back since the last renewal.
    pub fn is_held(&self, now: Timestamp, lease_for: Duration) -> bool {
        let (age, lease_for) = (now.as_millisecond() - self.renewed.get(), millis(lease_for));
        -lease_for / 3 <= age && age < lease_for * 2 / 3
    }
}

/// When a lease was last known to be held, in UTC milliseconds. Clones of a lease share it.
#[derive(Clone, Debug)]
struct RenewedAt(Arc<AtomicI64>);

impl RenewedAt {
    fn new(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.as_millisecond())))
    }

    fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, now: Timestamp) {
        self.0.store(now.as_millisecond(), Ordering::Relaxed);
    }
}

impl PartialEq for RenewedAt {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for RenewedAt {}

#[cfg(test)]
impl Lease {
    /// A lease that nobody holds.
    pub(crate) fn for_tests() -> Self {
        let renewed = RenewedAt::new(Timestamp::MIN);
        Self { request: RequestId(String::new()), queue: String::new(), token: String::new(), renewed }
    }
}

/// An effect to run under a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The lease.
    pub lease: Lease,
    /// The effect.
    pub effect: StoredEffect,
    /// The request that it belongs to, as of the claim.
    pub request: Request,
}

/// The first due effect of a leased queue.
enum FirstDue {
    Claimed(Box<Claimed>),
    Nothing,
    /// A newer version of the program wrote it: only that version knows what to do.
    Newer,
}

impl Store {
    /// Claims an effect of any resource; see [`Store::claim_for`]. The resource that has been due the longest comes first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim(
        &self,
        now: Timestamp,
        lease_for: Duration,
        mut ids: impl FnMut() -> String,
    ) -> Result<Option<Claimed>, StoreError> {
        for resource in self.due_resources(now).await? {
            if let Some(claimed) = self.claim_for(&resource, now, lease_for, &mut ids).await? {
                return Ok(Some(claimed));
            }
        }
        Ok(None)
    }

    /// Leases the queue of a resource that has been due the longest and returns its first due effect; `None` if nothing is
    /// due. Unreadable effects become dead letters.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim_for(
        &self,
        resource: &Resource,
        now: Timestamp,
        lease_for: Duration,
        ids: impl FnMut() -> String,
    ) -> Result<Option<Claimed>, StoreError> {
        self.flag_read_only(self.claim_first(resource, now, lease_for, ids).await)
    }

    async fn claim_first(
        &self,
        resource: &Resource,
        now: Timestamp,
        lease_for: Duration,
        mut ids: impl FnMut() -> String,
    ) -> Result<Option<Claimed>, StoreError> {
        loop {
            let mut tx = self.begin().await?;
            let due = tx.dialect.pick(
                "SELECT request_id, name FROM lane
                 WHERE resource = $4 AND due_at <= $3 AND (lease_until IS NULL OR lease_until <= $3)
                 ORDER BY due_at, name DESC LIMIT 1",
                "SELECT request_id, name FROM lane
                 WHERE resource = $4 AND due_at <= $3 AND (lease_until IS NULL OR lease_until <= $3)
                 ORDER BY due_at, name DESC LIMIT 1 FOR UPDATE SKIP LOCKED",
            );
            let Some(lease) = tx.lease(due, resource, now, lease_for, ids()).await? else { return Ok(None) };
            match tx.first_due(&lease, now).await? {
                FirstDue::Claimed(claimed) => {
                    tx.commit().await?;
                    return Ok(Some(*claimed));
                }
                FirstDue::Nothing => {
                    tx.release(&lease).await?;
                    tx.update_due_at(&lease.request, &lease.queue).await?;
                }
                FirstDue::Newer => {
                    // Neither the lease nor the attempt is recorded.
                    drop(tx);
                    tx = self.begin().await?;
                    tx.leave_to_newer(&lease, now).await?;
                }
            }
            tx.commit().await?;
        }
    }

    /// Renews a lease. Returns false if it is lost: the worker must stop. Times out early enough for the worker to stop
    /// before the lease expires.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn renew(
        &self,
        lease: &Lease,
        now: Timestamp,
        lease_for: Duration,
    ) -> Result<bool, StoreError> {
        let renewal = async {
            let mut tx = self.begin().await?;
            let is_held = tx.renew(lease, now, lease_for).await?;
            tx.commit().await?;
            if is_held {
                lease.renewed.set(now);
            }
            Ok(is_held)
        };
        with_limit(lease_for / 3, renewal).await
    }
}

impl Tx {
    /// Records the progress of an effect under its lease, and renews the lease. Returns false if it is lost: the worker
    /// must stop.
    ///
    /// # Errors
    /// If the database fails.
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
        // If the transaction does not commit, the caller stops.
        lease.renewed.set(now);
        let update = sqlx::query("UPDATE effect SET progress = $1 WHERE id = $2").bind(progress).bind(id);
        update.execute(&mut *self.inner).await?;
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
        .bind(&lease.queue)
        .bind(&lease.token)
        .execute(&mut *self.inner)
        .await?
        .rows_affected();
        Ok(rows == 1)
    }

    /// Releases a lease. Returns false if it is lost: nothing may be recorded then.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn release(&mut self, lease: &Lease) -> Result<bool, StoreError> {
        // A separate statement, which waits for transactions that add to the queue: `update_due_at` then sees what they
        // added.
        let rows = sqlx::query(
            "UPDATE lane SET lease_token = NULL, lease_until = NULL
             WHERE request_id = $1 AND name = $2 AND lease_token = $3",
        )
        .bind(lease.request.as_str())
        .bind(&lease.queue)
        .bind(&lease.token)
        .execute(&mut *self.inner)
        .await?
        .rows_affected();
        Ok(rows == 1)
    }

    /// Leases the queue that `due` selects: a query of its request and name, in which `$3` is the current time and `$4` the resource.
    pub(super) async fn lease(
        &mut self,
        due: &'static str,
        resource: &Resource,
        now: Timestamp,
        lease_for: Duration,
        token: String,
    ) -> Result<Option<Lease>, StoreError> {
        let sql = format!(
            "UPDATE lane SET lease_token = $1, lease_until = $2,
             taken_over = CASE WHEN lease_token IS NULL THEN 0 ELSE 1 END
             WHERE (request_id, name) = ({due}) RETURNING request_id, name, taken_over"
        );
        // Both parts are constants of this program.
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(&token)
            .bind(until(now, lease_for))
            .bind(now.as_millisecond())
            .bind(resource.as_str())
            .fetch_optional(&mut *self.inner)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let renewed = RenewedAt::new(now);
        let lease = Lease { request: RequestId(row.try_get(0)?), queue: row.try_get(1)?, token, renewed };
        if row.try_get::<i64, _>(2)? != 0 && lease.queue == Queue::Show.name() {
            self.unsettle_messages(&lease.request, now).await?;
        }
        Ok(Some(lease))
    }

    /// Whether the lease is still held. Locks it until the transaction ends.
    pub(super) async fn holds(&mut self, lease: &Lease) -> Result<bool, StoreError> {
        let rows = sqlx::query(
            "UPDATE lane SET lease_token = lease_token WHERE request_id = $1 AND name = $2 AND lease_token = $3",
        )
        .bind(lease.request.as_str())
        .bind(&lease.queue)
        .bind(&lease.token)
        .execute(&mut *self.inner)
        .await?
        .rows_affected();
        Ok(rows == 1)
    }

    /// Looks at a queue again later, unless somebody else has leased it since.
    async fn leave_to_newer(&mut self, lease: &Lease, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE lane SET due_at = $1
             WHERE request_id = $2 AND name = $3 AND due_at <= $4 AND (lease_until IS NULL OR lease_until <= $4)",
        )
        .bind(until(now, NEWER_DELAY))
        .bind(lease.request.as_str())
        .bind(&lease.queue)
        .bind(now.as_millisecond())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The first readable effect of a leased queue that is due.
    async fn first_due(&mut self, lease: &Lease, now: Timestamp) -> Result<FirstDue, StoreError> {
        loop {
            let row = sqlx::query(
                "UPDATE effect SET attempts = attempts + 1 WHERE id =
                 (SELECT id FROM effect
                  WHERE request_id = $1 AND lane = $2 AND status = 'waiting' AND due_at <= $3
                  ORDER BY due_at, created_at, place LIMIT 1)
                 RETURNING id, body, progress, attempts, created_at",
            )
            .bind(lease.request.as_str())
            .bind(&lease.queue)
            .bind(now.as_millisecond())
            .fetch_optional(&mut *self.inner)
            .await?;
            let Some(row) = row else { return Ok(FirstDue::Nothing) };
            let id: String = row.try_get(0)?;
            let body: &str = row.try_get(1)?;
            if from_json::<Version>("effect", body).is_ok_and(|version| version.v > VERSION) {
                return Ok(FirstDue::Newer);
            }
            let effect = from_json::<Versioned>("effect", body);
            // Not locked: the lock order is request, then queue.
            let request = self.read_unlocked(&lease.request).await;
            match (effect, request) {
                (_, Err(StoreError::Newer { .. })) => return Ok(FirstDue::Newer),
                (Ok(Versioned { effect, .. }), Ok(Some(request))) => {
                    let created_at: i64 = row.try_get(4)?;
                    let effect = StoredEffect {
                        id,
                        effect,
                        progress: row.try_get(2)?,
                        attempts: row.try_get(3)?,
                        created_at: instant(created_at),
                    };
                    let claimed = Claimed { lease: lease.clone(), effect, request };
                    return Ok(FirstDue::Claimed(Box::new(claimed)));
                }
                (Ok(_), Ok(None)) => {
                    self.dead_letter_effect(lease, &id, "the request of the effect is missing").await?;
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

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
