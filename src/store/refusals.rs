//! How many actions of each person were refused in the present minute. A minute begins with its first refusal.

use jiff::Timestamp;
use sqlx::Row;

use super::{StoreError, Tx};
use crate::domain::people::UserId;

/// In milliseconds.
const MINUTE: i64 = 60_000;

/// The refusals of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusals {
    /// In the present minute.
    pub now: i64,
    /// In a minute that ended; `None` if none did since they were counted last.
    pub ended: Option<i64>,
}

impl Tx {
    /// Counts a refusal. Locks the count of this person until the transaction ends. Lock order: everything else, this count,
    /// the ledger's head.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_refusal(&mut self, user: &UserId, now: Timestamp) -> Result<Refusals, StoreError> {
        let now = now.as_millisecond();
        // A minute that begins in the future was counted by a clock that was set back since.
        let ended = sqlx::query(
            "DELETE FROM refusal WHERE user_id = $1 AND (since <= $2 OR since > $3) RETURNING count",
        );
        let ended = ended.bind(user.as_str()).bind(now - MINUTE).bind(now);
        let ended = ended.fetch_optional(&mut *self.inner).await?;
        let counted = sqlx::query(
            "INSERT INTO refusal (user_id, since, count) VALUES ($1, $2, 1)
             ON CONFLICT (user_id) DO UPDATE SET count = refusal.count + 1 RETURNING count",
        );
        let counted = counted.bind(user.as_str()).bind(now).fetch_one(&mut *self.inner).await?;
        let ended = ended.map(|row| row.try_get(0)).transpose()?;
        Ok(Refusals { now: counted.try_get(0)?, ended })
    }

    /// Removes the count of one minute that has ended; `None` if there is none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn take_ended_refusals(&mut self, now: Timestamp) -> Result<Option<(UserId, i64)>, StoreError> {
        let row = sqlx::query(
            "DELETE FROM refusal WHERE user_id = (SELECT user_id FROM refusal WHERE since <= $1 ORDER BY since LIMIT 1)
             RETURNING user_id, count",
        );
        let row = row.bind(now.as_millisecond() - MINUTE).fetch_optional(&mut *self.inner).await?;
        row.map(|row| Ok((UserId(row.try_get(0)?), row.try_get(1)?))).transpose()
    }
}
