//! The only module where loading, deciding and saving meet. Whatever happens to a request, happens here: one
//! transaction holds the key under which the message was seen, the new state, the effects that follow and the
//! ledger entry. What is answered to people is answered after the commit.
//!
//! It must not know of HTTP, Slack or Marketo, and it makes no call to the outside.

mod audit_log;
mod completion;
mod pending;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::Notify;

use crate::{
    clock::Clock,
    domain::{
        decide::{Decision, DecisionContext, Refusal, RevisedRequest, Submission, decide, submit},
        effect::{Effect, Queue, ScheduledEffect},
        event::{Action, Event},
        people::{ChannelId, Principal, RequestId, UserId},
        policy::{Approval, MatchedRule, MembershipLookup, Policy, RuleInput},
        request::{Request, State},
    },
    store::{Conflict, Seen, Store, Tx},
};

pub use self::{
    audit_log::{CallAttempt, CallOutcome},
    completion::{CompletionResult, EffectResult},
};
pub use crate::store::StoreError;

/// Over how long `auto_per_week` counts.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Loads, decides and saves. Cheap to clone.
#[derive(Clone)]
pub struct Workflow {
    store: Store,
    clock: Clock,
    policy: Arc<Policy>,
    members: Arc<dyn MembershipLookup + Send + Sync>,
    work: Arc<Notify>,
}

impl std::fmt::Debug for Workflow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitOutcome {
    /// It is a request now.
    Accepted(RequestId),
    /// The same submission was accepted before.
    Repeated,
    /// Another open request is about the same user.
    Conflict,
}

/// A press as it comes from a signed message.
#[derive(Clone, Debug)]
pub struct ActionCommand {
    /// The key under which the message is remembered.
    pub key: String,
    /// The request that the button belongs to.
    pub request: RequestId,
    /// Who pressed.
    pub by: UserId,
    /// Which button.
    pub action: Action,
    /// Where they are told if the press counts for nothing.
    pub answer_in: ChannelId,
}

/// What became of a press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionOutcome {
    /// It counts.
    Accepted(Box<Request>),
    /// It will be decided once it is known whether they are an approver.
    Deferred,
    /// The same press was answered before.
    Repeated,
    /// It counts for nothing.
    Refused(RefusedAction),
}

/// A press that counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAction {
    /// Why.
    pub why: Refusal,
    /// Who may decide on the request; empty where that is nobody, or the request is not known.
    pub approvers: Vec<Principal>,
}

impl Workflow {
    /// A workflow over `store`. `members` tells who is in which group without asking anybody; `work` is notified when
    /// new effects are due.
    pub fn new(
        store: Store,
        clock: Clock,
        policy: Arc<Policy>,
        members: Arc<dyn MembershipLookup + Send + Sync>,
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
    pub async fn submit(&self, key: &str, submission: Submission) -> Result<SubmitOutcome, StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        if tx.see(key, now).await? == Seen::Again {
            return Ok(SubmitOutcome::Repeated);
        }
        let ruling = self.rule_for_submission(&mut tx, now, &submission).await?;
        let (request, effects) = submit(now, ruling.terms, submission);
        let auto_rule = request.approval_channel.is_none().then_some(ruling.label);
        if let Err(Conflict) = tx.insert_request(&request, auto_rule, now).await? {
            // The transaction is of no more use.
            drop(tx);
            self.log_refused_submission(key, &request).await?;
            return Ok(SubmitOutcome::Conflict);
        }
        let body = json!({
            "rule": ruling.label, "reason": request.reason, "asked": request.change, "state": request.state,
            "version": request.version, "revision": request.revision,
        });
        self.enqueue_and_log(&mut tx, &request, "submitted", request.requester.as_str(), body, &effects)
            .await?;
        if let Err(error) = tx.commit().await {
            // It may be kept although the answer was lost: whoever submitted should not be told that it is not.
            if !self.store.was_seen(key).await.unwrap_or(false) {
                return Err(error);
            }
        }
        self.work.notify_one();
        tracing::info!(request = %request.id, requester = %request.requester, "submitted");
        Ok(SubmitOutcome::Accepted(request.id))
    }

