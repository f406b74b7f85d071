//! Wake-ups: when something is due for a request by itself. What that is, is worked out when the time comes.

use jiff::Timestamp;
use sqlx::Row;

use super::{StoreError, Tx};
use crate::domain::people::RequestId;

impl Tx {
    /// The request whose wake-up has been due the longest, locked until the transaction ends; `None` if none is due.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next_to_wake(&mut self, now: Timestamp) -> Result<Option<RequestId>, StoreError> {
        let sql = self.dialect.pick(
            "SELECT id FROM request WHERE wake_at <= $1 ORDER BY wake_at LIMIT 1",
            "SELECT id FROM request WHERE wake_at <= $1 ORDER BY wake_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
        );
        let row = sqlx::query(sql).bind(now.as_millisecond()).fetch_optional(&mut *self.inner).await?;
        row.map(|row| Ok(RequestId(row.try_get(0)?))).transpose()
    }

    /// Sets when something is due for a request; `None`: never.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn set_wake_up(&mut self, id: &RequestId, at: Option<Timestamp>) -> Result<(), StoreError> {
        sqlx::query("UPDATE request SET wake_at = $1 WHERE id = $2")
            .bind(at.map(Timestamp::as_millisecond))
            .bind(id.as_str())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Wakes all pending requests at once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn wake_all(&mut self, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE request SET wake_at = $1 WHERE is_open = 1 AND state = 'pending'")
            .bind(now.as_millisecond())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// The open requests, oldest first, and whether each has a card. Locks them until the transaction ends.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn open_requests(&mut self) -> Result<Vec<(RequestId, bool)>, StoreError> {
        let sql = self.dialect.pick(
            "SELECT id, CASE WHEN auto_rule IS NULL THEN 1 ELSE 0 END FROM request
             WHERE is_open = 1 ORDER BY created_at, id",
            "SELECT id, CASE WHEN auto_rule IS NULL THEN 1 ELSE 0 END FROM request
             WHERE is_open = 1 ORDER BY created_at, id FOR NO KEY UPDATE",
        );
        let rows = sqlx::query(sql).fetch_all(&mut *self.inner).await?;
        rows.iter().map(|row| Ok((RequestId(row.try_get(0)?), row.try_get::<i64, _>(1)? != 0))).collect()
    }
}
