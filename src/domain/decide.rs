//! The approval core: decides what follows from an event in a state. Pure: the same input gives the same decision.
//!
//! One `match` over (event, state) without a wildcard arm, so that a new state or event does not compile until every
//! pair is handled. Late and repeated results change nothing; late actions are refused with a reason. It never looks
//! inside a change: it asks [`Change`].
#![doc = ""]
#![doc = include_str!("decide/table.md")]

mod actions;
mod pending;
mod retry;
mod settle;
mod submit;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

pub use self::{
    pending::may_decide,
    settle::is_unsettled,
    submit::{Submission, submit},
};
use super::{
    change::Change,
    effect::Effect,
    event::Event,
    note::Note,
    people::{ChannelId, Principal, UserId},
    policy::{MembershipLookup, Policy, Violation},
    request::{Approved, AskedAgain, Failure, FailureKind, Reminders, Request, Revision, State, Waiting},
    schedule::{self, Due},
    text::Reason,
};

/// What a decision depends on, besides the request and the event.
#[derive(Clone, Copy)]
pub struct DecisionContext<'a> {
    /// The current time.
    pub now: Timestamp,
    /// The current policy.
    pub policy: &'a Policy,
    /// The members of groups.
    pub members: &'a dyn MembershipLookup,
}

/// What follows from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The new state; `None`: unchanged.
    pub next: Option<State>,
    /// The revised request; `None`: unchanged.
    pub revised: Option<RevisedRequest>,
    /// The approvers are asked again, in this channel; `None`: they are not.
    pub asked_again: Option<(AskedAgain, ChannelId)>,
    /// What has to happen outside.
    pub effects: Vec<Effect>,
    /// The name of the ledger entry; `None` if nothing happened.
    pub entry: Option<&'static str>,
    /// Why the action was refused, if something else happened instead.
    pub refusal: Option<Refusal>,
    /// Whether the decision depends on removing the queued change before a worker runs it. If that fails, nothing
    /// happens, and the action is refused with [`Refusal::InProgress`].
    pub cancels_queued: bool,
}

/// The new content of a revised request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisedRequest {
    /// The requested change.
    pub change: Change,
    /// The requester's reason.
    pub reason: Option<Reason>,
    /// The groups and channels named in rules that the requester was in.
    pub memberships: Vec<Principal>,
    /// Who changed what, and the new revision number.
    pub revision: Revision,
}

impl Decision {
    /// Nothing follows: the event is late, or a repetition.
    fn unchanged() -> Self {
        Self {
            next: None,
            revised: None,
            asked_again: None,
            effects: Vec::new(),
            entry: None,
            refusal: None,
            cancels_queued: false,
        }
    }

    /// Whether something changes in Marketo.
    pub fn applies_change(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Apply { .. }))
    }

    fn to(next: State, entry: &'static str, effects: impl IntoIterator<Item = Effect>) -> Self {
        let effects = effects.into_iter().collect();
        Self { next: Some(next), effects, entry: Some(entry), ..Self::unchanged() }
    }
}

/// Why an action was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Requesters cannot decide on their own requests.
    OwnRequest,
    /// Only approvers can do this.
    NotApprover,
    /// It is not known at the moment whether they are an approver.
    CannotCheck,
    /// Only the requester can do this.
    NotRequester,
    /// The request was revised since they saw it.
    Changed,
    /// They have already approved, and more approvals are needed.
    ApprovalAlreadyGiven {
        /// How many approvals there are.
        given: u32,
        /// How many are needed.
        needed: u32,
    },
    /// The reduction grants more than was requested.
    ExceedsRequest,
    /// The policy does not allow this as it is.
    PolicyViolated(Violation),
    /// The edited request would need approval in another channel.
    OtherChannel,
    /// Already approved.
    AlreadyApproved {
        /// The approvers; empty if no approval was needed.
        by: Vec<UserId>,
    },
    /// Already denied.
    AlreadyDenied {
        /// The approver.
        by: UserId,
    },
    /// Already cancelled.
    Cancelled,
    /// The change is being applied right now, so that it cannot be cancelled.
    InProgress,
    /// The change may have been applied, so that it cannot be cancelled.
    MayBeApplied,
    /// The change has been applied, so that it cannot be cancelled.
    Done,
    /// The request has timed out.
    TimedOut,
    /// The request has failed.
    Failed,
    /// The request has not failed, or for a reason that a retry does not fix.
    NothingToRetry,
    /// The requested expiration has passed; an approver can still choose another one.
    ExpirationPassed,
    /// The requested expiration has passed, and an approved request cannot be changed.
    ExpiredBeforeRetry,
    /// An attempt before may have created the user, so that the request cannot be edited.
    AttemptedBefore,
    /// Another request about the same user is open.
    AnotherIsOpen,
    /// There is no such request.
    UnknownRequest,
}

impl Refusal {
    /// The name, as it is stored.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OwnRequest => "own_request",
            Self::NotApprover => "not_approver",
            Self::CannotCheck => "cannot_check",
            Self::NotRequester => "not_requester",
            Self::Changed => "changed",
            Self::ApprovalAlreadyGiven { .. } => "agreed_before",
            Self::ExceedsRequest => "widens",
            Self::PolicyViolated(_) => "policy_violated",
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
            Self::AttemptedBefore => "attempted_before",
            Self::AnotherIsOpen => "another_is_open",
            Self::UnknownRequest => "unknown",
        }
    }
}

