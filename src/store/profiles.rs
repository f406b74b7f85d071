//! What Slack said of a person, kept so that another replica, or this one after a restart, need not ask
//! again before it can answer. The text is the business of whoever writes it.

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError};
use crate::domain::people::UserId;

impl Store {
    /// The kept profile of a person and when it was fetched.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile(&self, user: &UserId) -> Result<Option<(String, Timestamp)>, StoreError> {
        let row = sqlx::query("SELECT body, fetched_at FROM profile WHERE user_id = $1")
            .bind(user.as_str())
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let fetched_at = Timestamp::from_millisecond(row.try_get(1)?).unwrap_or(Timestamp::MIN);
        Ok(Some((row.try_get(0)?, fetched_at)))
    }

    /// Keeps the profile of a person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_profile(&self, user: &UserId, body: &str, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO profile (user_id, body, fetched_at) VALUES ($1, $2, $3)
             ON CONFLICT (user_id) DO UPDATE SET body = excluded.body, fetched_at = excluded.fetched_at",
        )
        .bind(user.as_str())
        .bind(body)
        .bind(now.as_millisecond())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
