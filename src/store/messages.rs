//! The messages posted for a request, so that each is posted once and can be updated.

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError};
use crate::domain::people::{ChannelId, RequestId};

/// A message of a request, posted or being posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// When it was first attempted. Recorded before the call: if Slack's response is lost, the message is looked up
    /// instead of posted twice.
    pub attempted_at: Timestamp,
    /// The channel and the message's `ts` in it; absent until known.
    pub place: Option<(ChannelId, String)>,
    /// The version of the request that it shows.
    pub shown_version: i64,
}

impl Store {
    /// The message of a request that has the key `part`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn message(&self, request: &RequestId, part: &str) -> Result<Option<Posted>, StoreError> {
        let row = sqlx::query(
            "SELECT attempted_at, channel, ts, shown_version FROM message WHERE request_id = $1 AND part = $2",
        )
        .bind(request.as_str())
        .bind(part)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let channel: Option<String> = row.try_get(1)?;
        let ts: Option<String> = row.try_get(2)?;
        Ok(Some(Posted {
            attempted_at: Timestamp::from_millisecond(row.try_get(0)?).unwrap_or(Timestamp::MIN),
            place: channel.zip(ts).map(|(channel, ts)| (ChannelId(channel), ts)),
            shown_version: row.try_get(3)?,
        }))
    }

    /// Records that a message is about to be posted.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn record_posting(
        &self,
        request: &RequestId,
        part: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO message (request_id, part, attempted_at, shown_version) VALUES ($1, $2, $3, 0)
             ON CONFLICT (request_id, part) DO NOTHING",
        )
        .bind(request.as_str())
        .bind(part)
        .bind(now.as_millisecond())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Reverts [`Store::record_posting`]: the message was certainly not posted.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn record_not_posted(&self, request: &RequestId, part: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM message WHERE request_id = $1 AND part = $2 AND ts IS NULL")
            .bind(request.as_str())
            .bind(part)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Deletes the record of a message that no longer exists in Slack.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_message(&self, request: &RequestId, part: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM message WHERE request_id = $1 AND part = $2")
            .bind(request.as_str())
            .bind(part)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Records a message's channel and `ts`, and the version of the request that it shows.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn record_posted(
        &self,
        request: &RequestId,
        part: &str,
        (channel, ts): (&ChannelId, &str),
        version: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE message SET channel = $1, ts = $2, shown_version = $3 WHERE request_id = $4 AND part = $5",
        )
        .bind(channel.as_str())
        .bind(ts)
        .bind(version)
        .bind(request.as_str())
        .bind(part)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
