//! Heals what a clock left behind that ran ahead and was set back: leases that seem to last for an hour, and effects that
//! seem to be due in an hour. A clock that is set forward leaves nothing that needs healing: everything is due earlier.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError};
use crate::domain::people::RequestId;

/// How much longer than now plus its length a lease may last, in milliseconds: other replicas may be configured with
/// longer leases, up to ten minutes.
const LEASE_MARGIN: i64 = 600_000;
/// How far in the future an effect may have been scheduled, in milliseconds: the clocks of replicas differ.
const SCHEDULE_MARGIN: i64 = 60_000;

/// How far in the future a message may be due, in milliseconds.
const MESSAGE_MARGIN: i64 = 660_000;

impl Store {
    /// Moves what lies too far in the future to where it would be if the clock had shown `now` then. A lease is not ended
    /// but shortened, since a living holder renews it before it expires. Returns whether there was anything.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn heal_after_clock_change(
        &self,
        now: Timestamp,
        lease_for: Duration,
    ) -> Result<bool, StoreError> {
        let lease_for = i64::try_from(lease_for.as_millis()).unwrap_or(LEASE_MARGIN);
        let now = now.as_millisecond();
        let is_leased: Option<_> =
            sqlx::query("SELECT 1 FROM lane WHERE lease_until IS NOT NULL AND lease_until > $1 LIMIT 1")
                .bind(now + lease_for + LEASE_MARGIN)
                .fetch_optional(&self.pool)
                .await?;
        if is_leased.is_some() {
            sqlx::query("UPDATE lane SET lease_until = $2 WHERE lease_until > $1")
                .bind(now + lease_for + LEASE_MARGIN)
                .bind(now + lease_for)
                .execute(&self.pool)
                .await?;
        }
        let queues = sqlx::query(
            "SELECT DISTINCT request_id, lane FROM effect WHERE status = 'waiting' AND scheduled_at > $1",
        )
        .bind(now + SCHEDULE_MARGIN)
        .fetch_all(&self.pool)
        .await?;
        for queue in &queues {
            self.reschedule(&RequestId(queue.try_get(0)?), queue.try_get(1)?, now).await?;
        }
        let has_messages = self.heal_messages(now).await?;
        Ok(is_leased.is_some() || !queues.is_empty() || has_messages)
    }

    /// No message waits longer than ten minutes.
    async fn heal_messages(&self, now: i64) -> Result<bool, StoreError> {
        let late: Option<_> =
            sqlx::query("SELECT 1 FROM message WHERE due_at IS NOT NULL AND due_at > $1 LIMIT 1")
                .bind(now + MESSAGE_MARGIN)
                .fetch_optional(&self.pool)
                .await?;
        if late.is_none() {
            return Ok(false);
        }
        sqlx::query(
            "UPDATE message SET due_at = $1, unsettled_until = CASE WHEN unsettled_until > $2 THEN $1
             ELSE unsettled_until END WHERE due_at > $2",
        )
        .bind(now)
        .bind(now + MESSAGE_MARGIN)
        .execute(&self.pool)
        .await?;
        Ok(true)
    }

    /// Keeps how long the effects of a queue wait, but counts from `now`.
    async fn reschedule(&self, request: &RequestId, queue: &str, now: i64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        // Locks the queue before its effects, as everybody does.
        sqlx::query("UPDATE lane SET due_at = due_at WHERE request_id = $1 AND name = $2")
            .bind(request.as_str())
            .bind(queue)
            .execute(&mut *tx.inner)
            .await?;
        sqlx::query(
            "UPDATE effect SET due_at = due_at - (scheduled_at - $3), scheduled_at = $3
             WHERE request_id = $1 AND lane = $2 AND status = 'waiting' AND scheduled_at > $3",
        )
        .bind(request.as_str())
        .bind(queue)
        .bind(now)
        .execute(&mut *tx.inner)
        .await?;
        tx.update_due_at(request, queue).await?;
        tx.commit().await
    }
}
