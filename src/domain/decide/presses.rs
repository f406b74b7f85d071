//! What follows from a person's press: whether they may, and what it changes.

use jiff::SignedDuration;

use super::{Amended, Decision, Refusal, Today, shown, time_out};
use crate::domain::{
    change::{Detail, Difference, Narrowing},
    effect::{Effect, Note},
    event::{Edited, Press},
    expiration::Expiration,
    people::{ChannelId, Standing, UserId},
    policy::{Case, Terms},
    request::{Agreement, Amendment, Approved, Request, State},
    text::Reason,
};

/// Somebody's press on a button of a request.
#[derive(Clone, Copy)]
pub(super) struct PressOf<'a> {
    pub(super) today: Today<'a>,
    pub(super) request: &'a Request,
    pub(super) by: &'a UserId,
}

/// What may be decided on, or that it has just lapsed.
enum Undecided<'a> {
    Waits { approvals: &'a [Agreement], is_escalated: bool },
    Lapsed(Box<Decision>),
}

impl PressOf<'_> {
    /// What follows.
    pub(super) fn decide(self, press: &Press) -> Result<Decision, Refusal> {
        match press {
            Press::Approve { revision, narrowing, note } => {
                self.approves(*revision, narrowing, note.as_ref())
            }
            Press::AskToReview | Press::AskToDeny => self.asks_to_decide(),
            Press::Deny { reason } => self.denies(reason),
            Press::Cancel => self.cancels(),
            Press::AskToEdit => self.asks_to_edit(),
            Press::Edit(edited) => self.edits(edited),
            Press::Retry => self.retries(&self.request.state),
        }
    }

    /// The way to the form for a review or a denial.
    fn asks_to_decide(self) -> Result<Decision, Refusal> {
        Ok(match self.undecided()? {
            Undecided::Waits { .. } => Decision::unchanged(),
            Undecided::Lapsed(lapsed) => *lapsed,
        })
    }

    /// One more who agrees, or the last who has to.
    fn approves(
        self,
        revision: i64,
        narrowing: &Narrowing,
        note: Option<&Reason>,
    ) -> Result<Decision, Refusal> {
        let Self { today, request, by } = self;
        let now = today.now;
        let (approvals, is_escalated) = match self.undecided()? {
            Undecided::Waits { approvals, is_escalated } => (approvals, is_escalated),
            Undecided::Lapsed(lapsed) => return Ok(*lapsed),
        };
        if revision != request.revision {
            return Err(Refusal::Changed);
        }
        let narrowed = self.narrowed(narrowing)?;
        if narrowed.change.expiration().is_some_and(|expiration| expiration.at() <= now) {
            return Err(Refusal::ExpirationPassed);
        }
        // Another role may be for others to decide on. Then they have to be one of those, too.
        self.may_decide_on(&narrowed)?;
        let needed = |request| today.policy.deciding(&Case::of(request)).terms.approvals_needed();
        let needed = needed(request).max(needed(&narrowed));
        let differences = request.change.differences(&narrowed.change);
        let is_amended = !differences.is_empty();
        let mut agreed = if is_amended { Vec::new() } else { approvals.to_vec() };
        let given = |agreed: &[Agreement]| u32::try_from(agreed.len()).unwrap_or(u32::MAX);
        if agreed.iter().any(|agreement| agreement.by == *by) {
            return Err(Refusal::AgreedBefore { given: given(&agreed), needed });
        }
        agreed.push(Agreement { by: by.clone(), at: now });
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
            let amendment = Amendment { by, at: now, revision, differences, note, lapsed };
            let (reason, memberships) = (request.reason.clone(), request.memberships.clone());
            decision.amended = Some(Amended { change: narrowed.change, reason, memberships, amendment });
        }
        Ok(decision)
    }

    fn denies(self, reason: &Reason) -> Result<Decision, Refusal> {
        if let Undecided::Lapsed(lapsed) = self.undecided()? {
            return Ok(*lapsed);
        }
        let next = State::Denied { by: self.by.clone(), reason: reason.clone(), at: self.today.now };
        let effects = shown(self.request, [Effect::ShowRequester, Effect::TellOutcome]);
        Ok(Decision::to(next, "denied", effects))
    }

    /// The requester takes an undecided request back. While an approved one waits, the requester and every approver
    /// can, as long as nothing may have been carried out.
    fn cancels(self) -> Result<Decision, Refusal> {
        let Self { today, request, by } = self;
        let is_own = *by == request.requester;
        let next = State::Cancelled { by: Some(by.clone()), at: today.now };
        match &request.state {
            State::Pending { .. } if !is_own => Err(Refusal::NotRequester),
            State::Pending { .. } => {
                Ok(Decision::to(next, "cancelled", shown(request, [Effect::ShowRequester])))
            }
            State::Applying { waiting: Some(waiting), .. } => {
                match self.standing(request) {
                    Standing::Yes => {}
                    Standing::No | Standing::Unknown if is_own => {}
                    Standing::No => return Err(Refusal::NotApprover),
                    Standing::Unknown => return Err(Refusal::CannotCheck),
                }
                if waiting.may_be_applied {
                    return Err(Refusal::MayBeApplied);
                }
                let news = (!is_own).then_some(Effect::TellOutcome);
                let effects = shown(request, [Effect::ShowRequester]).chain(news);
                Ok(Decision { withdraws: true, ..Decision::to(next, "cancelled", effects) })
            }
            State::Applying { approved, waiting: None } if is_own => {
                Err(Refusal::AlreadyApproved { by: approved.by.clone() })
            }
            State::Applying { waiting: None, .. } => Err(Refusal::BeingTried),
            State::Done { .. } => Err(Refusal::Done),
            State::Failed { .. } => Err(Refusal::Failed),
            State::Denied { by, .. } => Err(Refusal::AlreadyDenied { by: by.clone() }),
            State::Cancelled { .. } => Err(Refusal::Cancelled),
            State::TimedOut { .. } => Err(Refusal::TimedOut),
        }
    }

    /// The way to the form in which the requester changes the request.
    fn asks_to_edit(self) -> Result<Decision, Refusal> {
        Ok(match self.editable()? {
            Undecided::Waits { .. } => Decision::unchanged(),
            Undecided::Lapsed(lapsed) => *lapsed,
        })
    }

    /// The requester asks for something else. Whoever agreed to what it was before, has not agreed to this.
    fn edits(self, edited: &Edited) -> Result<Decision, Refusal> {
        let Self { today, request, by } = self;
        let (approvals, is_escalated) = match self.editable()? {
            Undecided::Waits { approvals, is_escalated } => (approvals, is_escalated),
            Undecided::Lapsed(lapsed) => return Ok(*lapsed),
        };
        if edited.revision != request.revision {
            return Err(Refusal::Changed);
        }
        let Edited { change, reason, memberships, .. } = edited.clone();
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
            let channel = today.policy.deciding(&Case::of(request)).terms.approval_channel.clone();
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
        let amendment = Amendment { by, at: today.now, revision, differences, note: None, lapsed };
        Ok(Decision {
            amended: Some(Amended { change, reason, memberships, amendment }),
            ..Decision::to(next, "edited", shown(request, [Effect::ShowRequester, note]))
        })
    }

    /// Tries a failed change again. The approval stands: the same values are applied, by the same approvers' word.
    fn retries(self, state: &State) -> Result<Decision, Refusal> {
        let Self { today, request, .. } = self;
        match self.standing(request) {
            Standing::Yes => {}
            Standing::No => return Err(Refusal::NotApprover),
            Standing::Unknown => return Err(Refusal::CannotCheck),
        }
        match state {
            State::Failed { approved: Some(approved), failure, .. } if failure.kind.is_mendable() => {
                if request.change.expiration().is_some_and(|expiration| expiration.at() <= today.now) {
                    return Err(Refusal::OverBeforeRetry);
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
    fn undecided(&self) -> Result<Undecided<'_>, Refusal> {
        let waits = self.waits()?;
        self.may_decide_on(self.request)?;
        Ok(self.lapsed().unwrap_or(waits))
    }

    /// Whether the requester may still change the request.
    fn editable(&self) -> Result<Undecided<'_>, Refusal> {
        let waits = self.waits()?;
        if *self.by != self.request.requester {
            return Err(Refusal::NotRequester);
        }
        Ok(self.lapsed().unwrap_or(waits))
    }

    fn waits(&self) -> Result<Undecided<'_>, Refusal> {
        match &self.request.state {
            State::Pending { approvals, is_escalated } => {
                Ok(Undecided::Waits { approvals, is_escalated: *is_escalated })
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
    fn lapsed(&self) -> Option<Undecided<'_>> {
        let Today { now, .. } = self.today;
        let limit = SignedDuration::try_from(self.terms().pending_timeout?).ok()?;
        let is_over = self.request.created_at.checked_add(limit).is_ok_and(|end| end <= now);
        is_over.then(|| {
            let lapsed = Decision { refusal: Some(Refusal::TimedOut), ..time_out(now, self.request) };
            Undecided::Lapsed(Box::new(lapsed))
        })
    }

    fn terms(&self) -> &Terms {
        self.today.policy.deciding(&Case::of(self.request)).terms
    }

    fn standing(&self, request: &Request) -> Standing {
        self.today.members.among(self.by, &self.today.policy.deciders(request))
    }

    fn may_decide_on(&self, request: &Request) -> Result<(), Refusal> {
        if *self.by == request.requester {
            return Err(Refusal::OwnRequest);
        }
        match self.standing(request) {
            Standing::Yes => Ok(()),
            Standing::No => Err(Refusal::NotApprover),
            Standing::Unknown => Err(Refusal::CannotCheck),
        }
    }

    /// The request with less in it. An end of access may only come earlier; one that has passed, or that was not
    /// given, may lie where a new request's may.
    fn narrowed(&self, narrowing: &Narrowing) -> Result<Request, Refusal> {
        let Self { today: Today { now, policy, .. }, request, .. } = self;
        let narrowed = request.narrowed(narrowing);
        let Some(after) = narrowed.change.expiration() else { return Ok(narrowed) };
        let widens = match request.change.expiration() {
            Some(before) if before == after => false,
            Some(before) if before.at() > *now => after.at() > before.at(),
            Some(_) | None => {
                let max_access = policy.deciding(&Case::of(&narrowed)).terms.max_access;
                after.date() > Expiration::last_day(after.zone(), *now, max_access)
            }
        };
        if widens { Err(Refusal::Widens) } else { Ok(narrowed) }
    }
}
