//! What became of an effect, and the event that it leads to: recorded together, under the lease of whoever carried it
//! out.

use jiff::Timestamp;

use super::{RefusedAction, StoreError, Workflow, audit_log::CallOutcome};
use crate::{
    domain::{
        decide::{Refusal, decide},
        event::Event,
        people::RequestId,
    },
    store::{BOT, Claimed, Conflict, Tx, with_timeout},
};

/// What a worker records about the effect that it carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectResult {
    /// It is carried out.
    Done,
    /// It is tried again.
    Postponed {
        /// When.
        due_at: Timestamp,
        /// What this try leaves behind for the next.
        progress: Option<String>,
        /// Why, for operators.
        error: String,
    },
    /// It is given up, and kept for somebody to look at.
    DeadLetter {
        /// Why, for operators.
        error: String,
    },
}

/// What became of a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompletionResult {
    /// It is recorded. A press that waited for the effect may have been refused.
    Recorded(Option<RefusedAction>),
    /// Another worker has taken over; nothing is recorded.
    LeaseLost,
}

impl Workflow {
    /// Records what became of an effect together with the event that it leads to.
    ///
    /// # Errors
    /// When the database fails; unless it failed after all was done, nothing is recorded, and the effect comes back when
    /// its lease ends.
    pub async fn complete(
        &self,
        claimed: &Claimed,
        settlement: EffectResult,
        event: Option<&Event>,
    ) -> Result<CompletionResult, StoreError> {
        self.complete_call(claimed, None, settlement, event).await
    }

    /// As [`Workflow::complete`], and what became of the call that was made for the effect, if one was that changes something.
    ///
    /// # Errors
    /// As [`Workflow::complete`].
    pub async fn complete_call(
        &self,
        claimed: &Claimed,
        called: Option<&CallOutcome>,
        settlement: EffectResult,
        event: Option<&Event>,
    ) -> Result<CompletionResult, StoreError> {
        with_timeout(self.settle_at_leisure(claimed, called, settlement, event)).await
    }

    async fn settle_at_leisure(
        &self,
        claimed: &Claimed,
        called: Option<&CallOutcome>,
        settlement: EffectResult,
        event: Option<&Event>,
    ) -> Result<CompletionResult, StoreError> {
        let mut tx = self.store.begin().await?;
        if event.is_some() {
            // Always the request before its queues, so that no two transactions wait for each other.
            tx.request(&claimed.request.id).await?;
        }
        if !settle_effect(&mut tx, claimed, &settlement).await? {
            return Ok(CompletionResult::LeaseLost);
        }
        if let Some(called) = called {
            // Although `happen` locks queues after this: whoever waits for the head of the ledger and holds a queue of this
            // request holds the request as well, which is ours, or holds this effect's lease, which is ours, too.
            self.log_call_outcome(&mut tx, &claimed.request.id, called).await?;
        }
        let mut refusal = None;
        if let Some(event) = event {
            match self.happen(&mut tx, &claimed.request.id, event).await? {
                Ok(told) => refusal = told,
                Err(Conflict) => {
                    // What was written so far is lost with the event: write the rest once more, without it.
                    drop(tx);
                    tx = self.store.begin().await?;
                    if !settle_effect(&mut tx, claimed, &settlement).await? {
                        return Ok(CompletionResult::LeaseLost);
                    }
                    if let Some(called) = called {
                        self.log_call_outcome(&mut tx, &claimed.request.id, called).await?;
                    }
                    if let Event::ActionTaken { by, action: press } = event {
                        let (why, request) = (Refusal::AnotherIsOpen, &claimed.request);
                        self.log_refused_action(&mut tx, request, by, press.name(), &why).await?;
                    }
                    let deciders = self.policy.approvers(&claimed.request);
                    refusal = Some(RefusedAction { why: Refusal::AnotherIsOpen, approvers: deciders });
                }
            }
        }
        tx.commit().await?;
        self.work.notify_one();
        Ok(CompletionResult::Recorded(refusal))
    }

    async fn happen(
        &self,
        tx: &mut Tx,
        id: &RequestId,
        event: &Event,
    ) -> Result<Result<Option<RefusedAction>, Conflict>, StoreError> {
        let Some(request) = tx.request(id).await? else {
            return Ok(Ok(Some(RefusedAction { why: Refusal::UnknownRequest, approvers: Vec::new() })));
        };
        let deciders = self.policy.approvers(&request);
        let refused = |why| RefusedAction { why, approvers: deciders };
        let actor = match event {
            Event::ActionTaken { by, .. } => by.as_str(),
            Event::Applied(_)
            | Event::ApplyFailed(_)
            | Event::Delayed(_)
            | Event::Resumed
            | Event::CardLost { .. }
            | Event::CardGone
            | Event::DecisionTimedOut
            | Event::Reminded { .. }
            | Event::EscalationDue => BOT,
        };
        let (request, refusal) = match decide(self.decision_context(), &request, event) {
            Err(refusal) => (request, Some(refusal)),
            Ok(decision) => match self.apply_decision(tx, request, decision, actor).await? {
                Ok(carried) => carried,
                Err(Conflict) => return Ok(Err(Conflict)),
            },
        };
        if let (Event::ActionTaken { by, action: press }, Some(why)) = (event, &refusal) {
            self.log_refused_action(tx, &request, by, press.name(), why).await?;
        }
        Ok(Ok(refusal.map(refused)))
    }
}

/// Gives the lease back and writes down what became of the effect; false when the lease was lost.
async fn settle_effect(
    tx: &mut Tx,
    claimed: &Claimed,
    settlement: &EffectResult,
) -> Result<bool, StoreError> {
    let Claimed { lease, effect, .. } = claimed;
    if !tx.release(lease).await? {
        return Ok(false);
    }
    match settlement {
        EffectResult::Done => tx.finish_effect(lease, &effect.id).await?,
        EffectResult::Postponed { due_at, progress, error } => {
            tx.postpone_effect(lease, &effect.id, *due_at, progress.as_deref(), error).await?;
        }
        EffectResult::DeadLetter { error } => tx.dead_letter_effect(lease, &effect.id, error).await?,
    }
    Ok(true)
}
