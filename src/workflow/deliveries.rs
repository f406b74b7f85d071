//! The one way in for a delivery from Slack: beginning it tells whether to go on, or which ack the first delivery got.
//! The key and the ack are saved with everything that follows, or not at all.

use super::{StoreError, Workflow};
use crate::{
    domain::delivery::{AckRecord, DeliveryKey},
    store::Tx,
};

/// What to do about a delivery.
#[derive(Debug)]
pub(super) enum Begun {
    /// It is new: write into this transaction, and commit it.
    Proceed(Tx),
    /// It was answered before, with this.
    Replay(AckRecord),
}

impl Workflow {
    /// Begins a delivery that is answered with `ack`, unless it turns out otherwise.
    pub(super) async fn begin(&self, key: &DeliveryKey, ack: &AckRecord) -> Result<Begun, StoreError> {
        let mut tx = self.store.begin().await?;
        Ok(match tx.record_delivery(key, ack, self.clock.now()).await? {
            None => Begun::Proceed(tx),
            Some(first) => Begun::Replay(first),
        })
    }

    /// Begins a delivery that keeps its form open with `errors`.
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

    /// Records a delivery that saves nothing else. Gives the ack of the first where this is a repeat.
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

    /// Records that a submitted form stays open with `errors`, before anything of it was taken. Gives the ack of the first
    /// where this is a repeat, or where the form was accepted before.
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
