//! The only room where loading, deciding and saving meet. Whatever happens to a request, happens here: one
//! transaction holds the key under which the message was seen, the new state, the effects that follow and the
//! ledger entry. What is answered to people is answered after the commit.
//!
//! It must not know of HTTP, Slack or Marketo, and it makes no call to the outside.

mod settling;
#[cfg(test)]
mod tests;
mod waiting;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::Notify;

use crate::{
    clock::Clock,
    domain::{
        change::Change,
        decide::{Amended, Decision, Refusal, Submission, Today, decide, open},
        effect::{Effect, Lane, Planned},
        event::{Event, Press},
        people::{ChannelId, Principal, RequestId, UserId},
        policy::{Approval, Case, Members, Policy, Ruling},
        request::{Request, State},
    },
    store::{Entry, Seen, Store, Taken, Tx},
};

pub use self::settling::{Settled, Settlement};
pub use crate::store::StoreError;

/// The actor of ledger entries that no person caused.
const BOT: &str = "bot";

/// Over how long `auto_per_week` counts.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Loads, decides and saves. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    store: Store,
    clock: Clock,
    policy: Arc<Policy>,
    members: Arc<dyn Members + Send + Sync>,
    work: Arc<Notify>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
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
    Refused(Refused),
}

/// A press that counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: Refusal,
    /// Who may decide on the request; empty where that is nobody, or the request is not known.
    pub deciders: Vec<Principal>,
}

impl Engine {
    /// An engine over `store`. `members` tells who is in which group without asking anybody; `work` is notified when
    /// new effects are due.
    pub fn new(
        store: Store,
        clock: Clock,
        policy: Arc<Policy>,
        members: Arc<dyn Members + Send + Sync>,
        work: Arc<Notify>,
    ) -> Self {
        Self { store, clock, policy, members, work }
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
        let mut tx = self.store.begin().await?;
        if tx.see(key, now).await? == Seen::Again {
            return Ok(Submitted::Repeated);
        }
        let ruling = self.ruling(&mut tx, now, &submission).await?;
        let (request, effects) = open(now, ruling.terms, submission);
        let auto_rule = request.approval_channel.is_none().then_some(ruling.label);
        if let Err(Taken) = tx.insert_request(&request, auto_rule, now).await? {
            return Ok(Submitted::Taken);
        }
        let body = json!({
            "rule": ruling.label, "reason": request.reason, "asked": request.change, "state": request.state
        });
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

    /// The rule that holds for a submission: the first that has not let as many through this week as it may.
    async fn ruling(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        submission: &Submission,
    ) -> Result<Ruling<'_>, StoreError> {
        let Submission { requester, memberships, origin, change, .. } = submission;
        let Change::CreateUser(user) = change;
        let case = Case::asking(user, requester, memberships, origin);
        let mut rulings = self.policy.rulings(&case);
        let mut ruling = rulings.next();
        while let Some(Ruling { label, terms, .. }) = ruling {
            let Approval::None { per_week: Some(most) } = terms.approval else { break };
            if tx.count_auto(label, now - WEEK).await? < i64::from(most) {
                break;
            }
            ruling = rulings.next();
        }
        Ok(ruling.unwrap_or_else(|| self.policy.ruling(&case)))
    }

    /// Takes a press. One whose standing is not known yet is kept and decided later.
    ///
    /// # Errors
    /// When the database fails; then nothing is kept.
    pub async fn press(&self, pressed: Pressed) -> Result<Outcome, StoreError> {
        let Pressed { key, request: id, by, press, answer_in } = pressed;
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        if tx.see(&key, now).await? == Seen::Again {
            return Ok(Outcome::Repeated);
        }
        let Some(request) = tx.request(&id).await? else {
            return Ok(Outcome::Refused(Refused { why: Refusal::Unknown, deciders: Vec::new() }));
        };
        let refused = |why| Refused { why, deciders: self.policy.deciders(&request) };
        let event = Event::Pressed { by: by.clone(), press: press.clone() };
        let outcome = match decide(self.today(), &request, &event) {
            Ok(decision) => match self.carry(&mut tx, request.clone(), decision, by.as_str()).await? {
                Ok((_, Some(refusal))) => Outcome::Refused(refused(refusal)),
                Ok((request, None)) => Outcome::Counted(Box::new(request)),
                // The transaction is of no more use.
                Err(Taken) => return Ok(Outcome::Refused(refused(Refusal::AnotherIsOpen))),
            },
            Err(Refusal::CannotCheck) if !matches!(press, Press::AskToDeny | Press::AskToReview) => {
                let check = Effect::CheckStanding { by, press, answer_in };
                tx.plan(&request.id, &[Planned::now(check)], now, || self.clock.new_id()).await?;
                Outcome::Deferred
            }
            Err(refusal) => Outcome::Refused(refused(refusal)),
        };
        tx.commit().await?;
        self.work.notify_one();
        tracing::info!(request = %id, outcome = outcome.name(), "pressed");
        Ok(outcome)
    }

    fn today(&self) -> Today<'_> {
        Today { now: self.clock.now(), policy: &self.policy, members: &*self.members }
    }

    /// Whether the message known as `key` comes for the first time, to whichever replica. For what is answered in the
    /// background and leaves nothing else behind.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_first(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.store.see(key, self.clock.now()).await? == Seen::First)
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
        let Decision { next, amended, effects, entry, refusal, withdraws } = decision;
        if withdraws && !tx.withdraw(&request.id, Lane::Apply).await? {
            return Ok(Ok((request, Some(Refusal::BeingTried))));
        }
        let amendment = amended.as_ref().map(|amended| amended.amendment.clone());
        if let Some(Amended { change, reason, memberships, amendment }) = amended {
            request.revision = amendment.revision;
            request.amendments.push(amendment);
            (request.change, request.reason, request.memberships) = (change, reason, memberships);
        }
        if let Some(next) = next {
            request.version += 1;
            request.state = next;
            if let Err(Taken) = tx.save_request(&request, self.clock.now()).await? {
                return Ok(Err(Taken));
            }
            if !matches!(request.state, State::Pending { .. }) {
                tx.drop_lane(&request.id, Lane::Timer).await?;
            }
        }
        if let Some(entry) = entry {
            let mut body =
                json!({"version": request.version, "revision": request.revision, "state": request.state});
            if let Some(amendment) = amendment {
                body["amendment"] = json!(amendment);
            }
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
