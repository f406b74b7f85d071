//! What follows from a person's action: whether they are allowed to take it, and what it changes.

use super::{
    Decision, DecisionContext, Refusal, RevisedRequest, settle::CountedApprovals, time_out, with_card,
};
use crate::domain::{
    change::{Detail, Difference, Reduction},
    effect::Effect,
    event::{Action, EditedRequest},
    note::Note,
    people::{ChannelId, Membership, UserId},
    policy::{RuleInput, Terms},
    request::{ApprovalGiven, Approved, Reminders, Request, Revision, State},
    schedule,
    text::Reason,
};

/// An action and its circumstances.
#[derive(Clone, Copy)]
pub(super) struct ActionContext<'a> {
    pub(super) context: DecisionContext<'a>,
    pub(super) request: &'a Request,
    pub(super) by: &'a UserId,
}

/// A pending request, or one whose timeout has passed although the timer has not fired.
enum PendingState<'a> {
    Open { approvals: &'a [ApprovalGiven], is_escalated: bool, reminders: Reminders },
    TimedOut(Box<Decision>),
}

impl ActionContext<'_> {
    pub(super) fn decide(self, action: &Action) -> Result<Decision, Refusal> {
        match action {
            Action::Approve { revision, reduction, note } => {
                self.approve(*revision, reduction, note.as_ref())
            }
            Action::OpenReview | Action::OpenDenial => self.open_decision_form(),
            Action::Deny { reason } => self.deny(reason),
            Action::Cancel => self.cancel(),
            Action::OpenEdit => self.open_edit(),
            Action::Edit(edited) => self.edit(edited),
            Action::Retry => self.retry(),
        }
    }

    /// Opens the form for a review or a denial.
    fn open_decision_form(self) -> Result<Decision, Refusal> {
        Ok(match self.require_pending()? {
            PendingState::Open { .. } => Decision::unchanged(),
            PendingState::TimedOut(decision) => *decision,
        })
    }

    /// Adds an approval. The last one that is needed applies the change.
    fn approve(
        self,
        revision: i64,
        reduction: &Reduction,
        note: Option<&Reason>,
    ) -> Result<Decision, Refusal> {
        let Self { context, request, by } = self;
        let now = context.now;
        let (approvals, is_escalated, reminders) = match self.require_pending()? {
            PendingState::Open { approvals, is_escalated, reminders } => (approvals, is_escalated, reminders),
            PendingState::TimedOut(decision) => return Ok(*decision),
        };
        if revision != request.revision {
            return Err(Refusal::Changed);
        }
        let reduced = self.reduced(reduction)?;
        if reduced.change.has_expired(now) {
            return Err(Refusal::ExpirationPassed);
        }
        // The rule of the reduced request applies. The person has to be one of its approvers, too.
        self.require_approver(&reduced)?;
        let needed = self.terms(&reduced).approvals_needed();
        let differences = request.change.differences(&reduced.change);
        let is_revised = !differences.is_empty();
        if let Some(violation) = context.policy.violations(now, &reduced).first() {
            return Err(Refusal::PolicyViolated(*violation));
        }
        // Nobody else has approved the new revision.
        let before = if is_revised { &[] } else { approvals };
        let (given, counted) = self.with_own_approval(before, needed)?;
        let revision = request.revision + i64::from(is_revised);
        let reset_approvals = if is_revised { count(approvals) } else { 0 };
        let revised =
            is_revised.then_some(Effect::Note { note: Note::Revised { revision, reset_approvals } });
        let mut decision = if counted.count() >= needed {
            let approved = Approved { by: counted.by, at: now };
            let apply =
                Effect::Apply { change: reduced.change.clone(), attempted_at: request.attempted_at() };
            let effects = with_card(request, [Effect::ShowRequester, apply]).chain(revised);
            Decision::to(State::Applying { approved, waiting: None }, "approved", effects)
        } else {
            let (by, count) = (by.clone(), counted.count());
            let note = Effect::Note { note: Note::Approval { by, revision, given: count, needed } };
            let effects = with_card(request, [Effect::ShowRequester]).chain(revised).chain([note]);
            let is_escalated = is_escalated && !is_revised;
            let next = State::Pending { approvals: given, is_escalated, reminders };
            Decision::to(next, "agreed", effects)
        };
        if is_revised || note.is_some() {
            let (by, note) = (by.clone(), note.cloned());
            let revision = Revision { by, at: now, revision, differences, note, reset_approvals };
            let (reason, memberships) = (request.reason.clone(), request.memberships.clone());
            decision.revised = Some(RevisedRequest { change: reduced.change, reason, memberships, revision });
        }
        Ok(decision)
    }

    /// The approvals given so far with that of this person, and those of them that count now.
    fn with_own_approval(
        self,
        before: &[ApprovalGiven],
        needed: u32,
    ) -> Result<(Vec<ApprovalGiven>, CountedApprovals), Refusal> {
        let Self { context, request, by } = self;
        let mut counted = CountedApprovals::of(context, request, before);
        let same: Vec<Membership> =
            before.iter().map(|approval| context.members.is_same(by, &approval.by)).collect();
        let is_repeated = same.contains(&Membership::Yes);
        if !is_repeated && same.contains(&Membership::Unknown) {
            return Err(Refusal::CannotCheck);
        }
        let mut given = before.to_vec();
        if !is_repeated {
            given.push(ApprovalGiven { by: by.clone(), at: context.now });
            counted.by.push(by.clone());
        }
        if counted.is_undecided(needed) {
            return Err(Refusal::CannotCheck);
        }
        if is_repeated && counted.count() < needed {
            return Err(Refusal::ApprovalAlreadyGiven { given: counted.count(), needed });
        }
        Ok((given, counted))
    }

    fn deny(self, reason: &Reason) -> Result<Decision, Refusal> {
        if let PendingState::TimedOut(decision) = self.require_pending()? {
            return Ok(*decision);
        }
        let next = State::Denied { by: self.by.clone(), reason: reason.clone(), at: self.context.now };
        let effects = with_card(self.request, [Effect::ShowRequester, Effect::TellOutcome]);
        Ok(Decision::to(next, "denied", effects))
    }

    /// The requester can cancel a pending request. While an approved change waits, the requester and every approver can,
    /// unless it may have been applied.
    fn cancel(self) -> Result<Decision, Refusal> {
        let Self { context, request, by } = self;
        let is_own = match self.is_requester() {
            Membership::Yes => true,
            Membership::No => false,
            Membership::Unknown => return Err(Refusal::CannotCheck),
        };
        let next = State::Cancelled { by: Some(by.clone()), at: context.now };
        match &request.state {
            State::Pending { .. } if !is_own => Err(Refusal::NotRequester),
            State::Pending { .. } => {
                Ok(Decision::to(next, "cancelled", with_card(request, [Effect::ShowRequester])))
            }
            State::Applying { waiting: Some(waiting), .. } => {
                match self.membership(request) {
                    Membership::Yes => {}
                    Membership::No | Membership::Unknown if is_own => {}
                    Membership::No => return Err(Refusal::NotApprover),
                    Membership::Unknown => return Err(Refusal::CannotCheck),
                }
                if waiting.may_be_applied {
                    return Err(Refusal::MayBeApplied);
                }
                let tell_requester = (!is_own).then_some(Effect::TellOutcome);
                let effects = with_card(request, [Effect::ShowRequester]).chain(tell_requester);
                Ok(Decision { cancels_queued: true, ..Decision::to(next, "cancelled", effects) })
            }
            State::Applying { approved, waiting: None } if is_own => {
                Err(Refusal::AlreadyApproved { by: approved.by.clone() })
            }
            State::Applying { waiting: None, .. } => Err(Refusal::InProgress),
            State::Done { .. } => Err(Refusal::Done),
            State::Failed { .. } => Err(Refusal::Failed),
            State::Denied { by, .. } => Err(Refusal::AlreadyDenied { by: by.clone() }),
            State::Cancelled { .. } => Err(Refusal::Cancelled),
            State::TimedOut { .. } => Err(Refusal::TimedOut),
        }
    }

    /// Opens the form in which the requester edits the request.
    fn open_edit(self) -> Result<Decision, Refusal> {
        Ok(match self.require_editable()? {
            PendingState::Open { .. } => Decision::unchanged(),
            PendingState::TimedOut(decision) => *decision,
        })
    }

    /// The requester edits the request, which resets its approvals.
    fn edit(self, edited: &EditedRequest) -> Result<Decision, Refusal> {
        let Self { context, request, by } = self;
        let (approvals, reminders) = match self.require_editable()? {
            PendingState::Open { approvals, reminders, .. } => (approvals, reminders),
            PendingState::TimedOut(decision) => return Ok(*decision),
        };
        if edited.revision != request.revision {
            return Err(Refusal::Changed);
        }
        let EditedRequest { change, reason, memberships, .. } = edited.clone();
        let mut differences = request.change.differences(&change);
        if request.reason != reason {
            let text = |reason: &Option<Reason>| reason.as_ref().map(|reason| reason.as_str().to_owned());
            let (before, after) = (text(&request.reason), text(&reason));
            differences.push(Difference { detail: Detail::Reason, before, after });
        }
        if differences.is_empty() {
            return Ok(Decision::unchanged());
        }
        let edited = Request { change: change.clone(), memberships: memberships.clone(), ..request.clone() };
        // The card cannot move.
        if self.approval_channel(request) != self.approval_channel(&edited) {
            return Err(Refusal::OtherChannel);
        }
        let revision = request.revision + 1;
        let reset_approvals = count(approvals);
        let note = Effect::Note { note: Note::Revised { revision, reset_approvals } };
        let next = State::Pending { approvals: Vec::new(), is_escalated: false, reminders };
        let by = by.clone();
        let revision = Revision { by, at: context.now, revision, differences, note: None, reset_approvals };
        Ok(Decision {
            revised: Some(RevisedRequest { change, reason, memberships, revision }),
            ..Decision::to(next, "edited", with_card(request, [Effect::ShowRequester, note]))
        })
    }

    /// The pending request, if the person can decide on it.
    fn require_pending(&self) -> Result<PendingState<'_>, Refusal> {
        let open = self.pending_state()?;
        self.require_approver(self.request)?;
        Ok(self.timed_out().unwrap_or(open))
    }

    /// The pending request, if the person is its requester.
    fn require_editable(&self) -> Result<PendingState<'_>, Refusal> {
        let open = self.pending_state()?;
        match self.is_requester() {
            Membership::Yes => {}
            Membership::No => return Err(Refusal::NotRequester),
            Membership::Unknown => return Err(Refusal::CannotCheck),
        }
        // Other values could become a second user.
        if self.request.attempted_at().is_some() {
            return Err(Refusal::AttemptedBefore);
        }
        Ok(self.timed_out().unwrap_or(open))
    }

    fn pending_state(&self) -> Result<PendingState<'_>, Refusal> {
        match &self.request.state {
            State::Pending { approvals, is_escalated, reminders } => {
                Ok(PendingState::Open { approvals, is_escalated: *is_escalated, reminders: *reminders })
            }
            State::Applying { approved, .. } | State::Done { approved, .. } => {
                Err(Refusal::AlreadyApproved { by: approved.by.clone() })
            }
            State::Failed { .. } => Err(Refusal::Failed),
            State::Denied { by, .. } => Err(Refusal::AlreadyDenied { by: by.clone() }),
            State::Cancelled { .. } => Err(Refusal::Cancelled),
            State::TimedOut { .. } => Err(Refusal::TimedOut),
        }
    }

    /// Times the request out if it is due: the timer may be late, or set by another policy.
    fn timed_out(&self) -> Option<PendingState<'_>> {
        let now = self.context.now;
        let end = schedule::times_out_at(self.terms(self.request), self.request)?;
        (end <= now).then(|| {
            let decision = Decision { refusal: Some(Refusal::TimedOut), ..time_out(now, self.request) };
            PendingState::TimedOut(Box::new(decision))
        })
    }

    pub(super) fn terms(&self, request: &Request) -> &Terms {
        self.context.policy.approval_rule(&RuleInput::of(request)).terms
    }

    pub(super) fn approval_channel(&self, request: &Request) -> ChannelId {
        self.terms(request).approval_channel.clone().unwrap_or_else(|| request.origin.clone())
    }

    pub(super) fn membership(&self, request: &Request) -> Membership {
        self.context.members.among(self.by, &self.context.policy.approvers(self.context.now, request))
    }

    /// Whether the person is the requester, under either id.
    pub(super) fn is_requester(&self) -> Membership {
        self.context.members.is_same(self.by, &self.request.requester)
    }

    fn require_approver(&self, request: &Request) -> Result<(), Refusal> {
        match self.is_requester() {
            Membership::Yes => return Err(Refusal::OwnRequest),
            Membership::No => {}
            Membership::Unknown => return Err(Refusal::CannotCheck),
        }
        match self.membership(request) {
            Membership::Yes => Ok(()),
            Membership::No => Err(Refusal::NotApprover),
            Membership::Unknown => Err(Refusal::CannotCheck),
        }
    }

    /// The request with the reduction applied, if that grants no more than was requested.
    fn reduced(&self, reduction: &Reduction) -> Result<Request, Refusal> {
        let reduced = self.request.reduced(reduction);
        let max_access = self.terms(&reduced).max_access;
        if self.request.change.is_exceeded_by(&reduced.change, self.context.now, max_access) {
            Err(Refusal::ExceedsRequest)
        } else {
            Ok(reduced)
        }
    }
}

fn count(approvals: &[ApprovalGiven]) -> u32 {
    u32::try_from(approvals.len()).unwrap_or(u32::MAX)
}
