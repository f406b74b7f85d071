//! The approval core: what follows from an event in a state. Pure: the same input gives the same decision.
//!
//! One `match` over (event, state) without a wildcard arm, so that a new state or event does not compile until every
//! pair is answered. Late and repeated outcomes change nothing; late presses are refused with the reason.
#![doc = ""]
#![doc = include_str!("decide/table.md")]

mod actions;
mod pending;
mod submit;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

pub use self::{
    pending::may_decide,
    submit::{Submission, submit},
};
use super::{
    change::Change,
    effect::{Effect, Note, ScheduledEffect},
    event::Event,
    people::{Principal, UserId},
    policy::{MembershipLookup, Policy, RuleInput},
    reminder,
    request::{Approved, Failure, FailureKind, Request, Revision, State, Waiting},
    text::Reason,
};

/// What a decision is made by, besides the request and the event.
#[derive(Clone, Copy)]
pub struct DecisionContext<'a> {
    /// The time.
    pub now: Timestamp,
    /// The policy.
    pub policy: &'a Policy,
    /// Who is in which group.
    pub members: &'a dyn MembershipLookup,
}

/// What follows from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The state that the request moves to; absent: it stays as it is.
    pub next: Option<State>,
    /// What is asked for from now on; absent: what was.
    pub revised: Option<RevisedRequest>,
    /// What is to be done outside.
    pub effects: Vec<ScheduledEffect>,
    /// The name under which the ledger keeps it; absent when nothing happened.
    pub entry: Option<&'static str>,
    /// What the person who pressed is told, where the press counted for nothing but something else happened.
    pub refusal: Option<Refusal>,
    /// Whether all this holds only if the change that waits can be taken back before anybody carries it out. If it
    /// cannot, nothing of this happens, and the press is refused with [`Refusal::BeingTried`].
    pub cancels_queued: bool,
}

/// What is asked for instead of what was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisedRequest {
    /// The change.
    pub change: Change,
    /// Why.
    pub reason: Option<Reason>,
    /// Which of the groups and channels that rules name the requester was in.
    pub memberships: Vec<Principal>,
    /// Who changed what; its revision is the new one.
    pub amendment: Revision,
}

impl Decision {
    /// Nothing follows: the event is late, or was answered before.
    fn unchanged() -> Self {
        Self {
            next: None,
            revised: None,
            effects: Vec::new(),
            entry: None,
            refusal: None,
            cancels_queued: false,
        }
    }

    fn to(next: State, entry: &'static str, effects: impl IntoIterator<Item = Effect>) -> Self {
        let effects = effects.into_iter().map(ScheduledEffect::now).collect();
        Self { next: Some(next), effects, entry: Some(entry), ..Self::unchanged() }
    }
}

/// Why a press counts for nothing, for the person who pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody decides on a request of their own.
    OwnRequest,
    /// Only approvers may do this.
    NotApprover,
    /// Whether they are an approver cannot be found out now.
    CannotCheck,
    /// Only the requester may do this.
    NotRequester,
    /// What is asked for is no longer what they saw.
    Changed,
    /// They have agreed already, and others have to as well.
    ApprovalAlreadyGiven {
        /// How many have agreed.
        given: u32,
        /// How many have to.
        needed: u32,
    },
    /// They would approve more than was asked for.
    ExceedsRequest,
    /// With these values other people decide, in another channel.
    OtherChannel,
    /// It is approved already.
    AlreadyApproved {
        /// By whom; empty when the policy asks nobody.
        by: Vec<UserId>,
    },
    /// It is denied already.
    AlreadyDenied {
        /// By whom.
        by: UserId,
    },
    /// It was taken back already.
    Cancelled,
    /// The change is being tried at this moment, so it cannot be taken back.
    InProgress,
    /// The change may have been carried out already, so it cannot be taken back.
    MayBeApplied,
    /// The change is carried out, so it cannot be taken back.
    Done,
    /// The time for a decision is over.
    TimedOut,
    /// It failed; there is nothing to decide any more.
    Failed,
    /// It failed for a cause that trying again does not mend, or it did not fail at all.
    NothingToRetry,
    /// The day on which access should end is over; an approver may still choose another.
    ExpirationPassed,
    /// The day on which access should end is over, and what was approved cannot be changed any more.
    ExpiredBeforeRetry,
    /// Another open request is about the same user.
    AnotherIsOpen,
    /// The request is not known.
    UnknownRequest,
}

impl Refusal {
    /// Its name, as it is stored.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OwnRequest => "own_request",
            Self::NotApprover => "not_approver",
            Self::CannotCheck => "cannot_check",
            Self::NotRequester => "not_requester",
            Self::Changed => "changed",
            Self::ApprovalAlreadyGiven { .. } => "agreed_before",
            Self::ExceedsRequest => "widens",
            Self::OtherChannel => "other_channel",
            Self::AlreadyApproved { .. } => "already_approved",
            Self::AlreadyDenied { .. } => "already_denied",
            Self::Cancelled => "cancelled",
            Self::InProgress => "being_tried",
            Self::MayBeApplied => "may_be_applied",
            Self::Done => "done",
            Self::TimedOut => "timed_out",
            Self::Failed => "failed",
            Self::NothingToRetry => "nothing_to_retry",
            Self::ExpirationPassed => "expiration_passed",
            Self::ExpiredBeforeRetry => "over_before_retry",
            Self::AnotherIsOpen => "another_is_open",
            Self::UnknownRequest => "unknown",
        }
    }
}

