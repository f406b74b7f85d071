//! The only module where loading, deciding and saving meet. Everything that happens to a request happens here: one
//! transaction saves the delivery key with its ack, the new state, its effects and the ledger entry. People are answered
//! after the commit.
//!
//! This module must not know of HTTP, Slack or Marketo, and makes no outside calls.

mod audit_log;
mod completion;
mod deliveries;
mod messages;
mod reads;
mod refusals;
#[cfg(test)]
mod tests;
mod wake_ups;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::Notify;

use self::deliveries::Begun;
use crate::{
    clock::Clock,
    domain::{
        decide::{Decision, DecisionContext, Refusal, RevisedRequest, Submission, decide, submit},
        delivery::{AckRecord, DeliveryKey},
        effect::{Effect, Queue},
        event::{Action, Event},
        people::{ChannelId, Principal, RequestId, UserId},
        policy::{Approval, FreshMembers, MatchedRule, MembershipLookup, Policy, RuleInput},
        request::{Request, State},
        schedule,
    },
    store::{Conflict, Store, Tx},
};

pub use self::{
    audit_log::{CallAttempt, CallOutcome},
    completion::{CompletionResult, EffectResult},
};
pub use crate::store::StoreError;

/// The period of the weekly limit of requests without an approval.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Loads, decides and saves. Cheap to clone.
#[derive(Clone)]
pub struct Workflow {
    store: Store,
    clock: Clock,
    policy: Arc<Policy>,
    members: Arc<dyn MembershipLookup + Send + Sync>,
    work: Arc<Notify>,
    /// How many refused actions of one person are logged in a minute, one by one; 0: all.
    max_refusals: i64,
}

impl std::fmt::Debug for Workflow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Workflow")
    }
}

/// The outcome of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitOutcome {
    /// The submission has become a request.
    Accepted(RequestId),
    /// The same submission was answered before, with this ack; or the same form was accepted.
    Repeated(AckRecord),
    /// Another request about the same user is open.
    Conflict,
}

/// An action as it arrives from Slack.
#[derive(Clone, Debug)]
pub struct ActionCommand {
    /// The delivery key.
    pub key: DeliveryKey,
    /// How the delivery is acknowledged, unless its form stays open.
    pub ack: AckRecord,
    /// The request.
    pub request: RequestId,
    /// The person who acts.
    pub by: UserId,
    /// The action.
    pub action: Action,
    /// The channel in which they are told if the action is refused.
    pub answer_in: ChannelId,
    /// A URL by which they can be told if that fails; may be empty.
    pub answer_url: String,
    /// The message whose button was clicked: its conversation and `ts`; `None` for the submission of a form.
    pub clicked: Option<(ChannelId, String)>,
}

/// The outcome of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionOutcome {
    /// Accepted; the request as it is now.
    Accepted(Box<Request>),
    /// Stored until it is known whether the person is an approver.
    Deferred,
    /// The action was handled before, with this ack; or the same form was accepted.
    Repeated(AckRecord),
    /// Refused.
    Refused(RefusedAction),
}

/// A refused action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAction {
    /// Why.
    pub why: Refusal,
    /// Who can approve the request; empty if nobody can, or if there is no such request.
    pub approvers: Vec<Principal>,
}

impl Workflow {
    /// A workflow over `store`. `members` knows the members of groups without calling Slack; `work` is notified when new
    /// effects are due.
    pub fn new(
        store: Store,
        clock: Clock,
        policy: Arc<Policy>,
        members: Arc<dyn MembershipLookup + Send + Sync>,
        work: Arc<Notify>,
    ) -> Self {
        Self { store, clock, policy, members, work, max_refusals: 0 }
    }

    /// Logs at most `max` refused actions of one person in a minute one by one; all of them if it is 0.
    pub fn with_max_refusals(self, max: u32) -> Self {
        Self { max_refusals: i64::from(max), ..self }
    }

