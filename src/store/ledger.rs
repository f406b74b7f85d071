//! The audit ledger: one entry for each event, written in the transaction of the event itself. Each entry contains a hash
//! of the previous entry's hash and its own content, so that a changed or missing entry is detected.
//!
//! # The canonical form
//!
//! Entries are numbered 1, 2, 3 … without gaps. The hash of an entry is the SHA-256, in lowercase hex, of seven fields in
//! this order:
//!
//! 1. the hash of the previous entry; 64 zeros for the first ([`GENESIS`]),
//! 2. its number, in decimal,
//! 3. its time, in milliseconds since 1970-01-01T00:00:00Z, in decimal,
//! 4. the id of its request; empty if it belongs to none ([`NO_REQUEST`]),
//! 5. its actor, 6. its name, 7. its body, as stored, in UTF-8.
//!
//! Each field is preceded by its length in bytes, as an 8-byte big-endian number, so that the input is unambiguous. The
//! body is a JSON object, hashed as it is stored, without normalization.
//!
//! This form never changes: every entry must stay verifiable forever. Entries are never changed and never deleted. Only
//! an entry named [`CLOCK_SET_BACK`] may be earlier than the previous one by more than [`MAX_SKEW`]; it is appended
//! automatically.

mod read;
mod replay;
mod verification;
mod verify;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use sqlx::Row;

pub use self::{
    read::{Ledger, LedgerEntry, Selection},
    verification::{Head, VerificationError},
};
use super::{Store, StoreError, Tx};
use crate::domain::people::RequestId;

/// The previous hash of the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// The request of entries that belong to none.
pub const NO_REQUEST: &str = "";
/// The actor of entries that no person caused.
pub const BOT: &str = "bot";
/// By how much an entry may be earlier than the previous one: clocks of replicas differ, and a transaction may read its
/// clock long before it appends.
const MAX_SKEW: SignedDuration = SignedDuration::from_secs(60);
/// The name of the entry that explains why the following times are earlier.
const CLOCK_SET_BACK: &str = "clock_set_back";
/// The names of entries that do not change a request's state.
const STATELESS_ENTRIES: [&str; 3] = ["refused", "calling", "called"];

/// An entry to append.
#[derive(Clone, Debug)]
pub struct NewLedgerEntry<'a> {
    /// When it happened.
    pub at: Timestamp,
    /// The request that it is about, or [`NO_REQUEST`].
    pub request: &'a RequestId,
    /// The Slack id of the person who did it, or [`BOT`].
    pub actor: &'a str,
    /// The name, such as `approved`.
    pub name: &'a str,
    /// Details as a JSON object. Never a secret.
    pub body: &'a str,
}

impl Tx {
    /// Appends an entry to the chain. Lock order: everything else, then the ledger's head.
    ///
    /// # Errors
    /// If the database fails. The transaction must be rolled back then.
    pub async fn append(&mut self, entry: &NewLedgerEntry<'_>) -> Result<(), StoreError> {
        // Taking the next number locks the head until the transaction ends, so the chain never forks.
        let head = sqlx::query(
            "UPDATE ledger_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash, COALESCE(entered_at, 0)",
        );
        let head = head.fetch_one(&mut *self.inner).await?;
        let (mut seq, mut previous): (i64, String) = (head.try_get(0)?, head.try_get(1)?);
        let last_at: i64 = head.try_get(2)?;
        if is_earlier(entry.at.as_millisecond(), last_at) {
            let body = serde_json::json!({ "was": last_at }).to_string();
            let request = RequestId(NO_REQUEST.to_owned());
            let note = NewLedgerEntry {
                at: entry.at,
                request: &request,
                actor: BOT,
                name: CLOCK_SET_BACK,
                body: &body,
            };
            previous = self.insert_entry(&note, seq, previous).await?;
            seq += 1;
        }
        let hash = self.insert_entry(entry, seq, previous).await?;
        sqlx::query("UPDATE ledger_head SET seq = $1, hash = $2, entered_at = $3 WHERE id = 1")
            .bind(seq)
            .bind(&hash)
            .bind(entry.at.as_millisecond())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Inserts one entry and returns its hash.
    async fn insert_entry(
        &mut self,
        entry: &NewLedgerEntry<'_>,
        seq: i64,
        previous: String,
    ) -> Result<String, StoreError> {
        let at = entry.at.as_millisecond();
        let hash = hash(&previous, seq, at, [entry.request.as_str(), entry.actor, entry.name, entry.body]);
        sqlx::query(
            "INSERT INTO ledger (seq, entered_at, request_id, actor, entry, body, previous, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(seq)
        .bind(at)
        .bind(entry.request.as_str())
        .bind(entry.actor)
        .bind(entry.name)
        .bind(entry.body)
        .bind(previous)
        .bind(&hash)
        .execute(&mut *self.inner)
        .await?;
        Ok(hash)
    }

    /// The body of the last entry with this name that belongs to no request. Locks the ledger's head, so that no other
    /// transaction appends before this one ends.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn last_of_none(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        sqlx::query("UPDATE ledger_head SET seq = seq WHERE id = 1").execute(&mut *self.inner).await?;
        let last = sqlx::query(
            "SELECT body FROM ledger WHERE request_id = $1 AND entry = $2 ORDER BY seq DESC LIMIT 1",
        );
        let row = last.bind(NO_REQUEST).bind(name).fetch_optional(&mut *self.inner).await?;
        row.map(|row| Ok(row.try_get(0)?)).transpose()
    }
}

impl Store {
    /// The last entry's number and hash.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ledger_head(&self) -> Result<Head, StoreError> {
        let row =
            sqlx::query("SELECT seq, hash FROM ledger_head WHERE id = 1").fetch_one(&self.readers).await?;
        Ok(Head { seq: row.try_get(0)?, hash: row.try_get(1)? })
    }
}

/// Whether a time is earlier than the last one by more than clock skew explains.
fn is_earlier(at: i64, last_at: i64) -> bool {
    at < last_at.saturating_sub(i64::try_from(MAX_SKEW.as_millis()).unwrap_or(0))
}

/// The hash of an entry with the text fields `request_id`, `actor`, `entry` and `body`.
fn hash(previous: &str, seq: i64, at: i64, texts: [&str; 4]) -> String {
    let mut hasher = Sha256::new();
    let [request, actor, name, body] = texts;
    for field in [previous, &seq.to_string(), &at.to_string(), request, actor, name, body] {
        hasher.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(field);
    }
    hex::encode(hasher.finalize())
}

/// The correct hash of an entry.
#[cfg(test)]
pub(super) fn hash_of(entry: &LedgerEntry) -> String {
    let LedgerEntry { seq, at, request, actor, name, body, previous, .. } = entry;
    hash(previous, *seq, *at, [request, actor, name, body])
}
