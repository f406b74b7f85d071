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

    /// The profiles that were fetched after `since`, of up to `limit` users, with when they were fetched, the latest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn recent_profiles(
        &self,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<(UserId, String, Timestamp)>, StoreError> {
        let rows = sqlx::query(
            "SELECT user_id, body, fetched_at FROM profile WHERE fetched_at > $1
             ORDER BY fetched_at DESC LIMIT $2",
        )
        .bind(since.as_millisecond())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.readers)
        .await?;
        let profile = |row: &sqlx::any::AnyRow| {
            let fetched_at = Timestamp::from_millisecond(row.try_get(2)?).unwrap_or(Timestamp::MIN);
            Ok((UserId(row.try_get(0)?), row.try_get(1)?, fetched_at))
        };
        rows.iter().map(profile).collect()
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
