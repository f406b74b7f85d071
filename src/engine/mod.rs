//! The only room where loading, deciding and saving meet. Whatever happens to a request, happens here: one
//! transaction holds the key under which the message was seen, the new state, the effects that follow and the
//! ledger entry. What is answered to people is answered after the commit.
//!
//! It must not know of HTTP, Slack or Marketo, and it makes no call to the outside.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::Notify;

use crate::{
    clock::Clock,
    domain::{
        decide::{Decision, Refusal, Submission, decide, open},
        effect::{Effect, Lane, Planned},
        event::{Event, Press},
        people::{ChannelId, RequestId, Standing, UserId},
        policy::Policy,
        request::{Request, State},
    },
    store::{Claimed, Entry, Seen, Store, Taken, Tx, in_time},
};

pub use crate::store::StoreError;

/// The actor of ledger entries that no person caused.
const BOT: &str = "bot";

/// Loads, decides and saves. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    store: Store,
    clock: Clock,
    policy: Arc<Policy>,
    work: Arc<Notify>,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It is a request now.
    Accepted(RequestId),
    /// The same submission was accepted before.
    Repeated,
    /// Another open request is about the same user.
    Taken,
}

/// A press as it comes from a signed message.
#[derive(Clone, Debug)]
pub struct Pressed {
    /// The key under which the message is remembered.
    pub key: String,
    /// The request that the button belongs to.
    pub request: RequestId,
    /// Who pressed.
    pub by: UserId,
    /// Whether they are an approver, as far as is known without asking.
    pub standing: Standing,
    /// Which button.
    pub press: Press,
    /// Where they are told if the press counts for nothing.
    pub answer_in: ChannelId,
}

/// What became of a press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It counts.
    Counted(Box<Request>),
    /// It will be decided once it is known whether they are an approver.
    Deferred,
    /// The same press was answered before.
    Repeated,
    /// It counts for nothing.
    Refused(Refusal),
}

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
    Recorded(Option<Refusal>),
    /// Another worker has taken over; nothing is recorded.
    LeaseLost,
}

impl Engine {
    /// An engine over `store`. `work` is notified when new effects are due.
    pub fn new(store: Store, clock: Clock, policy: Arc<Policy>, work: Arc<Notify>) -> Self {
        Self { store, clock, policy, work }
    }

    /// The store, for reads.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The policy of today.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Keeps a new request. `key` is the key under which its message is remembered.
    ///
    /// # Errors
    /// When the database fails; then nothing is kept.
    pub async fn submit(&self, key: &str, submission: Submission) -> Result<Submitted, StoreError> {
        let now = self.clock.now();
        let (request, effects) = open(now, &self.policy, submission);
        let mut tx = self.store.begin().await?;
        if tx.see(key, now).await? == Seen::Again {
            return Ok(Submitted::Repeated);
        }
        if let Err(Taken) = tx.insert_request(&request, now).await? {
            return Ok(Submitted::Taken);
        }
        let body = json!({"reason": request.reason, "asked": request.change, "state": request.state});
        self.follow(&mut tx, &request, "submitted", request.requester.as_str(), body, &effects).await?;
        if let Err(error) = tx.commit().await {
            // It may be kept although the answer was lost: whoever submitted should not be told that it is not.
            if !self.store.was_seen(key).await.unwrap_or(false) {
                return Err(error);
            }
        }
        self.work.notify_one();
        tracing::info!(request = %request.id, requester = %request.requester, "submitted");
        Ok(Submitted::Accepted(request.id))
    }

