//! Idempotent deliveries: beginning one opens a transaction, or returns the ack of the first delivery. The key and the ack
//! commit together with everything else that the delivery changes.

use super::{StoreError, Workflow};
use crate::{
    domain::delivery::{AckRecord, DeliveryKey},
    store::Tx,
};

/// Whether a delivery is new.
#[derive(Debug)]
pub(super) enum Begun {
    /// It is new: write to this transaction and commit it.
    Proceed(Tx),
    /// It is a repeat: answer with this ack of the first delivery.
    Replay(AckRecord),
}

impl Workflow {
    /// Begins a delivery and records `ack` for its repeats.
    pub(super) async fn begin(&self, key: &DeliveryKey, ack: &AckRecord) -> Result<Begun, StoreError> {
        let mut tx = self.store.begin().await?;
        Ok(match tx.record_delivery(key, ack, self.clock.now()).await? {
            None => Begun::Proceed(tx),
            Some(first) => Begun::Replay(first),
        })
    }

    /// Begins a delivery whose form stays open with `errors`.
    pub(super) async fn begin_refusal(
        &self,
        key: &DeliveryKey,
        errors: &AckRecord,
    ) -> Result<Begun, StoreError> {
        let begun = self.begin(key, errors).await?;
        Ok(match begun {
            Begun::Proceed(mut tx) => {
                tx.keep_form_open(key, errors).await?;
                Begun::Proceed(tx)
            }
            replay @ Begun::Replay(_) => replay,
        })
    }

    /// Records a delivery that saves nothing else. For a repeat, returns the ack of the first delivery.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_delivery(
        &self,
        key: &DeliveryKey,
        ack: &AckRecord,
    ) -> Result<Option<AckRecord>, StoreError> {
        match self.begin(key, ack).await? {
            Begun::Proceed(tx) => tx.commit().await.map(|()| None),
            Begun::Replay(first) => Ok(Some(first)),
        }
    }

    /// Records that an invalid form stays open with `errors`. For a repeat, or if the form was accepted before, returns the
    /// ack of the first delivery.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_refusal(
        &self,
        key: &DeliveryKey,
        errors: &AckRecord,
    ) -> Result<Option<AckRecord>, StoreError> {
        match self.begin_refusal(key, errors).await? {
            Begun::Proceed(tx) => tx.commit().await.map(|()| None),
            Begun::Replay(first) => Ok(Some(first)),
        }
    }
}
