//! Anchors: the ledger's head that is posted outside the database once a day. The head is recorded before it is posted,
//! so that another replica that takes over posts the same one, and only once.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row;

use super::{Head, Store, StoreError, Tx};
use crate::domain::people::ChannelId;

/// The state of a day's anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It is posted.
    Shown,
    /// Another worker holds it.
    Held,
    /// The caller holds it and must post it.
    Ours {
        /// The head to post.
        head: Head,
        /// When an earlier attempt started whose outcome is unknown.
        attempted_at: Option<Timestamp>,
    },
}

impl Store {
    /// Claims the anchor of `day` for `hold`. The head is the one of the first attempt.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn take_anchor(&self, day: &str, now: Timestamp, hold: Duration) -> Result<Anchor, StoreError> {
        let due_at = now.as_millisecond().saturating_add(i64::try_from(hold.as_millis()).unwrap_or(i64::MAX));
        let mut tx = self.begin().await?;
        let added = sqlx::query(
            "INSERT INTO anchor (day, seq, hash, attempted_at, due_at)
             SELECT $1, seq, hash, $2, $3 FROM ledger_head WHERE id = 1
             ON CONFLICT (day) DO NOTHING",
        );
        let added = added
            .bind(day)
            .bind(now.as_millisecond())
            .bind(due_at)
            .execute(&mut *tx.inner)
            .await?
            .rows_affected();
        let claimed = sqlx::query(
            "UPDATE anchor SET due_at = $1 WHERE day = $2 AND ts IS NULL AND (due_at <= $3 OR $4 = 1)
             RETURNING seq, hash, attempted_at",
        );
        let claimed = claimed
            .bind(due_at)
            .bind(day)
            .bind(now.as_millisecond())
            .bind(i64::from(added == 1))
            .fetch_optional(&mut *tx.inner)
            .await?;
        let anchor = match claimed {
            Some(row) => {
                let attempted_at = Timestamp::from_millisecond(row.try_get(2)?).unwrap_or(Timestamp::MIN);
                let head = Head { seq: row.try_get(0)?, hash: row.try_get(1)? };
                Anchor::Ours { head, attempted_at: (added == 0).then_some(attempted_at) }
            }
            None => {
                let shown = sqlx::query("SELECT 1 FROM anchor WHERE day = $1 AND ts IS NOT NULL").bind(day);
                match shown.fetch_optional(&mut *tx.inner).await? {
                    Some(_) => Anchor::Shown,
                    None => Anchor::Held,
                }
            }
        };
        tx.commit().await?;
        Ok(anchor)
    }
}

impl Tx {
    /// Records the message (channel and `ts`) of a day's anchor. Returns false if one is recorded already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_anchor(
        &mut self,
        day: &str,
        (channel, ts): (&ChannelId, &str),
    ) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE anchor SET channel = $1, ts = $2 WHERE day = $3 AND ts IS NULL");
        let updated = update.bind(channel.as_str()).bind(ts).bind(day).execute(&mut *self.inner).await?;
        Ok(updated.rows_affected() == 1)
    }
}
