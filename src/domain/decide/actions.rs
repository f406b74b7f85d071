//! What follows from a person's press: whether they may, and what it changes.

use jiff::SignedDuration;

use super::{Decision, DecisionContext, Refusal, RevisedRequest, shown, time_out};
use crate::domain::{
    change::{Detail, Difference, Reduction},
    effect::{Effect, Note},
    event::{Action, EditedRequest},
    expiration::Expiration,
    people::{ChannelId, Membership, UserId},
    policy::{RuleInput, Terms},
    request::{ApprovalGiven, Approved, Request, Revision, State},
    text::Reason,
};

/// Somebody's press on a button of a request.
#[derive(Clone, Copy)]
pub(super) struct ActionContext<'a> {
    pub(super) today: DecisionContext<'a>,
    pub(super) request: &'a Request,
    pub(super) by: &'a UserId,
}

/// What may be decided on, or that it has just lapsed.
enum PendingState<'a> {
    Waits { approvals: &'a [ApprovalGiven], is_escalated: bool },
    Lapsed(Box<Decision>),
}

impl ActionContext<'_> {
    /// What follows.
    pub(super) fn decide(self, press: &Action) -> Result<Decision, Refusal> {
        match press {
            Action::Approve { revision, reduction: narrowing, note } => {
                self.approve(*revision, narrowing, note.as_ref())
            }
            Action::OpenReview | Action::OpenDenial => self.open_decision_form(),
            Action::Deny { reason } => self.deny(reason),
            Action::Cancel => self.cancel(),
            Action::OpenEdit => self.open_edit(),
            Action::Edit(edited) => self.edit(edited),
            Action::Retry => self.retry(&self.request.state),
        }
    }

    /// The way to the form for a review or a denial.
    fn open_decision_form(self) -> Result<Decision, Refusal> {
        Ok(match self.require_pending()? {
            PendingState::Waits { .. } => Decision::unchanged(),
            PendingState::Lapsed(lapsed) => *lapsed,
        })
    }

    /// One more who agrees, or the last who has to.
    fn approve(
        self,
        revision: i64,
        narrowing: &Reduction,
        note: Option<&Reason>,
    ) -> Result<Decision, Refusal> {
        let Self { today, request, by } = self;
        let now = today.now;
        let (approvals, is_escalated) = match self.require_pending()? {
            PendingState::Waits { approvals, is_escalated } => (approvals, is_escalated),
            PendingState::Lapsed(lapsed) => return Ok(*lapsed),
        };
        if revision != request.revision {
            return Err(Refusal::Changed);
        }
        let narrowed = self.reduced(narrowing)?;
        if narrowed.change.expiration().is_some_and(|expiration| expiration.at() <= now) {
            return Err(Refusal::ExpirationPassed);
        }
        // Another role may be for others to decide on. Then they have to be one of those, too.
        self.require_approver(&narrowed)?;
        let needed = |request| today.policy.approval_rule(&RuleInput::of(request)).terms.approvals_needed();
        let needed = needed(request).max(needed(&narrowed));
        let differences = request.change.differences(&narrowed.change);
        let is_amended = !differences.is_empty();
        let mut agreed = if is_amended { Vec::new() } else { approvals.to_vec() };
        let given = |agreed: &[ApprovalGiven]| u32::try_from(agreed.len()).unwrap_or(u32::MAX);
        if agreed.iter().any(|agreement| agreement.by == *by) {
            return Err(Refusal::ApprovalAlreadyGiven { given: given(&agreed), needed });
        }
        agreed.push(ApprovalGiven { by: by.clone(), at: now });
        let revision = request.revision + i64::from(is_amended);
        let lapsed = if is_amended { given(approvals) } else { 0 };
        let amended = is_amended.then_some(Effect::Note { note: Note::Amended { revision, lapsed } });
        let mut decision = if given(&agreed) >= needed {
            let approved =
                Approved { by: agreed.into_iter().map(|agreement| agreement.by).collect(), at: now };
            let apply = Effect::Apply { change: narrowed.change.clone(), attempted_at: None };
            let effects = shown(request, [Effect::ShowRequester, apply]).chain(amended);
            Decision::to(State::Applying { approved, waiting: None }, "approved", effects)
        } else {
            let given = given(&agreed);
            let note = Effect::Note { note: Note::Approval { by: by.clone(), revision, given, needed } };
            let effects = shown(request, [Effect::ShowRequester]).chain(amended).chain([note]);
            Decision::to(State::Pending { approvals: agreed, is_escalated }, "agreed", effects)
        };
        if is_amended || note.is_some() {
            let (by, note) = (by.clone(), note.cloned());
            let amendment = Revision { by, at: now, revision, differences, note, lapsed };
            let (reason, memberships) = (request.reason.clone(), request.memberships.clone());
            decision.revised =
                Some(RevisedRequest { change: narrowed.change, reason, memberships, amendment });
        }
        Ok(decision)
    }

    fn deny(self, reason: &Reason) -> Result<Decision, Refusal> {
        if let PendingState::Lapsed(lapsed) = self.require_pending()? {
            return Ok(*lapsed);
        }
        let next = State::Denied { by: self.by.clone(), reason: reason.clone(), at: self.today.now };
        let effects = shown(self.request, [Effect::ShowRequester, Effect::TellOutcome]);
        Ok(Decision::to(next, "denied", effects))
    }

    /// The requester takes an undecided request back. While an approved one waits, the requester and every approver
    /// can, as long as nothing may have been carried out.
    fn cancel(self) -> Result<Decision, Refusal> {
        let Self { today, request, by } = self;
        let is_own = *by == request.requester;
        let next = State::Cancelled { by: Some(by.clone()), at: today.now };
        match &request.state {
            State::Pending { .. } if !is_own => Err(Refusal::NotRequester),
            State::Pending { .. } => {
                Ok(Decision::to(next, "cancelled", shown(request, [Effect::ShowRequester])))
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
                let news = (!is_own).then_some(Effect::TellOutcome);
                let effects = shown(request, [Effect::ShowRequester]).chain(news);
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

    /// The way to the form in which the requester changes the request.
    fn open_edit(self) -> Result<Decision, Refusal> {
        Ok(match self.require_editable()? {
            PendingState::Waits { .. } => Decision::unchanged(),
            PendingState::Lapsed(lapsed) => *lapsed,
        })
    }

    /// The requester asks for something else. Whoever agreed to what it was before, has not agreed to this.
    fn edit(self, edited: &EditedRequest) -> Result<Decision, Refusal> {
        let Self { today, request, by } = self;
        let (approvals, is_escalated) = match self.require_editable()? {
            PendingState::Waits { approvals, is_escalated } => (approvals, is_escalated),
            PendingState::Lapsed(lapsed) => return Ok(*lapsed),
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
        let then = Request { change: change.clone(), memberships: memberships.clone(), ..request.clone() };
        let channel = |request: &Request| -> ChannelId {
            let channel = today.policy.approval_rule(&RuleInput::of(request)).terms.approval_channel.clone();
            channel.unwrap_or_else(|| request.origin.clone())
        };
        if channel(request) != channel(&then) {
            return Err(Refusal::OtherChannel);
        }
        let revision = request.revision + 1;
        let lapsed = u32::try_from(approvals.len()).unwrap_or(u32::MAX);
        let note = Effect::Note { note: Note::Amended { revision, lapsed } };
        let next = State::Pending { approvals: Vec::new(), is_escalated };
        let by = by.clone();
        let amendment = Revision { by, at: today.now, revision, differences, note: None, lapsed };
        Ok(Decision {
            revised: Some(RevisedRequest { change, reason, memberships, amendment }),
            ..Decision::to(next, "edited", shown(request, [Effect::ShowRequester, note]))
        })
    }

    /// Tries a failed change again. The approval stands: the same values are applied, by the same approvers' word.
    fn retry(self, state: &State) -> Result<Decision, Refusal> {
        let Self { today, request, .. } = self;
        match self.membership(request) {
            Membership::Yes => {}
            Membership::No => return Err(Refusal::NotApprover),
            Membership::Unknown => return Err(Refusal::CannotCheck),
        }
        match state {
            State::Failed { approved: Some(approved), failure, .. } if failure.kind.is_retryable() => {
                if request.change.expiration().is_some_and(|expiration| expiration.at() <= today.now) {
                    return Err(Refusal::ExpiredBeforeRetry);
                }
                let apply =
                    Effect::Apply { change: request.change.clone(), attempted_at: failure.attempted_at };
                let next = State::Applying { approved: approved.clone(), waiting: None };
                Ok(Decision::to(next, "retried", shown(request, [Effect::ShowRequester, apply])))
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

    /// Whether somebody may decide on the request now. A request whose time is over lapses, which is a decision too.
    fn require_pending(&self) -> Result<PendingState<'_>, Refusal> {
        let waits = self.pending_state()?;
        self.require_approver(self.request)?;
        Ok(self.timed_out().unwrap_or(waits))
    }

    /// Whether the requester may still change the request.
    fn require_editable(&self) -> Result<PendingState<'_>, Refusal> {
        let waits = self.pending_state()?;
        if *self.by != self.request.requester {
            return Err(Refusal::NotRequester);
        }
        Ok(self.timed_out().unwrap_or(waits))
    }

    fn pending_state(&self) -> Result<PendingState<'_>, Refusal> {
        match &self.request.state {
            State::Pending { approvals, is_escalated } => {
                Ok(PendingState::Waits { approvals, is_escalated: *is_escalated })
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

    /// The timer may be late, or have been set by another policy.
    fn timed_out(&self) -> Option<PendingState<'_>> {
        let DecisionContext { now, .. } = self.today;
        let limit = SignedDuration::try_from(self.terms().pending_timeout?).ok()?;
        let is_over = self.request.created_at.checked_add(limit).is_ok_and(|end| end <= now);
        is_over.then(|| {
            let lapsed = Decision { refusal: Some(Refusal::TimedOut), ..time_out(now, self.request) };
            PendingState::Lapsed(Box::new(lapsed))
        })
    }

    fn terms(&self) -> &Terms {
        self.today.policy.approval_rule(&RuleInput::of(self.request)).terms
    }

    fn membership(&self, request: &Request) -> Membership {
        self.today.members.among(self.by, &self.today.policy.deciders(request))
    }

    fn require_approver(&self, request: &Request) -> Result<(), Refusal> {
        if *self.by == request.requester {
            return Err(Refusal::OwnRequest);
        }
        match self.membership(request) {
            Membership::Yes => Ok(()),
            Membership::No => Err(Refusal::NotApprover),
            Membership::Unknown => Err(Refusal::CannotCheck),
        }
    }

    /// The request with less in it. An end of access may only come earlier; one that has passed, or that was not
    /// given, may lie where a new request's may.
    fn reduced(&self, narrowing: &Reduction) -> Result<Request, Refusal> {
        let Self { today: DecisionContext { now, policy, .. }, request, .. } = self;
        let narrowed = request.reduced(narrowing);
        let Some(after) = narrowed.change.expiration() else { return Ok(narrowed) };
        let widens = match request.change.expiration() {
            Some(before) if before == after => false,
            Some(before) if before.at() > *now => after.at() > before.at(),
            Some(_) | None => {
                let max_access = policy.approval_rule(&RuleInput::of(&narrowed)).terms.max_access;
                after.date() > Expiration::last_day(after.zone(), *now, max_access)
            }
        };
        if widens { Err(Refusal::ExceedsRequest) } else { Ok(narrowed) }
    }
}