    /// The store, for reads.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The current policy.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Saves a new request. If another one is open for the same user, the form stays open with `conflict_errors`.
    ///
    /// # Errors
    /// When the database fails; then nothing is saved.
    pub async fn submit(
        &self,
        key: &DeliveryKey,
        submission: Submission,
        conflict_errors: &AckRecord,
    ) -> Result<SubmitOutcome, StoreError> {
        let now = self.clock.now();
        let mut tx = match self.begin(key, &AckRecord::Empty).await? {
            Begun::Proceed(tx) => tx,
            Begun::Replay(first) => return Ok(SubmitOutcome::Repeated(first)),
        };
        let rule = self.rule_for_submission(&mut tx, now, &submission).await?;
        let (request, effects) = submit(now, rule.terms, submission);
        let auto_rule = request.approval_channel.is_none().then_some(rule.label);
        if let Err(Conflict) = tx.insert_request(&request, auto_rule, self.next_wake(&request), now).await? {
            // The failed statement has aborted the transaction.
            drop(tx);
            return match self.begin_refusal(key, conflict_errors).await? {
                Begun::Proceed(mut tx) => {
                    self.log_refused_submission(&mut tx, &request).await?;
                    tx.commit().await?;
                    Ok(SubmitOutcome::Conflict)
                }
                Begun::Replay(first) => Ok(SubmitOutcome::Repeated(first)),
            };
        }
        let body = json!({
            "rule": rule.label, "reason": request.reason, "asked": request.change, "state": request.state,
            "version": request.version, "revision": request.revision,
        });
        self.enqueue_and_log(&mut tx, &request, "submitted", request.requester.as_str(), body, &effects)
            .await?;
        if let Err(error) = tx.commit().await {
            // The commit may have succeeded although its answer was lost.
            if !self.store.is_delivered(key).await.unwrap_or(false) {
                return Err(error);
            }
        }
        self.work.notify_one();
        let kind = request.change.kind();
        tracing::info!(request = %request.id, requester = %request.requester, kind, "request submitted");
        Ok(SubmitOutcome::Accepted(request.id))
    }

