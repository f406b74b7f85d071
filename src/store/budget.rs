//! The calls that count against an instance's limits, for all replicas together: one row a call, taken and looked at
//! while the instance's one row is locked. What a call is, and why there are limits, is not known here.
//!
//! Written by hand: `governor` keeps its state within one process. [`PermitRequest`] repeats what the Marketo client asks for,
//! since neither module may know the other; the composition root joins them.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row;

use super::{Dialect, Store, StoreError, with_timeout};

/// A place that somebody would like to have.
#[derive(Clone, Copy, Debug)]
pub struct PermitRequest<'a> {
    /// Whose limits they are.
    pub instance: &'a str,
    /// A new id, under which the place is given back.
    pub id: &'a str,
    /// When.
    pub now: Timestamp,
    /// How long the place is held at most, should nobody give it back.
    pub life: Duration,
    /// How long a place counts after it was given back.
    pub window: Duration,
    /// How many places may count.
    pub per_window: u32,
    /// How many places may be held.
    pub at_once: u32,
}

/// What became of a wish for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// It is held now.
    Taken,
    /// As many as may be are held.
    AllHeld,
    /// As many as may count do count. The first of them counts no longer at this time, unless all are still held.
    AllCount(Option<Timestamp>),
}

impl Store {
    /// Whether other processes may use the same database at the same time.
    pub fn is_shared(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    /// Takes a place, if there is one.
    ///
    /// # Errors
    /// When the database fails; then it may be held, and should be given back.
    pub async fn acquire_permit(&self, wanted: &PermitRequest<'_>) -> Result<Permit, StoreError> {
        let PermitRequest { instance, id, now, life, window, per_window, at_once } = *wanted;
        let now = now.as_millisecond();
        let (life, window) = (millis(life), millis(window));
        let mut tx = self.begin().await?;
        // This statement alone: whoever waits for the row here sees in the next what the one before wrote.
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
        // A clock that was ahead must not hold a place for longer than a call lives.
        sqlx::query("UPDATE place SET held_until = $2 WHERE instance = $1 AND held_until > $2")
            .bind(instance)
            .bind(now + life)
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
        let (count, held): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let first: Option<i64> = row.try_get(2)?;
        let place = if count >= i64::from(per_window) {
            Permit::AllCount(first.and_then(|first| Timestamp::from_millisecond(first + window).ok()))
        } else if held >= i64::from(at_once) {
            Permit::AllHeld
        } else {
            sqlx::query("INSERT INTO place (id, instance, held_until) VALUES ($1, $2, $3)")
                .bind(id)
                .bind(instance)
                .bind(now + life)
                .execute(&mut *tx.inner)
                .await?;
            Permit::Taken
        };
        tx.commit().await?;
        Ok(place)
    }

    /// Gives a place back; it counts for a while yet. One that was not taken does no harm.
    ///
    /// # Errors
    /// When the database fails; then the place is held for as long as it may be.
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
