//! What one replica has read from a Marketo instance, for the other replicas. It does not know what a list contains.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError, with_timeout};

/// The longest claim of any replica, in milliseconds: a failed read is not repeated for half an hour.
const LONGEST_CLAIM: i64 = 31 * 60 * 1000;

/// A list of an instance.
#[derive(Clone, Copy, Debug)]
pub struct ListKey<'a> {
    /// The instance.
    pub instance: &'a str,
    /// The list's name.
    pub list: &'a str,
}

/// A list as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedList {
    /// When it was requested.
    pub read_at: Timestamp,
    /// Its content.
    pub content: String,
}

impl Store {
    /// The list that any replica read last; `None` if none has read it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn shared_list(&self, key: ListKey<'_>) -> Result<Option<SharedList>, StoreError> {
        let select = sqlx::query(
            "SELECT read_at, content FROM shared_lists
             WHERE instance = $1 AND list = $2 AND read_at IS NOT NULL AND content IS NOT NULL",
        );
        let select = select.bind(key.instance).bind(key.list).fetch_optional(&self.pool);
        let Some(row) = with_timeout(async { Ok(select.await?) }).await? else { return Ok(None) };
        let (read_at, content): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Timestamp::from_millisecond(read_at).ok().map(|read_at| SharedList { read_at, content }))
    }

    /// Claims the right to read a list for `duration`. Returns how often in a row reading it has failed, or `None` if
    /// another replica has the claim. `is_forced`: it is claimed regardless.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim_list(
        &self,
        key: ListKey<'_>,
        now: Timestamp,
        duration: Duration,
        is_forced: bool,
    ) -> Result<Option<u32>, StoreError> {
        let until = end_of(now, duration);
        let now = now.as_millisecond();
        // A replica whose clock was ahead must not keep the claim for too long.
        let claim = sqlx::query(
            "INSERT INTO shared_lists (instance, list, claimed_until) VALUES ($1, $2, $4)
             ON CONFLICT (instance, list) DO UPDATE SET claimed_until = $4
             WHERE shared_lists.claimed_until <= $3 OR shared_lists.claimed_until > $5 OR $6 = 1
             RETURNING failures",
        );
        let claim = claim
            .bind(key.instance)
            .bind(key.list)
            .bind(now)
            .bind(until)
            .bind(until.max(now.saturating_add(LONGEST_CLAIM)))
            .bind(i64::from(is_forced))
            .fetch_optional(&self.pool);
        let Some(row) = with_timeout(async { Ok(claim.await?) }).await? else { return Ok(None) };
        let failures: i64 = row.try_get(0)?;
        Ok(Some(u32::try_from(failures).unwrap_or(u32::MAX)))
    }

    /// Keeps every replica from reading a list for `duration`, after it could not be read `failures` times in a row.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn leave_list(
        &self,
        key: ListKey<'_>,
        now: Timestamp,
        duration: Duration,
        failures: u32,
    ) -> Result<(), StoreError> {
        let leave = sqlx::query(
            "INSERT INTO shared_lists (instance, list, claimed_until, failures) VALUES ($1, $2, $3, $4)
             ON CONFLICT (instance, list) DO UPDATE SET claimed_until = $3, failures = $4",
        );
        let leave = leave
            .bind(key.instance)
            .bind(key.list)
            .bind(end_of(now, duration))
            .bind(i64::from(failures))
            .execute(&self.pool);
        with_timeout(async { Ok(leave.await.map(drop)?) }).await
    }

    /// Stores a list and releases the claim.
    ///
    /// # Errors
    /// If the database fails. The claim ends by itself then.
    pub async fn save_list(&self, key: ListKey<'_>, list: &SharedList) -> Result<(), StoreError> {
        let update = sqlx::query(
            "UPDATE shared_lists SET claimed_until = 0, failures = 0, read_at = $3, content = $4
             WHERE instance = $1 AND list = $2",
        );
        let update = update
            .bind(key.instance)
            .bind(key.list)
            .bind(list.read_at.as_millisecond())
            .bind(&list.content)
            .execute(&self.pool);
        with_timeout(async { Ok(update.await.map(drop)?) }).await
    }
}

/// The end of a claim, in milliseconds.
fn end_of(now: Timestamp, duration: Duration) -> i64 {
    now.as_millisecond().saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4))
}

#[cfg(test)]
#[path = "tests/shared_lists.rs"]
mod tests;