    /// Takes a press. One whose standing is not known yet is kept and decided later.
    ///
    /// # Errors
    /// When the database fails; then nothing is kept.
    pub async fn press(&self, pressed: Pressed) -> Result<Outcome, StoreError> {
        let Pressed { key, request: id, by, standing, press, answer_in } = pressed;
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        if tx.see(&key, now).await? == Seen::Again {
            return Ok(Outcome::Repeated);
        }
        let Some(request) = tx.request(&id).await? else { return Ok(Outcome::Refused(Refusal::Unknown)) };
        let event = Event::Pressed { by: by.clone(), standing, press: press.clone() };
        let outcome = match decide(now, &self.policy, &request, &event) {
            Ok(decision) => match self.carry(&mut tx, request, decision, by.as_str()).await? {
                Ok((_, Some(refusal))) => Outcome::Refused(refusal),
                Ok((request, None)) => Outcome::Counted(Box::new(request)),
                // The transaction is of no more use.
                Err(Taken) => return Ok(Outcome::Refused(Refusal::AnotherIsOpen)),
            },
            Err(Refusal::CannotCheck) if press != Press::AskToDeny => {
                let check = Effect::CheckStanding { by, press, answer_in };
                tx.plan(&request.id, &[Planned::now(check)], now, || self.clock.new_id()).await?;
                Outcome::Deferred
            }
            Err(refusal) => Outcome::Refused(refusal),
        };
        tx.commit().await?;
        self.work.notify_one();
        tracing::info!(request = %id, outcome = outcome.name(), "pressed");
        Ok(outcome)
    }

    /// Whether the message known as `key` comes for the first time, to whichever replica. For what is answered in the
    /// background and leaves nothing else behind.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_first(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.store.see(key, self.clock.now()).await? == Seen::First)
    }

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
                    refusal = Some(Refusal::AnotherIsOpen);
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
    ) -> Result<Result<Option<Refusal>, Taken>, StoreError> {
        let Some(request) = tx.request(id).await? else { return Ok(Ok(Some(Refusal::Unknown))) };
        let actor = match event {
            Event::Pressed { by, .. } => by.as_str(),
            Event::Applied(_)
            | Event::NotApplied(_)
            | Event::Waits(_)
            | Event::Resumed
            | Event::CardLost { .. }
            | Event::CardGone
            | Event::TimeIsUp => BOT,
        };
        match decide(self.clock.now(), &self.policy, &request, event) {
            Err(refusal) => Ok(Ok(Some(refusal))),
            Ok(decision) => {
                let carried = self.carry(tx, request, decision, actor).await?;
                Ok(carried.map(|(_, refusal)| refusal))
            }
        }
    }

    /// Writes a decision down. One that withdraws the change that waits is refused, whole, while a worker has the
    /// change in hand.
    async fn carry(
        &self,
        tx: &mut Tx,
        mut request: Request,
        decision: Decision,
        actor: &str,
    ) -> Result<Result<(Request, Option<Refusal>), Taken>, StoreError> {
        let Decision { next, effects, entry, refusal, withdraws } = decision;
        if withdraws && !tx.withdraw(&request.id, Lane::Apply).await? {
            return Ok(Ok((request, Some(Refusal::BeingTried))));
        }
        if let Some(next) = next {
            request.version += 1;
            request.state = next;
            if let Err(Taken) = tx.save_request(&request, self.clock.now()).await? {
                return Ok(Err(Taken));
            }
            if request.state != State::Pending {
                tx.drop_lane(&request.id, Lane::Timer).await?;
            }
        }
        if let Some(entry) = entry {
            let body = json!({"version": request.version, "state": request.state});
            self.follow(tx, &request, entry, actor, body, &effects).await?;
        }
        Ok(Ok((request, refusal)))
    }

    /// The effects and the ledger entry, which always go together.
    async fn follow(
        &self,
        tx: &mut Tx,
        request: &Request,
        entry: &str,
        actor: &str,
        body: serde_json::Value,
        effects: &[Planned],
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        tx.plan(&request.id, effects, now, || self.clock.new_id()).await?;
        let body = body.to_string();
        tx.append(&Entry { at: now, request: &request.id, actor, name: entry, body: &body }).await
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

impl Outcome {
    fn name(&self) -> &'static str {
        match self {
            Self::Counted(_) => "counted",
            Self::Deferred => "deferred",
            Self::Repeated => "repeated",
            Self::Refused(_) => "refused",
        }
    }
}
