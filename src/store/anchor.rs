//! The head of the ledger as it is shown outside, once a day: which head is shown is written down before, so that
//! whoever takes over shows the same one, and so that it is shown once, by whichever replica.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row;

use super::{Head, Store, StoreError, Tx};
use crate::domain::people::ChannelId;

/// What there is to do about a day's anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It is shown.
    Shown,
    /// Somebody is about to show it, or tried a moment ago.
    Held,
    /// It is ours to show.
    Ours {
        /// What is shown.
        head: Head,
        /// When somebody tried before, who has not said what became of it.
        attempted_at: Option<Timestamp>,
    },
}

impl Store {
    /// Takes the anchor of `day` in hand until `now` and `hold`; the head is the one of the first time.
    ///
    /// # Errors
    /// When the database fails.
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
        let taken = sqlx::query(
            "UPDATE anchor SET due_at = $1 WHERE day = $2 AND ts IS NULL AND (due_at <= $3 OR $4 = 1)
             RETURNING seq, hash, attempted_at",
        );
        let taken = taken
            .bind(due_at)
            .bind(day)
            .bind(now.as_millisecond())
            .bind(i64::from(added == 1))
            .fetch_optional(&mut *tx.inner)
            .await?;
        let anchor = match taken {
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
    /// Writes down where a day's anchor stands; false if that is known already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_anchor(&mut self, day: &str, place: (&ChannelId, &str)) -> Result<bool, StoreError> {
        let noted = sqlx::query("UPDATE anchor SET channel = $1, ts = $2 WHERE day = $3 AND ts IS NULL");
        let noted = noted.bind(place.0.as_str()).bind(place.1).bind(day).execute(&mut *self.inner).await?;
        Ok(noted.rows_affected() == 1)
    }
}
