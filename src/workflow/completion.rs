//! Records the result of an effect and the event that it leads to: together, under the worker's lease.

use jiff::Timestamp;

use super::{RefusedAction, StoreError, Workflow, audit_log::CallOutcome};
use crate::{
    domain::{
        decide::{Refusal, decide},
        effect::Queue,
        event::Event,
        people::RequestId,
    },
    store::{BOT, Claimed, Conflict, Tx, with_timeout},
};

/// The result of an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectResult {
    /// The effect has run.
    Done,
    /// The effect is retried.
    Postponed {
        /// When.
        due_at: Timestamp,
        /// What this attempt leaves behind for the next.
        progress: Option<String>,
        /// The error, for operators.
        error: String,
    },
}

/// The outcome of recording a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompletionResult {
    /// Recorded. The action that waited for the effect may have been refused.
    Recorded(Option<RefusedAction>),
    /// Another worker has the lease; nothing is recorded.
    LeaseLost,
}

impl Workflow {
    /// Records the result of an effect and the event that it leads to.
    ///
    /// # Errors
    /// When the database fails. Unless only the answer to the commit was lost, nothing is recorded, and the effect comes
    /// back when its lease expires.
    pub async fn complete(
        &self,
        claimed: &Claimed,
        result: EffectResult,
        event: Option<&Event>,
    ) -> Result<CompletionResult, StoreError> {
        self.complete_call(claimed, None, result, event).await
    }

    /// As [`Workflow::complete`], with the outcome of the effect's call, if one was made that changes something.
    ///
    /// # Errors
    /// As [`Workflow::complete`].
    pub async fn complete_call(
        &self,
        claimed: &Claimed,
        call: Option<&CallOutcome>,
        result: EffectResult,
        event: Option<&Event>,
    ) -> Result<CompletionResult, StoreError> {
        with_timeout(self.complete_untimed(claimed, call, result, event)).await
    }

    async fn complete_untimed(
        &self,
        claimed: &Claimed,
        call: Option<&CallOutcome>,
        result: EffectResult,
        event: Option<&Event>,
    ) -> Result<CompletionResult, StoreError> {
        let mut tx = self.store.begin().await?;
        if event.is_some() {
            // Lock order: the request before its queues, so that transactions cannot deadlock.
            tx.request(&claimed.request.id).await?;
        }
        if !self.record_result(&mut tx, claimed, &result).await? {
            return Ok(CompletionResult::LeaseLost);
        }
        if let Some(call) = call {
            // This locks the ledger's head before `handle_event` locks queues. That cannot deadlock: a transaction that
            // holds a queue of this request also holds the request or this effect's lease, and we hold both.
            self.log_call_outcome(&mut tx, &claimed.request.id, call).await?;
        }
        let mut refusal = None;
        if let Some(event) = event {
            match self.handle_event(&mut tx, &claimed.request.id, event).await? {
                Ok(refused) => refusal = refused,
                Err(Conflict) => {
                    // The event has aborted the transaction: record everything again without it.
                    drop(tx);
                    tx = self.store.begin().await?;
                    if !self.record_result(&mut tx, claimed, &result).await? {
                        return Ok(CompletionResult::LeaseLost);
                    }
                    if let Some(call) = call {
                        self.log_call_outcome(&mut tx, &claimed.request.id, call).await?;
                    }
                    if let Event::ActionTaken { by, action } = event {
                        let (why, request) = (Refusal::AnotherIsOpen, &claimed.request);
                        self.log_refused_action(&mut tx, request, by, action.name(), &why).await?;
                    }
                    let approvers = self.policy.approvers(self.clock.now(), &claimed.request);
                    refusal = Some(RefusedAction { why: Refusal::AnotherIsOpen, approvers });
                }
            }
        }
        tx.commit().await?;
        self.work.notify_one();
        Ok(CompletionResult::Recorded(refusal))
    }

    pub(super) async fn handle_event(
        &self,
        tx: &mut Tx,
        id: &RequestId,
        event: &Event,
    ) -> Result<Result<Option<RefusedAction>, Conflict>, StoreError> {
        let Some(request) = tx.request(id).await? else {
            return Ok(Ok(Some(RefusedAction { why: Refusal::UnknownRequest, approvers: Vec::new() })));
        };
        let approvers = self.policy.approvers(self.clock.now(), &request);
        let refused = |why| RefusedAction { why, approvers };
        let actor = match event {
            Event::ActionTaken { by, .. } => by.as_str(),
            Event::Applied(_)
            | Event::ApplyFailed(_)
            | Event::Delayed(_)
            | Event::Resumed
            | Event::CardLost { .. }
            | Event::Woken => BOT,
        };
        let (request, refusal) = match decide(self.decision_context(), &request, event) {
            Err(refusal) => (request, Some(refusal)),
            Ok(decision) => match self.apply_decision(tx, request, decision, actor).await? {
                Ok(applied) => applied,
                Err(Conflict) => return Ok(Err(Conflict)),
            },
        };
        if let (Event::ActionTaken { by, action }, Some(why)) = (event, &refusal) {
            self.log_refused_action(tx, &request, by, action.name(), why).await?;
        }
        Ok(Ok(refusal.map(refused)))
    }

    /// Releases the lease and records the result; false if the lease was lost.
    async fn record_result(
        &self,
        tx: &mut Tx,
        claimed: &Claimed,
        result: &EffectResult,
    ) -> Result<bool, StoreError> {
        let Claimed { lease, effect, request } = claimed;
        if !tx.release(lease).await? {
            return Ok(false);
        }
        match result {
            EffectResult::Done => {
                tx.finish_effect(lease, &effect.id).await?;
                // Earlier versions stored messages as effects.
                let is_message = effect.effect.queue() == Queue::Show;
                if let Some(part) = effect.effect.message(request).filter(|_| is_message) {
                    tx.want_message(&request.id, &part, self.clock.now()).await?;
                }
            }
            EffectResult::Postponed { due_at, progress, error } => {
                let times = (self.clock.now(), *due_at);
                tx.postpone_effect(lease, &effect.id, times, progress.as_deref(), error).await?;
            }
        }
        Ok(true)
    }
}
