//! Requests, as they are stored.

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError, Tx, stored_request};
use crate::domain::{
    people::{RequestId, UserId},
    request::Request,
};

/// Another open request is about the same user, on any instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;

impl Tx {
    /// Reads a request and locks it until the transaction ends. Lock order: request, then queue.
    ///
    /// # Errors
    /// If the database fails, or the stored request cannot be read.
    pub async fn request(&mut self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        // Not FOR UPDATE: when a transaction writes a queue twice, PostgreSQL checks the queue's foreign key. That check
        // would wait for this lock, while the holder of this lock waits for the queue.
        let sql = self.dialect.pick(
            "SELECT body FROM request WHERE id = $1",
            "SELECT body FROM request WHERE id = $1 FOR NO KEY UPDATE",
        );
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(&mut *self.inner).await?;
        row.map(|row| stored_request::decode(row.try_get(0)?)).transpose()
    }

    /// Reads a request without locking it or waiting for a lock.
    ///
    /// # Errors
    /// If the database fails, or the stored request cannot be read.
    pub(super) async fn read_unlocked(&mut self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        let query = sqlx::query("SELECT body FROM request WHERE id = $1").bind(id.as_str());
        let row = query.fetch_optional(&mut *self.inner).await?;
        row.map(|row| stored_request::decode(row.try_get(0)?)).transpose()
    }

    /// Counts the requests since `since` that needed no approval by the rule with this label. Locks the rule until the
    /// transaction ends, so that no other transaction exceeds the limit.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_auto(&mut self, rule: &str, since: Timestamp) -> Result<i64, StoreError> {
        // A separate row to lock: a transaction that waits for it holds no other lock, so there is no deadlock.
        let lock = "INSERT INTO auto_rule (label) VALUES ($1) ON CONFLICT (label) DO UPDATE SET label = excluded.label";
        sqlx::query(lock).bind(rule).execute(&mut *self.inner).await?;
        let count = sqlx::query("SELECT COUNT(*) FROM request WHERE auto_rule = $1 AND created_at > $2")
            .bind(rule)
            .bind(since.as_millisecond())
            .fetch_one(&mut *self.inner)
            .await?;
        Ok(count.try_get(0)?)
    }

    /// Adds a request. `auto_rule` is the label of the rule by which it needs no approval; at `wake_at` something is due for
    /// it. After a `Conflict` the transaction cannot be used any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn insert_request(
        &mut self,
        request: &Request,
        auto_rule: Option<&str>,
        wake_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Result<(), Conflict>, StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO request
             (id, version, created_at, updated_at, requester, instance, subject, state, is_open, body, auto_rule,
              wake_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(request.id.as_str())
        .bind(request.version)
        .bind(request.created_at.as_millisecond())
        .bind(now.as_millisecond())
        .bind(request.requester.as_str())
        .bind(request.change.instance())
        .bind(request.change.subject_key())
        .bind(request.state.name())
        .bind(i64::from(request.state.is_open()))
        .bind(stored_request::encode(request)?)
        .bind(auto_rule)
        .bind(wake_at.map(Timestamp::as_millisecond))
        .execute(&mut *self.inner)
        .await;
        conflict(inserted)
    }

    /// Saves a request whose version was incremented by one; at `wake_at` something is due for it. Returns `Conflict` if the request was reopened, or is about
    /// another user now, and another open request is about the same user.
    ///
    /// # Errors
    /// If the database fails, or the request changed since it was read.
    pub async fn save_request(
        &mut self,
        request: &Request,
        wake_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Result<(), Conflict>, StoreError> {
        let saved = sqlx::query(
            "UPDATE request SET version = $1, updated_at = $2, state = $3, is_open = $4, body = $5, instance = $6,
             subject = $7, wake_at = $8 WHERE id = $9 AND version = $10",
        )
        .bind(request.version)
        .bind(now.as_millisecond())
        .bind(request.state.name())
        .bind(i64::from(request.state.is_open()))
        .bind(stored_request::encode(request)?)
        .bind(request.change.instance())
        .bind(request.change.subject_key())
        .bind(wake_at.map(Timestamp::as_millisecond))
        .bind(request.id.as_str())
        .bind(request.version - 1)
        .execute(&mut *self.inner)
        .await;
        match saved {
            Ok(result) if result.rows_affected() == 0 => Err(StoreError::Database(sqlx::Error::RowNotFound)),
            other => conflict(other),
        }
    }
}

fn conflict(
    result: Result<sqlx::any::AnyQueryResult, sqlx::Error>,
) -> Result<Result<(), Conflict>, StoreError> {
    match result.map_err(StoreError::from) {
        Ok(_) => Ok(Ok(())),
        Err(error) if error.is_unique_violation() => Ok(Err(Conflict)),
        Err(error) => Err(error),
    }
}

impl Store {
    /// Reads a request.
    ///
    /// # Errors
    /// If the database fails, or the stored request cannot be read.
    pub async fn request(&self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        let row = sqlx::query("SELECT body FROM request WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| stored_request::decode(row.try_get(0)?)).transpose()
    }

    /// Whether another request created the same user on the same instance since `since`. A user that is found in Marketo
    /// then belongs to that request.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn another_was_created(&self, request: &Request, since: Timestamp) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT id FROM request WHERE instance = $1 AND subject = $2 AND state = 'done' AND id <> $3
             AND updated_at >= $4 LIMIT 1",
        )
        .bind(request.change.instance())
        .bind(request.change.subject_key())
        .bind(request.id.as_str())
        .bind(since.as_millisecond())
        .fetch_optional(&self.readers)
        .await?;
        Ok(row.is_some())
    }

    /// The open requests of a requester, oldest first, without those that only a newer version can read.
    ///
    /// # Errors
    /// If the database fails, or a stored request cannot be read.
    pub async fn open_requests_of(&self, requester: &UserId) -> Result<Vec<Request>, StoreError> {
        let rows = sqlx::query(
            "SELECT body FROM request WHERE requester = $1 AND is_open = 1 ORDER BY created_at, id",
        )
        .bind(requester.as_str())
        .fetch_all(&self.readers)
        .await?;
        stored_request::decode_readable(rows.iter().map(|row| row.try_get(0)))
    }

    /// The pending requests, oldest first, without those that only a newer version can read.
    ///
    /// # Errors
    /// If the database fails, or a stored request cannot be read.
    pub async fn undecided_requests(&self) -> Result<Vec<Request>, StoreError> {
        let rows = sqlx::query(
            "SELECT body FROM request WHERE is_open = 1 AND state = 'pending' ORDER BY created_at, id",
        )
        .fetch_all(&self.readers)
        .await?;
        stored_request::decode_readable(rows.iter().map(|row| row.try_get(0)))
    }
}
