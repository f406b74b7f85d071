//! What follows from a retry of a failed change: it is applied, or the approvers are asked again.

use super::{Decision, Refusal, actions::ActionContext, settle::CountedApprovals, with_card};
use crate::domain::{
    effect::Effect,
    note::Note,
    people::Membership,
    policy::RuleInput,
    request::{ApprovalGiven, ApprovalLapse, Approved, AskedAgain, Failure, State},
};

impl ActionContext<'_> {
    /// Retries a failed change with the approved values, as long as they are approved by today's policy.
    pub(super) fn retry(self) -> Result<Decision, Refusal> {
        let Self { request, .. } = self;
        // Without a card it is the requester who has the button.
        let is_requester = self.is_requester() == Membership::Yes;
        let needs_approver = !is_requester || request.approval_channel.is_some();
        match self.membership(request) {
            Membership::No if needs_approver => return Err(Refusal::NotApprover),
            Membership::Unknown if needs_approver => return Err(Refusal::CannotCheck),
            Membership::Yes | Membership::No | Membership::Unknown => {}
        }
        match &request.state {
            State::Failed { approved: Some(approved), failure, .. } if failure.kind.is_retryable() => {
                self.retry_failed(approved, failure)
            }
            State::Applying { approved, .. } => Err(Refusal::AlreadyApproved { by: approved.by.clone() }),
            State::Pending { .. }
            | State::Done { .. }
            | State::Failed { .. }
            | State::Denied { .. }
            | State::Cancelled { .. }
            | State::TimedOut { .. } => Err(Refusal::NothingToRetry),
        }
    }

    fn retry_failed(self, approved: &Approved, failure: &Failure) -> Result<Decision, Refusal> {
        let Self { context, request, .. } = self;
        if request.change.has_expired(context.now) {
            return Err(Refusal::ExpiredBeforeRetry);
        }
        if let Some(lapse) = self.lapse(approved)? {
            return Ok(self.ask_again(lapse, failure));
        }
        let apply = Effect::Apply { change: request.change.clone(), attempted_at: failure.attempted_at };
        let next = State::Applying { approved: approved.clone(), waiting: None };
        Ok(Decision::to(next, "retried", with_card(request, [Effect::ShowRequester, apply])))
    }

    /// Why the approval no longer holds; `None` if it does.
    fn lapse(self, approved: &Approved) -> Result<Option<ApprovalLapse>, Refusal> {
        let Self { context, request, .. } = self;
        let terms = self.terms(request);
        let matched = context.policy.matched_rule(&RuleInput::of(request)).terms;
        let violations = context.policy.violations_of(matched, context.now, request);
        if let Some(violation) = violations.first() {
            let can_ask = !terms.approvers().is_empty();
            return if can_ask {
                Ok(Some(ApprovalLapse::PolicyChanged))
            } else {
                Err(Refusal::PolicyViolated(*violation))
            };
        }
        if matched.approvers().is_empty() {
            return Ok(None);
        }
        if terms.approval_has_lapsed(approved.at, context.now) && !approved.by.is_empty() {
            return Ok(Some(ApprovalLapse::TooOld));
        }
        let given = approved.by.iter().map(|by| ApprovalGiven { by: by.clone(), at: approved.at });
        let counted = CountedApprovals::of(context, request, &given.collect::<Vec<_>>());
        let needed = terms.approvals_needed();
        if counted.is_undecided(needed) {
            return Err(Refusal::CannotCheck);
        }
        Ok((counted.count() < needed).then_some(ApprovalLapse::PolicyChanged))
    }

    fn ask_again(self, lapse: ApprovalLapse, failure: &Failure) -> Decision {
        let Self { context, request, .. } = self;
        let version = request.version;
        let asked = AskedAgain { at: context.now, version, lapse, attempted_at: failure.attempted_at };
        // A card that is posted only now needs no note.
        let note = Effect::Note { note: Note::AskedAgain { version } };
        let note = request.approval_channel.is_some().then_some(note);
        let effects = [Effect::ShowCard, Effect::ShowRequester].into_iter().chain(note);
        let channel = request.approval_channel.clone().unwrap_or_else(|| self.approval_channel(request));
        Decision {
            asked_again: Some((asked, channel)),
            ..Decision::to(State::pending(), "asked_again", effects)
        }
    }
}