    /// The rule that holds for a submission: the first that has not let as many through this week as it may.
    async fn rule_for_submission(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        submission: &Submission,
    ) -> Result<MatchedRule<'_>, StoreError> {
        let Submission { requester, memberships, origin, change, .. } = submission;
        let case = RuleInput::of_submission(change, requester, memberships, origin);
        let mut rulings = self.policy.matching_rules(&case);
        let mut ruling = rulings.next();
        while let Some(MatchedRule { label, terms, .. }) = ruling {
            let Approval::None { per_week: Some(most) } = terms.approval else { break };
            if tx.count_auto(label, now - WEEK).await? < i64::from(most) {
                break;
            }
            ruling = rulings.next();
        }
        Ok(ruling.unwrap_or_else(|| self.policy.matched_rule(&case)))
    }

    /// Takes a press. One whose standing is not known yet is kept and decided later.
    ///
    /// # Errors
    /// When the database fails; then nothing is kept.
    pub async fn handle_action(&self, pressed: ActionCommand) -> Result<ActionOutcome, StoreError> {
        let ActionCommand { key, request: id, by, action: press, answer_in } = pressed;
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        if tx.see(&key, now).await? == Seen::Again {
            return Ok(ActionOutcome::Repeated);
        }
        let Some(request) = tx.request(&id).await? else {
            self.log_unknown_request(&mut tx, &id, &by, &press).await?;
            tx.commit().await?;
            return Ok(ActionOutcome::Refused(RefusedAction {
                why: Refusal::UnknownRequest,
                approvers: Vec::new(),
            }));
        };
        let (pressed, presser) = (press.name(), by.clone());
        let refused = |why| RefusedAction { why, approvers: self.policy.approvers(&request) };
        let event = Event::ActionTaken { by: by.clone(), action: press.clone() };
        let outcome = match decide(self.decision_context(), &request, &event) {
            Ok(decision) => match self.apply_decision(&mut tx, request.clone(), decision, by.as_str()).await?
            {
                Ok((_, Some(refusal))) => ActionOutcome::Refused(refused(refusal)),
                Ok((request, None)) => ActionOutcome::Accepted(Box::new(request)),
                Err(Conflict) => {
                    // The transaction is of no more use.
                    drop(tx);
                    tx = self.store.begin().await?;
                    if tx.see(&key, now).await? == Seen::Again {
                        return Ok(ActionOutcome::Repeated);
                    }
                    ActionOutcome::Refused(refused(Refusal::AnotherIsOpen))
                }
            },
            Err(Refusal::CannotCheck) if !matches!(press, Action::OpenDenial | Action::OpenReview) => {
                let check = Effect::CheckMembership { by, action: press, answer_in };
                tx.enqueue(&request.id, &[ScheduledEffect::now(check)], now, || self.clock.new_id()).await?;
                ActionOutcome::Deferred
            }
            Err(refusal) => ActionOutcome::Refused(refused(refusal)),
        };
        if let ActionOutcome::Refused(refused) = &outcome {
            self.log_refused_action(&mut tx, &request, &presser, pressed, &refused.why).await?;
        }
        tx.commit().await?;
        self.work.notify_one();
        tracing::info!(request = %id, outcome = outcome.name(), "pressed");
        Ok(outcome)
    }

    fn decision_context(&self) -> DecisionContext<'_> {
        DecisionContext { now: self.clock.now(), policy: &self.policy, members: &*self.members }
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
    async fn apply_decision(
        &self,
        tx: &mut Tx,
        mut request: Request,
        decision: Decision,
        actor: &str,
    ) -> Result<Result<(Request, Option<Refusal>), Conflict>, StoreError> {
        let Decision { next, revised: amended, effects, entry, refusal, cancels_queued: withdraws } =
            decision;
        if withdraws && !tx.cancel_if_idle(&request.id, Queue::Apply).await? {
            return Ok(Ok((request, Some(Refusal::InProgress))));
        }
        let amendment = amended.as_ref().map(|amended| amended.revision.clone());
        if let Some(RevisedRequest { change, reason, memberships, revision: amendment }) = amended {
            request.revision = amendment.revision;
            request.revisions.push(amendment);
            (request.change, request.reason, request.memberships) = (change, reason, memberships);
        }
        if let Some(next) = next {
            request.version += 1;
            request.state = next;
            if let Err(Conflict) = tx.save_request(&request, self.clock.now()).await? {
                return Ok(Err(Conflict));
            }
            if !matches!(request.state, State::Pending { .. }) {
                tx.drop_queue(&request.id, Queue::Timer).await?;
            }
        }
        if let Some(entry) = entry {
            let mut body =
                json!({"version": request.version, "revision": request.revision, "state": request.state});
            if let Some(amendment) = amendment {
                body["amendment"] = json!(amendment);
                body["asked"] = json!(request.change);
                body["reason"] = json!(request.reason);
            }
            self.enqueue_and_log(tx, &request, entry, actor, body, &effects).await?;
        }
        Ok(Ok((request, refusal)))
    }
}

impl ActionOutcome {
    fn name(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "counted",
            Self::Deferred => "deferred",
            Self::Repeated => "repeated",
            Self::Refused(_) => "refused",
        }
    }
}
