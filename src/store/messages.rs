//! Which messages were posted for a request, so that each is posted once and can be brought up to date.

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError};
use crate::domain::people::{ChannelId, RequestId};

/// A message of a request, posted or about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// When posting was first tried. Written down before the call, so that an answer that never came is
    /// looked up instead of posting twice.
    pub attempted_at: Timestamp,
    /// Where it is: the channel's id and the message's `ts` in it; absent until that is known.
    pub place: Option<(ChannelId, String)>,
    /// The version of the request that it shows.
    pub shown_version: i64,
}

impl Store {
    /// What is known of one part of a request's messages.
    ///
    /// # Errors
    /// When the database fails.
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

    /// Writes down that a part is about to be posted.
    ///
    /// # Errors
    /// When the database fails.
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

    /// Takes back [`Store::note_posting`]: the message was certainly not posted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_not_posted(&self, request: &RequestId, part: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM message WHERE request_id = $1 AND part = $2 AND ts IS NULL")
            .bind(request.as_str())
            .bind(part)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Forgets a message: it is not there any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_message(&self, request: &RequestId, part: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM message WHERE request_id = $1 AND part = $2")
            .bind(request.as_str())
            .bind(part)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Writes down where a part is and which version of the request it shows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_posted(
        &self,
        request: &RequestId,
        part: &str,
        place: (&ChannelId, &str),
        version: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE message SET channel = $1, ts = $2, shown_version = $3 WHERE request_id = $4 AND part = $5",
        )
        .bind(place.0.as_str())
        .bind(place.1)
        .bind(version)
        .bind(request.as_str())
        .bind(part)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
