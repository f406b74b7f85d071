//! Profiles of Slack users, stored so that another replica, or this one after a restart, need not fetch them first. The
//! caller defines the format of the body.

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError};
use crate::domain::people::UserId;

impl Store {
    /// The stored profile of a user, and when it was fetched.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn profile(&self, user: &UserId) -> Result<Option<(String, Timestamp)>, StoreError> {
        let row = sqlx::query("SELECT body, fetched_at FROM profile WHERE user_id = $1")
            .bind(user.as_str())
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let fetched_at = Timestamp::from_millisecond(row.try_get(1)?).unwrap_or(Timestamp::MIN);
        Ok(Some((row.try_get(0)?, fetched_at)))
    }

    /// Stores the profile of a user.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn save_profile(&self, user: &UserId, body: &str, now: Timestamp) -> Result<(), StoreError> {
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