/// What follows from `event`.
///
/// # Errors
/// The reason why a person's press counts for nothing.
pub fn decide(today: DecisionContext<'_>, request: &Request, event: &Event) -> Result<Decision, Refusal> {
    let now = today.now;
    match (event, &request.state) {
        (Event::ActionTaken { by, action: press }, _) => {
            actions::ActionContext { today, request, by }.decide(press)
        }

        (Event::Applied(user), State::Applying { approved, .. }) => {
            let next = State::Done { approved: approved.clone(), user: user.clone(), at: now };
            Ok(Decision::to(next, "applied", shown(request, [Effect::ShowRequester, Effect::Announce])))
        }
        (Event::ApplyFailed(failure), State::Applying { approved, .. }) => {
            let next = State::Failed { approved: Some(approved.clone()), failure: failure.clone(), at: now };
            let effects = shown(request, [Effect::ShowRequester, Effect::TellOutcome]);
            Ok(Decision::to(next, "not_applied", effects))
        }
        (Event::Waits(waiting), State::Applying { approved, waiting: before }) => {
            // The card names the cause and a time, and can be cancelled or not; it is touched again only when what it
            // says is no longer true.
            let is_news = before.as_ref().is_none_or(|before| {
                before.cause != waiting.cause
                    || before.may_be_applied != waiting.may_be_applied
                    || before.until <= now
            });
            if is_news {
                Ok(wait(request, approved, Some(waiting.clone()), "waits"))
            } else {
                Ok(Decision::unchanged())
            }
        }
        (Event::Resumed, State::Applying { approved, waiting: Some(_) }) => {
            Ok(wait(request, approved, None, "resumed"))
        }
        (Event::Resumed, State::Applying { waiting: None, .. }) => Ok(Decision::unchanged()),
        (
            Event::Applied(_) | Event::ApplyFailed(_) | Event::Waits(_) | Event::Resumed,
            State::Pending { .. }
            | State::Done { .. }
            | State::Failed { .. }
            | State::Denied { .. }
            | State::Cancelled { .. }
            | State::TimedOut { .. },
        ) => Ok(Decision::unchanged()),

        (Event::CardLost { detail }, State::Pending { .. }) => {
            let failure =
                Failure { kind: FailureKind::CardUndeliverable, detail: detail.clone(), attempted_at: None };
            // There is no card to bring up to date.
            let next = State::Failed { approved: None, failure, at: now };
            Ok(Decision::to(next, "card_lost", [Effect::ShowRequester, Effect::TellOutcome]))
        }
        (Event::CardGone, State::Pending { .. }) => Ok(Decision {
            effects: vec![ScheduledEffect::now(Effect::ShowCard)],
            entry: Some("card_gone"),
            ..Decision::unchanged()
        }),
        (Event::DecisionTimedOut, State::Pending { .. }) => Ok(time_out(now, request)),
        (Event::EscalationDue, State::Pending { approvals, is_escalated: false }) => {
            let next = State::Pending { approvals: approvals.clone(), is_escalated: true };
            let note = Effect::Note { note: Note::Escalated };
            Ok(Decision::to(next, "escalated", shown(request, [Effect::ShowRequester, note])))
        }
        (Event::Reminded { sent }, State::Pending { .. }) => {
            let terms = today.policy.approval_rule(&RuleInput::of(request)).terms;
            let sent = sent.saturating_add(1);
            let next = reminder::next(now, request.created_at, terms, sent);
            let effects = next.map(|after| ScheduledEffect::after(Effect::Remind { sent }, after));
            Ok(Decision {
                effects: effects.into_iter().collect(),
                entry: Some("reminded"),
                ..Decision::unchanged()
            })
        }
        (Event::EscalationDue, State::Pending { is_escalated: true, .. }) => Ok(Decision::unchanged()),
        (
            Event::CardLost { .. }
            | Event::CardGone
            | Event::DecisionTimedOut
            | Event::Reminded { .. }
            | Event::EscalationDue,
            State::Applying { .. }
            | State::Done { .. }
            | State::Failed { .. }
            | State::Denied { .. }
            | State::Cancelled { .. }
            | State::TimedOut { .. },
        ) => Ok(Decision::unchanged()),
    }
}

fn time_out(now: Timestamp, request: &Request) -> Decision {
    let effects = shown(request, [Effect::ShowRequester, Effect::TellOutcome]);
    Decision::to(State::TimedOut { at: now }, "timed_out", effects)
}

fn wait(request: &Request, approved: &Approved, waiting: Option<Waiting>, entry: &'static str) -> Decision {
    let next = State::Applying { approved: approved.clone(), waiting };
    Decision::to(next, entry, shown(request, [Effect::ShowRequester]))
}

/// The card first, where there is one, then the rest.
fn shown<const N: usize>(request: &Request, effects: [Effect; N]) -> impl Iterator<Item = Effect> {
    request.approval_channel.is_some().then_some(Effect::ShowCard).into_iter().chain(effects)
}
