//! The rate limit that replicas share: one row for each permit, read and written while the instance's row is locked. It
//! does not know what a permit is for.
//!
//! Written by hand: `governor` keeps its state within one process. [`PermitRequest`] repeats that of the Marketo client,
//! since neither module may know the other; the composition root joins them.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row;

use super::{Dialect, Store, StoreError, with_timeout};

/// A request for one permit. A permit counts from when it is taken until [`PermitRequest::window`] after its release.
#[derive(Clone, Copy, Debug)]
pub struct PermitRequest<'a> {
    /// The instance that the limits belong to.
    pub instance: &'a str,
    /// A new id, by which the permit is released.
    pub id: &'a str,
    /// The current time.
    pub now: Timestamp,
    /// After how long the permit is released by itself, in case nobody releases it.
    pub expires_after: Duration,
    /// How long a permit counts after its release.
    pub window: Duration,
    /// How many permits may count at the same time.
    pub per_window: u32,
    /// How many permits may be taken at the same time.
    pub max_concurrent: u32,
}

/// The response to a [`PermitRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// The permit is taken.
    Granted,
    /// `max_concurrent` permits are taken.
    ConcurrencyReached,
    /// `per_window` permits count. The oldest stops counting at this time; `None` if none was released yet.
    WindowFull(Option<Timestamp>),
}

impl Store {
    /// Whether other processes may use the same database at the same time.
    pub fn is_shared(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    /// Takes a permit if one is free.
    ///
    /// # Errors
    /// If the database fails. The permit may be taken then: release it.
    pub async fn acquire_permit(&self, request: &PermitRequest<'_>) -> Result<Permit, StoreError> {
        let PermitRequest { instance, id, now, expires_after, window, per_window, max_concurrent } = *request;
        let now = now.as_millisecond();
        let (expires_after, window) = (millis(expires_after), millis(window));
        let mut tx = self.begin().await?;
        // Locks the instance in a statement of its own: the next one then sees what the previous holder wrote.
        sqlx::query(
            "INSERT INTO budget (instance, asked) VALUES ($1, 1)
             ON CONFLICT (instance) DO UPDATE SET asked = budget.asked + 1",
        )
        .bind(instance)
        .execute(&mut *tx.inner)
        .await?;
        sqlx::query("DELETE FROM place WHERE instance = $1 AND held_until <= $2")
            .bind(instance)
            .bind(now - window)
            .execute(&mut *tx.inner)
            .await?;
        // A process whose clock was ahead must not keep a permit for too long.
        sqlx::query("UPDATE place SET held_until = $2 WHERE instance = $1 AND held_until > $2")
            .bind(instance)
            .bind(now + expires_after)
            .execute(&mut *tx.inner)
            .await?;
        let row = sqlx::query(
            "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN held_until > $2 THEN 1 ELSE 0 END), 0) AS BIGINT),
                    MIN(CASE WHEN held_until > $2 THEN NULL ELSE held_until END)
             FROM place WHERE instance = $1",
        )
        .bind(instance)
        .bind(now)
        .fetch_one(&mut *tx.inner)
        .await?;
        let (counting, taken): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let first_released: Option<i64> = row.try_get(2)?;
        let permit = if counting >= i64::from(per_window) {
            let free_at = first_released.and_then(|at| Timestamp::from_millisecond(at + window).ok());
            Permit::WindowFull(free_at)
        } else if taken >= i64::from(max_concurrent) {
            Permit::ConcurrencyReached
        } else {
            sqlx::query("INSERT INTO place (id, instance, held_until) VALUES ($1, $2, $3)")
                .bind(id)
                .bind(instance)
                .bind(now + expires_after)
                .execute(&mut *tx.inner)
                .await?;
            Permit::Granted
        };
        tx.commit().await?;
        Ok(permit)
    }

    /// Releases a permit, which counts for another [`PermitRequest::window`]. Releasing one that was never taken does
    /// nothing.
    ///
    /// # Errors
    /// If the database fails. The permit expires then.
    pub async fn release_permit(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let update = sqlx::query("UPDATE place SET held_until = $2 WHERE id = $1 AND held_until > $2");
        let update = update.bind(id).bind(now.as_millisecond()).execute(&self.pool);
        with_timeout(async { Ok(update.await.map(drop)?) }).await
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
#[path = "tests/budget.rs"]
mod tests;
