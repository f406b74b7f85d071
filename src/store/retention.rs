//! Deletes what is settled and old, a batch at a time, so that no other statement waits long for it. Requests and the ledger
//! are kept, and so is everything that somebody could still act on: effects and messages that wait or were given up, and
//! the messages of failed requests, which can be retried.

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError};

impl Store {
    /// Deletes up to 500 rows each of settled effects, messages of requests that are over, profiles, ended calls, and lists
    /// of instances that are no longer read, older than `before`. Returns how many rows it deleted; zero if nothing is left.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_settled(&self, before: Timestamp) -> Result<u64, StoreError> {
        let before = before.as_millisecond();
        let mut deleted = self.delete_settled_messages(before).await?;
        for sql in [
            "DELETE FROM effect WHERE id IN (SELECT id FROM effect
             WHERE status IN ('done', 'dropped') AND created_at < $1 ORDER BY created_at LIMIT 500)",
            "DELETE FROM profile WHERE user_id IN (SELECT user_id FROM profile
             WHERE fetched_at < $1 ORDER BY fetched_at LIMIT 500)",
            "DELETE FROM place WHERE id IN (SELECT id FROM place WHERE held_until < $1 LIMIT 500)",
            // One row for each list of an instance, and few instances.
            "DELETE FROM shared_lists WHERE claimed_until < $1 AND (read_at IS NULL OR read_at < $1)",
        ] {
            let result = sqlx::query(sql).bind(before).execute(&self.pool).await?;
            deleted += result.rows_affected();
        }
        Ok(deleted)
    }

    async fn delete_settled_messages(&self, before: i64) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let settled = sqlx::query(
            "SELECT message.request_id, message.part FROM message JOIN request ON request.id = message.request_id
             WHERE message.due_at IS NULL AND message.given_up_at IS NULL AND message.created_at < $1
             AND request.updated_at < $1 AND request.state IN ('done', 'denied', 'cancelled', 'timed_out')
             ORDER BY message.created_at LIMIT 500",
        );
        let settled = settled.bind(before).fetch_all(&mut *tx.inner).await?;
        let mut deleted = 0;
        for row in settled {
            let (request, part): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            // A click on an old message may have made it wanted again in the meantime.
            let message = "DELETE FROM message WHERE request_id = $1 AND part = $2 AND due_at IS NULL";
            let message = sqlx::query(message).bind(&request).bind(&part);
            if message.execute(&mut *tx.inner).await?.rows_affected() == 0 {
                continue;
            }
            let copies = sqlx::query("DELETE FROM message_copy WHERE request_id = $1 AND part = $2");
            copies.bind(&request).bind(&part).execute(&mut *tx.inner).await?;
            deleted += 1;
        }
        tx.commit().await?;
        Ok(deleted)
    }
}
