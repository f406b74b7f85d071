//! What waits in the outbox: effects, messages and wake-ups. Reads nothing that grows with the number of past requests.

use jiff::Timestamp;
use sqlx::Row;

use super::{Resource, Store, StoreError, instant};

/// The amount of work in the outbox: effects, messages and wake-ups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxStats {
    /// What is due.
    pub due: i64,
    /// What is due later.
    pub later: i64,
    /// Effects and messages that were given up.
    pub dead_letters: i64,
    /// When the oldest due work became due, in UTC milliseconds.
    pub oldest_due_at: Option<i64>,
    /// Messages that Slack does not accept at the moment.
    pub failing_messages: i64,
}

impl Store {
    /// Counts the work in the outbox.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn outbox_stats(&self, now: Timestamp) -> Result<OutboxStats, StoreError> {
        let row = sqlx::query(
            "SELECT CAST(COALESCE(SUM(CASE WHEN due_at <= $1 THEN 1 ELSE 0 END), 0) AS BIGINT),
                    CAST(COALESCE(SUM(CASE WHEN due_at > $1 THEN 1 ELSE 0 END), 0) AS BIGINT),
                    MIN(CASE WHEN due_at <= $1 THEN due_at ELSE NULL END)
             FROM (SELECT due_at FROM effect WHERE status = 'waiting'
                   UNION ALL SELECT due_at FROM message WHERE due_at IS NOT NULL
                   UNION ALL SELECT wake_at FROM request WHERE wake_at IS NOT NULL) AS work",
        )
        .bind(now.as_millisecond())
        .fetch_one(&self.readers)
        .await?;
        let dead = sqlx::query(
            "SELECT CAST((SELECT COUNT(*) FROM effect WHERE status = 'buried')
                  + (SELECT COUNT(*) FROM message WHERE given_up_at IS NOT NULL) AS BIGINT),
                    CAST((SELECT COUNT(*) FROM message WHERE failing_since IS NOT NULL) AS BIGINT)",
        )
        .fetch_one(&self.readers)
        .await?;
        Ok(OutboxStats {
            due: row.try_get(0)?,
            later: row.try_get(1)?,
            oldest_due_at: row.try_get(2)?,
            dead_letters: dead.try_get(0)?,
            failing_messages: dead.try_get(1)?,
        })
    }

    /// When there is work next, or `None` if there is none. What is leased is due when its lease expires.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let queue = sqlx::query(
            "SELECT MIN(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END)
             FROM lane WHERE due_at IS NOT NULL",
        );
        let queue = queue.fetch_one(&self.readers).await?.try_get::<Option<i64>, _>(0)?.map(instant);
        Ok(earlier(queue, self.next_message().await?))
    }

    /// As [`Store::next_due`], for one resource. Messages and wake-ups belong to Slack.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next_due_for(&self, resource: &Resource) -> Result<Option<Timestamp>, StoreError> {
        let queue = sqlx::query(
            "SELECT MIN(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END)
             FROM lane WHERE resource = $1 AND due_at IS NOT NULL",
        )
        .bind(resource.as_str());
        let queue = queue.fetch_one(&self.readers).await?.try_get::<Option<i64>, _>(0)?.map(instant);
        if *resource == Resource::slack() {
            Ok(earlier(queue, self.next_message().await?))
        } else {
            Ok(queue)
        }
    }

    /// When the next message or wake-up is due.
    async fn next_message(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query(
            "SELECT MIN(due_at) FROM
             (SELECT CASE WHEN lane.lease_until > message.due_at THEN lane.lease_until ELSE message.due_at END
                  AS due_at
              FROM message JOIN lane ON lane.request_id = message.request_id AND lane.name = 'show'
              WHERE message.due_at IS NOT NULL
              UNION ALL SELECT wake_at FROM request WHERE wake_at IS NOT NULL) AS work",
        )
        .fetch_one(&self.readers)
        .await?;
        Ok(row.try_get::<Option<i64>, _>(0)?.map(instant))
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}
