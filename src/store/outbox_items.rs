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
            "SELECT id, request_id, name, due_at, attempts, error, CAST(is_waiting AS BIGINT) FROM
             (SELECT id, request_id, lane AS name, due_at, attempts, error, 1 AS is_waiting
              FROM effect WHERE status = 'waiting'
              UNION ALL SELECT id, request_id, lane, due_at, attempts, error, 0
              FROM effect WHERE status = 'buried'
              UNION ALL SELECT request_id || '/' || part, request_id, part, due_at, attempts, error, 1
              FROM message WHERE due_at IS NOT NULL
              UNION ALL SELECT request_id || '/' || part, request_id, part, given_up_at, attempts, error, 0
              FROM message WHERE given_up_at IS NOT NULL AND due_at IS NULL) AS items
             ORDER BY is_waiting, due_at, id LIMIT $1",
        )
        .bind(LISTED_MAX)
        .fetch_all(&self.readers)
        .await?;
        let item = |row: &sqlx::any::AnyRow| {
            let is_waiting = row.try_get::<i64, _>(6)? != 0;
            Ok(OutboxItem {
                id: row.try_get(0)?,
                request: row.try_get(1)?,
                name: row.try_get(2)?,
                due_at: is_waiting.then_some(instant(row.try_get(3)?)),
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
            "UPDATE lane SET due_at = $1 WHERE (request_id, name) =
             (SELECT request_id, lane FROM effect WHERE id = $2 AND status IN ('waiting', 'buried'))",
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
