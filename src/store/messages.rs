//! The messages that are shown for a request: which version of each is wanted, what stands in the way, and at which places
//! copies of it stand. Only the worker that has the lease of the request's messages changes what is known of the copies;
//! everybody may want a message. A message's kind is stored as tagged, versioned JSON.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::Row;

use super::{Lease, Store, StoreError, Tx, instant, to_json};
use crate::domain::{
    effect::Queue,
    message::{Part, Priority},
    people::{ChannelId, RequestId},
};

/// The version of newly written kinds of messages, as for effects.
pub(super) const VERSION: u32 = 1;

/// How long a call without an answer may still take effect: longer than a call to Slack may take.
pub const LATE_EFFECT: SignedDuration = SignedDuration::from_secs(30);

/// The kind of a message, as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct VersionedPart {
    pub(super) v: u32,
    #[serde(flatten)]
    pub(super) part: Part,
}

/// A copy of a message in Slack. Usually there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageCopy {
    /// The conversation.
    pub channel: ChannelId,
    /// The message's id in it.
    pub ts: String,
    /// The wanted version that it shows.
    pub shown: i64,
    /// Whether Slack lets the bot update it.
    pub is_editable: bool,
    /// When it was posted.
    pub posted_at: Timestamp,
}

/// What an attempt to bring a message up to date leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageRecord {
    /// The copies that are new or have changed.
    pub copies: Vec<MessageCopy>,
    /// The copies that no longer exist.
    pub gone: Vec<MessageCopy>,
    /// When it was posted without an answer, if that is still open.
    pub posting_at: Option<Timestamp>,
    /// Until when an older rendering may still arrive.
    pub unsettled_until: Option<Timestamp>,
    /// When to work on it again, unless another version is wanted by then; `None`: never.
    pub due_at: Option<Timestamp>,
    /// What stands in the way, for operators; `None`: nothing.
    pub error: Option<String>,
    /// Whether nobody tries again until an operator or another version of the request asks for it.
    pub is_given_up: bool,
    /// Other messages that are wanted because of it.
    pub wants: Vec<Part>,
    /// Whether reminders that wait are dropped, because the message does what they are for.
    pub drops_reminders: bool,
}

impl Tx {
    /// Wants a message: the current version of one that is updated, or one that is posted once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn want_message(
        &mut self,
        request: &RequestId,
        part: &Part,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = if part.is_live() {
            "INSERT INTO message (request_id, part, body, priority, wanted, created_at, due_at, attempts)
             VALUES ($1, $2, $3, $4, 1, $5, $5, 0)
             ON CONFLICT (request_id, part) DO UPDATE SET wanted = message.wanted + 1, body = excluded.body,
             due_at = excluded.due_at, given_up_at = NULL"
        } else {
            // An earlier version may have posted it, or have tried to.
            "INSERT INTO message (request_id, part, body, priority, wanted, created_at, due_at, attempts)
             VALUES ($1, $2, $3, $4, 1, $5, $5, 0)
             ON CONFLICT (request_id, part) DO UPDATE SET body = excluded.body, due_at = excluded.due_at
             WHERE message.body IS NULL"
        };
        let body = to_json("message", &VersionedPart { v: VERSION, part: part.clone() })?;
        sqlx::query(sql)
            .bind(request.as_str())
            .bind(part.name())
            .bind(body)
            .bind(part.priority() as i64)
            .bind(now.as_millisecond())
            .execute(&mut *self.inner)
            .await?;
        // An insert would wait for a worker that leases an existing queue, while that worker waits for the message.
        sqlx::query(
            "INSERT INTO lane (request_id, name) SELECT $1, $2
             WHERE NOT EXISTS (SELECT 1 FROM lane WHERE request_id = $1 AND name = $2)
             ON CONFLICT (request_id, name) DO NOTHING",
        )
        .bind(request.as_str())
        .bind(Queue::Show.name())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Adds a copy of a message that somebody clicked on. False if it was known.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn add_copy(
        &mut self,
        request: &RequestId,
        part: &Part,
        (channel, ts): (&ChannelId, &str),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Lock order: a message before its copies.
        sqlx::query("UPDATE message SET wanted = wanted WHERE request_id = $1 AND part = $2")
            .bind(request.as_str())
            .bind(part.name())
            .execute(&mut *self.inner)
            .await?;
        let rows = sqlx::query(
            "INSERT INTO message_copy (request_id, part, channel, ts, shown, is_editable, posted_at)
             VALUES ($1, $2, $3, $4, 0, 1, $5) ON CONFLICT (request_id, part, channel, ts) DO NOTHING",
        )
        .bind(request.as_str())
        .bind(part.name())
        .bind(channel.as_str())
        .bind(ts)
        .bind(now.as_millisecond())
        .execute(&mut *self.inner)
        .await?
        .rows_affected();
        Ok(rows == 1)
    }

