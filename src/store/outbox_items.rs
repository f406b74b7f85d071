//! The outbox as an operator sees it: what waits or was given up, and another try.

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError, Tx, instant};

/// How many items are listed.
const LISTED_MAX: i64 = 1000;

/// An effect or a message that waits or was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxItem {
    /// The id: of the effect, or the request's and the message's name with a slash between.
    pub id: String,
    /// The request.
    pub request: String,
    /// The message, or the queue of the effect.
    pub name: String,
    /// When it is tried next; `None` if it was given up.
    pub due_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: i64,
    /// What stands in its way; without personal data.
    pub error: Option<String>,
}

impl Store {
    /// What was given up, then what waits, each the most overdue first; 1000 at most.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn outbox_items(&self) -> Result<Vec<OutboxItem>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, request_id, name, due_at, attempts, error FROM
             (SELECT id, request_id, lane AS name, CASE WHEN status = 'waiting' THEN due_at END AS due_at,
                     attempts, error, due_at AS place
              FROM effect WHERE status IN ('waiting', 'buried')
              UNION ALL
              SELECT request_id || '/' || part, request_id, part, due_at, attempts, error,
                     COALESCE(due_at, given_up_at)
              FROM message WHERE due_at IS NOT NULL OR given_up_at IS NOT NULL) AS items
             ORDER BY CASE WHEN due_at IS NULL THEN 0 ELSE 1 END, place, id LIMIT $1",
        )
        .bind(LISTED_MAX)
        .fetch_all(&self.readers)
        .await?;
        let item = |row: &sqlx::any::AnyRow| {
            Ok(OutboxItem {
                id: row.try_get(0)?,
                request: row.try_get(1)?,
                name: row.try_get(2)?,
                due_at: row.try_get::<Option<i64>, _>(3)?.map(instant),
                attempts: row.try_get(4)?,
                error: row.try_get(5)?,
            })
        };
        rows.iter().map(item).collect()
    }
}

impl Tx {
    /// Makes an item that waits or was given up due now. False if there is no such item.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn retry_item(&mut self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        if let Some((request, part)) = id.split_once('/') {
            let rows = sqlx::query(
                "UPDATE message SET due_at = $1, given_up_at = NULL
                 WHERE request_id = $2 AND part = $3 AND (due_at IS NOT NULL OR given_up_at IS NOT NULL)",
            )
            .bind(now.as_millisecond())
            .bind(request)
            .bind(part)
            .execute(&mut *self.inner)
            .await?
            .rows_affected();
            return Ok(rows == 1);
        }
        // Lock order: a queue before its effects.
        sqlx::query(
            "UPDATE lane SET due_at = $1 WHERE EXISTS
             (SELECT 1 FROM effect WHERE effect.id = $2 AND effect.request_id = lane.request_id
              AND effect.lane = lane.name AND effect.status IN ('waiting', 'buried'))",
        )
        .bind(now.as_millisecond())
        .bind(id)
        .execute(&mut *self.inner)
        .await?;
        let rows = sqlx::query(
            "UPDATE effect SET due_at = $1, status = 'waiting'
             WHERE id = $2 AND status IN ('waiting', 'buried')",
        )
        .bind(now.as_millisecond())
        .bind(id)
        .execute(&mut *self.inner)
        .await?
        .rows_affected();
        Ok(rows == 1)
    }
}
