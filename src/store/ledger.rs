//! The ledger: one entry for each thing that happened, written in the transaction of the thing itself.
//! Each entry carries a hash over the one before it and its own text, so that a changed or missing entry shows.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::{StoreError, Tx};
use crate::domain::people::RequestId;

/// The hash before the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What is entered.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// When it happened.
    pub at: Timestamp,
    /// The request that it happened to.
    pub request: &'a RequestId,
    /// Who did it: a person's id, or `bot`.
    pub actor: &'a str,
    /// Its name, such as `approved`.
    pub name: &'a str,
    /// More about it, as JSON.
    pub body: &'a str,
}

impl Tx {
    /// Appends an entry to the chain.
    ///
    /// # Errors
    /// When the database fails; then nothing of the transaction may be kept.
    pub async fn append(&mut self, entry: &Entry<'_>) -> Result<(), StoreError> {
        // Taking the next number locks the head until the transaction ends: entries are in one line.
        let head = sqlx::query("UPDATE ledger_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash")
            .fetch_one(&mut *self.inner)
            .await?;
        let seq: i64 = head.try_get(0)?;
        let previous: String = head.try_get(1)?;
        let hash = entry.hash(seq, &previous);
        sqlx::query(
            "INSERT INTO ledger (seq, entered_at, request_id, actor, entry, body, previous, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(seq)
        .bind(entry.at.as_millisecond())
        .bind(entry.request.as_str())
        .bind(entry.actor)
        .bind(entry.name)
        .bind(entry.body)
        .bind(previous)
        .bind(&hash)
        .execute(&mut *self.inner)
        .await?;
        sqlx::query("UPDATE ledger_head SET hash = $1 WHERE id = 1")
            .bind(&hash)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}

impl Entry<'_> {
    /// SHA-256, in hex, over the previous hash and the entry's fields, each preceded by its length, so that
    /// no two entries have the same text.
    fn hash(&self, seq: i64, previous: &str) -> String {
        let mut hasher = Sha256::new();
        let (seq, at) = (seq.to_string(), self.at.as_millisecond().to_string());
        for field in [previous, &seq, &at, self.request.as_str(), self.actor, self.name, self.body] {
            hasher.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(field);
        }
        hex::encode(hasher.finalize())
    }
}