    /// Records that a message is about to be posted. False if the lease is lost: then it must not be posted.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn record_posting(
        &mut self,
        lease: &Lease,
        part: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if !self.holds(lease).await? {
            return Ok(false);
        }
        sqlx::query(
            "UPDATE message SET posting_at = COALESCE(posting_at, $1) WHERE request_id = $2 AND part = $3",
        )
        .bind(now.as_millisecond())
        .bind(lease.request.as_str())
        .bind(part)
        .execute(&mut *self.inner)
        .await?;
        Ok(true)
    }

    /// Records what an attempt led to, after [`Tx::release`]. If another version than `wanted` is wanted by now, the
    /// message is due at once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn record_message(
        &mut self,
        request: &RequestId,
        part: &str,
        wanted: i64,
        record: &MessageRecord,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let millis = |time: Option<Timestamp>| time.map(Timestamp::as_millisecond);
        let is_failing = record.error.is_some() && !record.is_given_up;
        sqlx::query(
            "UPDATE message SET posting_at = $1, unsettled_until = $2, error = $3,
             failing_since = CASE WHEN $4 = 0 THEN NULL WHEN failing_since IS NULL THEN $5 ELSE failing_since END,
             attempts = CASE WHEN $4 = 0 THEN 0 ELSE attempts END,
             given_up_at = CASE WHEN $6 = 1 AND wanted = $7 THEN $5 ELSE NULL END,
             due_at = CASE WHEN wanted = $7 THEN $8 ELSE $5 END
             WHERE request_id = $9 AND part = $10",
        )
        .bind(millis(record.posting_at))
        .bind(millis(record.unsettled_until))
        .bind(record.error.as_deref())
        .bind(i64::from(is_failing))
        .bind(now.as_millisecond())
        .bind(i64::from(record.is_given_up))
        .bind(wanted)
        .bind(millis(record.due_at))
        .bind(request.as_str())
        .bind(part)
        .execute(&mut *self.inner)
        .await?;
        for gone in &record.gone {
            sqlx::query(
                "DELETE FROM message_copy WHERE request_id = $1 AND part = $2 AND channel = $3 AND ts = $4",
            )
            .bind(request.as_str())
            .bind(part)
            .bind(gone.channel.as_str())
            .bind(&gone.ts)
            .execute(&mut *self.inner)
            .await?;
        }
        for copy in &record.copies {
            self.save_copy(request, part, copy).await?;
        }
        if record.drops_reminders {
            sqlx::query(
                "UPDATE message SET due_at = NULL WHERE request_id = $1 AND priority = $2 AND due_at IS NOT NULL
                 AND posting_at IS NULL AND part LIKE 'reminder%'",
            )
            .bind(request.as_str())
            .bind(Priority::Other as i64)
            .execute(&mut *self.inner)
            .await?;
        }
        for part in &record.wants {
            self.want_message(request, part, now).await?;
        }
        Ok(())
    }

    async fn save_copy(
        &mut self,
        request: &RequestId,
        part: &str,
        copy: &MessageCopy,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO message_copy (request_id, part, channel, ts, shown, is_editable, posted_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (request_id, part, channel, ts)
             DO UPDATE SET shown = excluded.shown, is_editable = excluded.is_editable",
        )
        .bind(request.as_str())
        .bind(part)
        .bind(copy.channel.as_str())
        .bind(&copy.ts)
        .bind(copy.shown)
        .bind(i64::from(copy.is_editable))
        .bind(copy.posted_at.as_millisecond())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The copies of a message, oldest first.
    pub(super) async fn copies(
        &mut self,
        request: &RequestId,
        part: &str,
    ) -> Result<Vec<MessageCopy>, StoreError> {
        let rows = sqlx::query(COPIES).bind(request.as_str()).bind(part).fetch_all(&mut *self.inner).await?;
        rows.iter().map(copy).collect()
    }
}

const COPIES: &str = "SELECT channel, ts, shown, is_editable, posted_at FROM message_copy
                      WHERE request_id = $1 AND part = $2 ORDER BY posted_at, ts";

fn copy(row: &sqlx::any::AnyRow) -> Result<MessageCopy, StoreError> {
    Ok(MessageCopy {
        channel: ChannelId(row.try_get(0)?),
        ts: row.try_get(1)?,
        shown: row.try_get(2)?,
        is_editable: row.try_get::<i64, _>(3)? != 0,
        posted_at: instant(row.try_get(4)?),
    })
}

impl Store {
    /// The copies of a message that stand in Slack, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn message_copies(
        &self,
        request: &RequestId,
        part: &Part,
    ) -> Result<Vec<MessageCopy>, StoreError> {
        let query = sqlx::query(COPIES).bind(request.as_str()).bind(part.name());
        query.fetch_all(&self.readers).await?.iter().map(copy).collect()
    }

    /// What stands in the way of a message: the error, and since when; `None` if nothing does.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn message_failure(
        &self,
        request: &RequestId,
        part: &Part,
    ) -> Result<Option<(String, Timestamp)>, StoreError> {
        let row = sqlx::query(
            "SELECT error, failing_since FROM message
             WHERE request_id = $1 AND part = $2 AND failing_since IS NOT NULL AND error IS NOT NULL",
        )
        .bind(request.as_str())
        .bind(part.name())
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| Ok((row.try_get(0)?, instant(row.try_get(1)?)))).transpose()
    }
}
