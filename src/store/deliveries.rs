//! Deliveries from Slack that were answered, by their keys, and the ack that each got. An ack is tagged, versioned JSON;
//! none stands for the empty one, and so does one that a newer version wrote and this one cannot read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row;

use super::{Store, StoreError, Tx, to_json};
use crate::domain::delivery::{AckRecord, DeliveryKey, StoredKey};

/// The version under which acks are written.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Versioned {
    v: u32,
    #[serde(flatten)]
    ack: AckRecord,
    /// The digest of what was submitted and refused; absent where the ack is for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<String>,
}

fn written(ack: &AckRecord, of: Option<&str>) -> Result<Option<String>, StoreError> {
    if *ack == AckRecord::Empty {
        return Ok(None);
    }
    to_json("ack", &Versioned { v: VERSION, ack: ack.clone(), of: of.map(str::to_owned) }).map(Some)
}

/// An ack, and what it holds for if not for good.
fn read(ack: Option<&str>) -> (AckRecord, Option<String>) {
    let versioned = ack.and_then(|ack| serde_json::from_str::<Versioned>(ack).ok());
    versioned.map(|Versioned { ack, of, .. }| (ack, of)).unwrap_or_default()
}

impl Tx {
    /// Records that a delivery is answered with `ack`, which is kept if the transaction is. Gives the ack of the first
    /// where it was delivered before, or its form was accepted before; then the transaction must be dropped. A delivery
    /// that is being answered at this moment is waited for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_delivery(
        &mut self,
        key: &DeliveryKey,
        ack: &AckRecord,
        now: Timestamp,
    ) -> Result<Option<AckRecord>, StoreError> {
        let StoredKey { id, attempt } = key.stored();
        let sql = match attempt {
            None => {
                "INSERT INTO deliveries (delivered_at, ack, id) VALUES ($1, $2, $3)
                 ON CONFLICT (id) DO NOTHING RETURNING id"
            }
            Some(_) => {
                "INSERT INTO deliveries (delivered_at, ack, id) VALUES ($1, $2, $3), ($1, $2, $4)
                 ON CONFLICT (id) DO NOTHING RETURNING id"
            }
        };
        let insert = sqlx::query(sql).bind(now.as_millisecond()).bind(written(ack, None)?).bind(&id);
        let insert = match &attempt {
            None => insert,
            Some(attempt) => insert.bind(attempt),
        };
        let new = insert.fetch_all(&mut *self.inner).await?;
        let new = new.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
        // What this delivery got comes before what its form got in the end.
        let mut superseded = None;
        for known in attempt.into_iter().chain([id]).filter(|known| !new.contains(known)) {
            let first = sqlx::query("SELECT ack FROM deliveries WHERE id = $1").bind(&known);
            let row = first.fetch_one(&mut *self.inner).await?;
            let (first, of) = read(row.try_get(0)?);
            if of.is_none() || of.as_deref() == key.content() {
                return Ok(Some(first));
            }
            superseded = Some(known);
        }
        if let Some(known) = superseded {
            // Something else was refused under the same trigger, and the form is still open.
            let update = sqlx::query("UPDATE deliveries SET ack = $1, delivered_at = $2 WHERE id = $3");
            let update = update.bind(written(ack, None)?).bind(now.as_millisecond()).bind(known);
            update.execute(&mut *self.inner).await?;
        }
        Ok(None)
    }

    /// Records that a form that was begun with [`Tx::record_delivery`] stays open with `errors`: it may be submitted
    /// again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_form_open(&mut self, key: &DeliveryKey, errors: &AckRecord) -> Result<(), StoreError> {
        let StoredKey { id, attempt } = key.stored();
        sqlx::query("DELETE FROM deliveries WHERE id = $1").bind(id).execute(&mut *self.inner).await?;
        let update = sqlx::query("UPDATE deliveries SET ack = $1 WHERE id = $2");
        let update = update.bind(written(errors, key.content())?).bind(attempt);
        update.execute(&mut *self.inner).await?;
        Ok(())
    }
}

impl Store {
    /// Whether a delivery was answered for good: what it asks for is done or refused.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_delivered(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        let query = sqlx::query("SELECT id FROM deliveries WHERE id = $1").bind(key.stored().id);
        Ok(query.fetch_optional(&self.pool).await?.is_some())
    }

    /// Forgets the deliveries before `before`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_deliveries(&self, before: Timestamp) -> Result<u64, StoreError> {
        let result = sqlx::query("DELETE FROM deliveries WHERE delivered_at < $1")
            .bind(before.as_millisecond())
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected())
    }
}