    /// The rule for a submission: the first match whose weekly limit is not reached.
    async fn rule_for_submission(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        submission: &Submission,
    ) -> Result<MatchedRule<'_>, StoreError> {
        let Submission { requester, memberships, origin, change, .. } = submission;
        let input = RuleInput::of_submission(change, requester, memberships, origin);
        for matched in self.policy.matching_rules(&input) {
            let Approval::None { per_week: Some(limit) } = matched.terms.approval else { return Ok(matched) };
            if tx.count_auto(matched.label, now - WEEK).await? < i64::from(limit) {
                return Ok(matched);
            }
        }
        Ok(self.policy.matched_rule(&input))
    }

    /// Handles an action. If it is not known whether the person is an approver, the action is stored and decided later.
    ///
    /// # Errors
    /// When the database fails; then nothing is saved.
    pub async fn handle_action(&self, command: ActionCommand) -> Result<ActionOutcome, StoreError> {
        self.handle_form_action(command, |_| None).await
    }

    /// As [`Workflow::handle_action`], for the submission of a form. The form stays open if `errors` returns field errors for
    /// the refusal.
    ///
    /// # Errors
    /// As [`Workflow::handle_action`].
    pub async fn handle_form_action(
        &self,
        command: ActionCommand,
        errors: impl FnOnce(&RefusedAction) -> Option<AckRecord> + Send,
    ) -> Result<ActionOutcome, StoreError> {
        let ActionCommand { key, ack, request: id, by, action, answer_in, answer_url, clicked } = command;
        let now = self.clock.now();
        let mut tx = match self.begin(&key, &ack).await? {
            Begun::Proceed(tx) => tx,
            Begun::Replay(first) => return Ok(ActionOutcome::Repeated(first)),
        };
        let Some(request) = tx.request(&id).await? else {
            self.log_unknown_request(&mut tx, &id, &by, &action).await?;
            let refused = RefusedAction { why: Refusal::UnknownRequest, approvers: Vec::new() };
            if let Some(errors) = errors(&refused) {
                tx.keep_form_open(&key, &errors).await?;
            }
            tx.commit().await?;
            return Ok(ActionOutcome::Refused(refused));
        };
        let (name, actor) = (action.name(), by.clone());
        let refused = |why| RefusedAction { why, approvers: self.policy.approvers(now, &request) };
        let event = Event::ActionTaken { by: by.clone(), action: action.clone() };
        let outcome = match self.decide_click(&request, &event) {
            Ok(decision) => match self.apply_decision(&mut tx, request.clone(), decision, by.as_str()).await?
            {
                Ok((_, Some(refusal))) => ActionOutcome::Refused(refused(refusal)),
                Ok((request, None)) => ActionOutcome::Accepted(Box::new(request)),
                Err(Conflict) => {
                    // The failed statement has aborted the transaction.
                    drop(tx);
                    tx = match self.begin(&key, &ack).await? {
                        Begun::Proceed(tx) => tx,
                        Begun::Replay(first) => return Ok(ActionOutcome::Repeated(first)),
                    };
                    ActionOutcome::Refused(refused(Refusal::AnotherIsOpen))
                }
            },
            Err(Refusal::CannotCheck) if !matches!(action, Action::OpenDenial | Action::OpenReview) => {
                let check = Effect::CheckMembership { by, action, answer_in, answer_url };
                tx.enqueue(&request, &[check], now, || self.clock.new_id()).await?;
                ActionOutcome::Deferred
            }
            Err(refusal) => ActionOutcome::Refused(refused(refusal)),
        };
        if let ActionOutcome::Refused(refused) = &outcome {
            self.log_refused_action(&mut tx, &request, &actor, name, &refused.why).await?;
            if let Some(errors) = errors(refused) {
                tx.keep_form_open(&key, &errors).await?;
            }
        }
        if let Some((channel, ts)) = &clicked {
            let is_refused = matches!(outcome, ActionOutcome::Refused(_));
            self.join_clicked(&mut tx, &request, (channel, ts), is_refused).await?;
        }
        tx.commit().await?;
        self.work.notify_one();
        tracing::info!(request = %id, action = name, outcome = outcome.name(), "action handled");
        Ok(outcome)
    }

    /// Decides on a click. One that changes something in Marketo is not decided by memberships that are older than a few
    /// seconds: then it is deferred until Slack has been asked.
    fn decide_click(&self, request: &Request, event: &Event) -> Result<Decision, Refusal> {
        let context = self.decision_context();
        let decision = decide(context, request, event)?;
        if decision.applies_change() {
            let members = FreshMembers(context.members);
            decide(DecisionContext { members: &members, ..context }, request, event)
        } else {
            Ok(decision)
        }
    }

    /// When something is due for a request by itself.
    fn next_wake(&self, request: &Request) -> Option<Timestamp> {
        schedule::next_wake(self.clock.now(), &self.policy, request)
    }

    fn decision_context(&self) -> DecisionContext<'_> {
        DecisionContext { now: self.clock.now(), policy: &self.policy, members: &*self.members }
    }

    /// Saves a decision. One that cancels the queued change is refused as a whole if a worker has claimed the change.
    async fn apply_decision(
        &self,
        tx: &mut Tx,
        mut request: Request,
        decision: Decision,
        actor: &str,
    ) -> Result<Result<(Request, Option<Refusal>), Conflict>, StoreError> {
        let Decision { next, revised, asked_again, effects, entry, refusal, cancels_queued } = decision;
        if cancels_queued && !tx.cancel_if_idle(&request.id, Queue::Apply).await? {
            return Ok(Ok((request, Some(Refusal::InProgress))));
        }
        let revision = revised.as_ref().map(|revised| revised.revision.clone());
        if let Some(RevisedRequest { change, reason, memberships, revision }) = revised {
            request.revision = revision.revision;
            request.revisions.push(revision);
            (request.change, request.reason, request.memberships) = (change, reason, memberships);
        }
        if let Some((asked, channel)) = asked_again {
            (request.asked_again, request.approval_channel) = (Some(asked), Some(channel));
        }
        if let Some(next) = next {
            request.version += 1;
            request.state = next;
            if let Err(Conflict) =
                tx.save_request(&request, self.next_wake(&request), self.clock.now()).await?
            {
                return Ok(Err(Conflict));
            }
            if !matches!(request.state, State::Pending { .. }) {
                tx.drop_queue(&request.id, Queue::Timer).await?;
            }
        }
        if let Some(entry) = entry {
            let mut body =
                json!({"version": request.version, "revision": request.revision, "state": request.state});
            if let Some(revision) = revision {
                body["amendment"] = json!(revision);
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
            Self::Accepted(_) => "accepted",
            Self::Deferred => "deferred",
            Self::Repeated(_) => "repeated",
            Self::Refused(_) => "refused",
        }
    }
}
