//! What became of an effect, and the event that it leads to: recorded together, under the lease of whoever carried it
//! out.

use jiff::Timestamp;

use super::{BOT, Engine, Refused, StoreError};
use crate::{
    domain::{
        decide::{Refusal, decide},
        event::Event,
        people::RequestId,
    },
    store::{Claimed, Taken, Tx, in_time},
};

/// What a worker records about the effect that it carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It is carried out.
    Done,
    /// It is tried again.
    Later {
        /// When.
        due_at: Timestamp,
        /// What this try leaves behind for the next.
        progress: Option<String>,
        /// Why, for operators.
        error: String,
    },
    /// It is given up, and kept for somebody to look at.
    Buried {
        /// Why, for operators.
        error: String,
    },
}

/// What became of a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is recorded. A press that waited for the effect may have been refused.
    Recorded(Option<Refused>),
    /// Another worker has taken over; nothing is recorded.
    LeaseLost,
}

impl Engine {
    /// Records what became of an effect together with the event that it leads to.
    ///
    /// # Errors
    /// When the database fails; unless it failed after all was done, nothing is recorded, and the effect comes back when
    /// its lease ends.
    pub async fn settle(
        &self,
        claimed: &Claimed,
        settlement: Settlement,
        event: Option<&Event>,
    ) -> Result<Settled, StoreError> {
        in_time(self.settle_at_leisure(claimed, settlement, event)).await
    }

    async fn settle_at_leisure(
        &self,
        claimed: &Claimed,
        settlement: Settlement,
        event: Option<&Event>,
    ) -> Result<Settled, StoreError> {
        let mut tx = self.store.begin().await?;
        if event.is_some() {
            // Always the request before its lanes, so that no two transactions wait for each other.
            tx.request(&claimed.request.id).await?;
        }
        if !settle_effect(&mut tx, claimed, &settlement).await? {
            return Ok(Settled::LeaseLost);
        }
        let mut refusal = None;
        if let Some(event) = event {
            match self.happen(&mut tx, &claimed.request.id, event).await? {
                Ok(told) => refusal = told,
                Err(Taken) => {
                    // What was written so far is lost with the event: write the rest once more, without it.
                    drop(tx);
                    tx = self.store.begin().await?;
                    if !settle_effect(&mut tx, claimed, &settlement).await? {
                        return Ok(Settled::LeaseLost);
                    }
                    let deciders = self.policy.deciders(&claimed.request);
                    refusal = Some(Refused { why: Refusal::AnotherIsOpen, deciders });
                }
            }
        }
        tx.commit().await?;
        self.work.notify_one();
        Ok(Settled::Recorded(refusal))
    }

    async fn happen(
        &self,
        tx: &mut Tx,
        id: &RequestId,
        event: &Event,
    ) -> Result<Result<Option<Refused>, Taken>, StoreError> {
        let Some(request) = tx.request(id).await? else {
            return Ok(Ok(Some(Refused { why: Refusal::Unknown, deciders: Vec::new() })));
        };
        let deciders = self.policy.deciders(&request);
        let refused = |why| Refused { why, deciders };
        let actor = match event {
            Event::Pressed { by, .. } => by.as_str(),
            Event::Applied(_)
            | Event::NotApplied(_)
            | Event::Waits(_)
            | Event::Resumed
            | Event::CardLost { .. }
            | Event::CardGone
            | Event::TimeIsUp
            | Event::Reminded { .. }
            | Event::EscalationIsDue => BOT,
        };
        match decide(self.today(), &request, event) {
            Err(refusal) => Ok(Ok(Some(refused(refusal)))),
            Ok(decision) => {
                let carried = self.carry(tx, request, decision, actor).await?;
                Ok(carried.map(|(_, refusal)| refusal.map(refused)))
            }
        }
    }
}

/// Gives the lease back and writes down what became of the effect; false when the lease was lost.
async fn settle_effect(tx: &mut Tx, claimed: &Claimed, settlement: &Settlement) -> Result<bool, StoreError> {
    let Claimed { lease, effect, .. } = claimed;
    if !tx.release(lease).await? {
        return Ok(false);
    }
    match settlement {
        Settlement::Done => tx.finish_effect(lease, &effect.id).await?,
        Settlement::Later { due_at, progress, error } => {
            tx.postpone_effect(lease, &effect.id, *due_at, progress.as_deref(), error).await?;
        }
        Settlement::Buried { error } => tx.bury_effect(lease, &effect.id, error).await?,
    }
    Ok(true)
}