/// What follows from `event`.
///
/// # Errors
/// Why a person's action is refused.
pub fn decide(context: DecisionContext<'_>, request: &Request, event: &Event) -> Result<Decision, Refusal> {
    let now = context.now;
    Ok(match (event, &request.state) {
        (Event::ActionTaken { by, action }, _) => {
            return actions::ActionContext { context, request, by }.decide(action);
        }

        (Event::Applied(user), State::Applying { approved, .. }) => {
            let next = State::Done { approved: approved.clone(), user: user.clone(), at: now };
            Decision::to(next, "applied", with_card(request, [Effect::ShowRequester, Effect::Announce]))
        }
        (Event::ApplyFailed(failure), State::Applying { approved, .. }) => {
            let next = State::Failed { approved: Some(approved.clone()), failure: failure.clone(), at: now };
            let effects = with_card(request, [Effect::ShowRequester, Effect::TellOutcome]);
            Decision::to(next, "not_applied", effects)
        }
        (Event::Delayed(waiting), State::Applying { approved, waiting: before }) => {
            if before.as_ref().is_none_or(|before| is_news(now, before, waiting)) {
                wait(request, approved, Some(waiting.clone()), "waits")
            } else {
                Decision::unchanged()
            }
        }
        (Event::Resumed, State::Applying { approved, waiting: Some(_) }) => {
            wait(request, approved, None, "resumed")
        }

        (Event::CardLost { detail }, State::Pending { .. }) => lose_card(now, detail),
        (Event::Woken, State::Pending { .. }) => wake(context, request),

        (Event::Resumed, State::Applying { waiting: None, .. })
        | (
            Event::Applied(_) | Event::ApplyFailed(_) | Event::Delayed(_) | Event::Resumed,
            State::Pending { .. },
        )
        | (Event::CardLost { .. } | Event::Woken, State::Applying { .. })
        | (
            Event::Applied(_)
            | Event::ApplyFailed(_)
            | Event::Delayed(_)
            | Event::Resumed
            | Event::CardLost { .. }
            | Event::Woken,
            State::Done { .. }
            | State::Failed { .. }
            | State::Denied { .. }
            | State::Cancelled { .. }
            | State::TimedOut { .. },
        ) => Decision::unchanged(),
    })
}

/// Whether a further delay makes the card wrong: it shows the cause and the time, and a Cancel button if possible.
fn is_news(now: Timestamp, before: &Waiting, after: &Waiting) -> bool {
    before.cause != after.cause || before.may_be_applied != after.may_be_applied || before.until <= now
}

/// Nobody can approve without a card. There is none to update.
fn lose_card(now: Timestamp, detail: &str) -> Decision {
    let failure = Failure { detail: detail.to_owned(), ..Failure::new(FailureKind::CardUndeliverable) };
    let next = State::Failed { approved: None, failure, at: now };
    Decision::to(next, "card_lost", [Effect::ShowRequester, Effect::TellOutcome])
}

/// Does what is due for a pending request.
fn wake(context: DecisionContext<'_>, request: &Request) -> Decision {
    let State::Pending { approvals, is_escalated, reminders } = &request.state else {
        return Decision::unchanged();
    };
    let now = context.now;
    let due = schedule::due(now, context.policy, request);
    if due == Some(Due::Timeout) {
        return time_out(now, request);
    }
    if let Some(decision) = settle::settle(context, request) {
        return decision;
    }
    if *is_escalated && !context.policy.approver_set(now, request).is_escalated {
        // Another policy, or another clock: the additional approvers are asked again when their time has come.
        let (approvals, reminders) = (approvals.clone(), *reminders);
        let next = State::Pending { approvals, is_escalated: false, reminders };
        return Decision::to(next, "escalation_ended", with_card(request, [Effect::ShowRequester]));
    }
    match due {
        Some(Due::Escalation) => {
            let (approvals, reminders) = (approvals.clone(), *reminders);
            let next = State::Pending { approvals, is_escalated: true, reminders };
            let note = Effect::Note { note: Note::Escalated { version: request.version } };
            Decision::to(next, "escalated", with_card(request, [Effect::ShowRequester, note]))
        }
        Some(Due::Reminder) => {
            let sent = reminders.sent;
            let reminders = Reminders { sent: sent.saturating_add(1), last_at: Some(now) };
            let (approvals, is_escalated) = (approvals.clone(), *is_escalated);
            let next = State::Pending { approvals, is_escalated, reminders };
            // The card first: it shows what approvers can do.
            Decision::to(
                next,
                "reminded",
                with_card(request, [Effect::Remind { sent: request.reminder(sent) }]),
            )
        }
        Some(Due::Timeout) | None => Decision::unchanged(),
    }
}

fn time_out(now: Timestamp, request: &Request) -> Decision {
    let effects = with_card(request, [Effect::ShowRequester, Effect::TellOutcome]);
    Decision::to(State::TimedOut { at: now }, "timed_out", effects)
}

fn wait(request: &Request, approved: &Approved, waiting: Option<Waiting>, entry: &'static str) -> Decision {
    let next = State::Applying { approved: approved.clone(), waiting };
    Decision::to(next, entry, with_card(request, [Effect::ShowRequester]))
}

/// Updates the card first, if there is one, then runs `effects`.
fn with_card<const N: usize>(request: &Request, effects: [Effect; N]) -> impl Iterator<Item = Effect> {
    request.approval_channel.is_some().then_some(Effect::ShowCard).into_iter().chain(effects)
}
