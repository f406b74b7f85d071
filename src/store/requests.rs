//! Requests, as they are stored.

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError, Tx, from_json, to_json};
use crate::domain::{
    people::{RequestId, UserId},
    request::Request,
};

/// Another open request is about the same user, of whichever instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;

impl Tx {
    /// Reads a request and keeps it from changing until the transaction ends. Before any of its queues is touched: who
    /// holds a queue and waits for the request, and who holds the request and adds to the queue, would wait for each other.
    ///
    /// # Errors
    /// When the database fails, or what it holds cannot be read.
    pub async fn request(&mut self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        // Not FOR UPDATE: PostgreSQL checks the reference of a queue that is written twice in one transaction, and that
        // check would wait for this lock, and the holder of this lock for the queue.
        let sql = self.dialect.pick(
            "SELECT body FROM request WHERE id = $1",
            "SELECT body FROM request WHERE id = $1 FOR NO KEY UPDATE",
        );
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(&mut *self.inner).await?;
        row.map(|row| from_json("request", row.try_get::<&str, _>(0)?)).transpose()
    }

    /// Reads a request without keeping others from changing it, and without waiting for those who do.
    ///
    /// # Errors
    /// When the database fails, or what it holds cannot be read.
    pub(super) async fn read_unlocked(&mut self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        let query = sqlx::query("SELECT body FROM request WHERE id = $1").bind(id.as_str());
        let row = query.fetch_optional(&mut *self.inner).await?;
        row.map(|row| from_json("request", row.try_get::<&str, _>(0)?)).transpose()
    }

    /// How many requests the rule of this label has let through without an approval since `since`. Nobody else gets one
    /// through until the transaction ends.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_auto(&mut self, rule: &str, since: Timestamp) -> Result<i64, StoreError> {
        // A row of its own to lock: nobody who waits for it holds anything that its holder may want.
        let lock = "INSERT INTO auto_rule (label) VALUES ($1) ON CONFLICT (label) DO UPDATE SET label = excluded.label";
        sqlx::query(lock).bind(rule).execute(&mut *self.inner).await?;
        let count = sqlx::query("SELECT COUNT(*) FROM request WHERE auto_rule = $1 AND created_at > $2")
            .bind(rule)
            .bind(since.as_millisecond())
            .fetch_one(&mut *self.inner)
            .await?;
        Ok(count.try_get(0)?)
    }

    /// Adds a new request; `auto_rule` is the label of the rule that lets it through without an approval. After `Conflict`
    /// the transaction is of no more use.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_request(
        &mut self,
        request: &Request,
        auto_rule: Option<&str>,
        now: Timestamp,
    ) -> Result<Result<(), Conflict>, StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO request
             (id, version, created_at, updated_at, requester, instance, subject, state, is_open, body, auto_rule)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
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
        .bind(to_json("request", request)?)
        .bind(auto_rule)
        .execute(&mut *self.inner)
        .await;
        conflict(inserted)
    }

    /// Saves a request whose version has grown by one. `Conflict` when it is opened again, or is about another user now,
    /// while another open request is about the same user.
    ///
    /// # Errors
    /// When the database fails, or the request changed since it was read.
    pub async fn save_request(
        &mut self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Result<(), Conflict>, StoreError> {
        let saved = sqlx::query(
            "UPDATE request SET version = $1, updated_at = $2, state = $3, is_open = $4, body = $5, instance = $6,
             subject = $7 WHERE id = $8 AND version = $9",
        )
        .bind(request.version)
        .bind(now.as_millisecond())
        .bind(request.state.name())
        .bind(i64::from(request.state.is_open()))
        .bind(to_json("request", request)?)
        .bind(request.change.instance())
        .bind(request.change.subject_key())
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
    /// Reads a request as it is at the moment.
    ///
    /// # Errors
    /// When the database fails, or what it holds cannot be read.
    pub async fn request(&self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        let row = sqlx::query("SELECT body FROM request WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| from_json("request", row.try_get::<&str, _>(0)?)).transpose()
    }

    /// Whether another request for the same user of the same instance has been carried out since `since`: a user
    /// that is found is then that request's, not this one's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn another_was_created(&self, request: &Request, since: Timestamp) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT id FROM request WHERE instance = $1 AND subject = $2 AND state = 'done' AND id <> $3
             AND updated_at >= $4 LIMIT 1",
        )
        .bind(request.change.instance())
        .bind(request.change.subject_key())
        .bind(request.id.as_str())
        .bind(since.as_millisecond())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.is_some())
    }

    /// The open requests of one person, oldest first.
    ///
    /// # Errors
    /// When the database fails, or what it holds cannot be read.
    pub async fn open_requests_of(&self, requester: &UserId) -> Result<Vec<Request>, StoreError> {
        let rows = sqlx::query(
            "SELECT body FROM request WHERE requester = $1 AND is_open = 1 ORDER BY created_at, id",
        )
        .bind(requester.as_str())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| from_json("request", row.try_get::<&str, _>(0)?)).collect()
    }

    /// The requests that nobody has decided yet, oldest first.
    ///
    /// # Errors
    /// When the database fails, or what it holds cannot be read.
    pub async fn undecided_requests(&self) -> Result<Vec<Request>, StoreError> {
        let rows = sqlx::query(
            "SELECT body FROM request WHERE is_open = 1 AND state = 'pending' ORDER BY created_at, id",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| from_json("request", row.try_get::<&str, _>(0)?)).collect()
    }
}
