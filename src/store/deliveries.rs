//! The recorded deliveries from Slack: their keys and acks. An ack is tagged, versioned JSON. A missing ack is the empty one.
//! If only a newer version can read the ack of a submitted form, it is left to that version: an empty one would close a
//! form that was refused. For everything else the empty ack stands for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row;

use super::{Store, StoreError, Tx, from_json, stored_effect::Version, to_json};
use crate::domain::delivery::{AckRecord, DeliveryKey, StoredKey};

/// The version of written acks.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct StoredAck {
    v: u32,
    #[serde(flatten)]
    ack: AckRecord,
    /// The digest of the refused content; absent if the ack is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<String>,
}

fn encode(ack: &AckRecord, of: Option<&str>) -> Result<Option<String>, StoreError> {
    if *ack == AckRecord::Empty {
        return Ok(None);
    }
    to_json("ack", &StoredAck { v: VERSION, ack: ack.clone(), of: of.map(str::to_owned) }).map(Some)
}

/// An ack, and the digest of the content that it applies to unless it is final.
///
/// # Errors
/// [`StoreError::Newer`] if only a newer version can read it.
fn decode(ack: Option<&str>) -> Result<(AckRecord, Option<String>), StoreError> {
    let Some(text) = ack else { return Ok((AckRecord::Empty, None)) };
    let is_newer = || from_json::<Version>("ack", text).is_ok_and(|version| version.v > VERSION);
    match from_json::<StoredAck>("ack", text) {
        Ok(StoredAck { ack, of, .. }) => Ok((ack, of)),
        Err(_) if is_newer() => Err(StoreError::Newer { what: "ack" }),
        Err(_) => Ok((AckRecord::Empty, None)),
    }
}

impl Tx {
    /// Records a delivery and its `ack`. For a repeat, or if the form was accepted before, returns the ack of the first
    /// delivery; the transaction must then be dropped. Waits for a concurrent transaction with the same delivery.
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
        let insert = sqlx::query(sql).bind(now.as_millisecond()).bind(encode(ack, None)?).bind(&id);
        let insert = match &attempt {
            None => insert,
            Some(attempt) => insert.bind(attempt),
        };
        let new = insert.fetch_all(&mut *self.inner).await?;
        let new = new.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
        // The ack of this attempt takes precedence over the final ack of the form.
        let mut superseded = None;
        for existing in attempt.into_iter().chain([id]).filter(|id| !new.contains(id)) {
            let first = sqlx::query("SELECT ack FROM deliveries WHERE id = $1").bind(&existing);
            let row = first.fetch_one(&mut *self.inner).await?;
            let (first, of) = match decode(row.try_get(0)?) {
                Err(StoreError::Newer { .. }) if !matches!(key, DeliveryKey::View { .. }) => {
                    Default::default()
                }
                decoded => decoded?,
            };
            if of.is_none() || of.as_deref() == key.content() {
                return Ok(Some(first));
            }
            superseded = Some(existing);
        }
        if let Some(id) = superseded {
            // Other content was refused under the same id, and the form is still open.
            let update = sqlx::query("UPDATE deliveries SET ack = $1, delivered_at = $2 WHERE id = $3");
            let update = update.bind(encode(ack, None)?).bind(now.as_millisecond()).bind(id);
            update.execute(&mut *self.inner).await?;
        }
        Ok(None)
    }

    /// Records that a form stays open with `errors` and may be submitted again. Call [`Tx::record_delivery`] first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_form_open(&mut self, key: &DeliveryKey, errors: &AckRecord) -> Result<(), StoreError> {
        let StoredKey { id, attempt } = key.stored();
        sqlx::query("DELETE FROM deliveries WHERE id = $1").bind(id).execute(&mut *self.inner).await?;
        let update = sqlx::query("UPDATE deliveries SET ack = $1 WHERE id = $2");
        let update = update.bind(encode(errors, key.content())?).bind(attempt);
        update.execute(&mut *self.inner).await?;
        Ok(())
    }
}

impl Store {
    /// Whether a delivery has a final ack: its action was saved or refused.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_delivered(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        let query = sqlx::query("SELECT id FROM deliveries WHERE id = $1").bind(key.stored().id);
        Ok(query.fetch_optional(&self.readers).await?.is_some())
    }

    /// Deletes the deliveries before `before`, and returns how many.
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
