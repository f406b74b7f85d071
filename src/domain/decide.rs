//! The approval core: what follows from an event in a state. Pure: the same input gives the same decision.
//!
//! One `match` over (event, state) without a wildcard arm, so that a new state or event does not compile until every
//! pair is answered. Late and repeated outcomes change nothing; late presses are refused with the reason.

use jiff::{SignedDuration, Timestamp};

use super::{
    change::Change,
    effect::{Effect, Planned},
    event::{Event, Press},
    people::{ChannelId, RequestId, Standing, UserId},
    policy::{Approval, Policy},
    request::{Approved, Failure, FailureKind, Request, State, Waiting},
    text::Reason,
};

/// What follows from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The state that the request moves to; absent: it stays as it is.
    pub next: Option<State>,
    /// What is to be done outside.
    pub effects: Vec<Planned>,
    /// The name under which the ledger keeps it; absent when nothing happened.
    pub entry: Option<&'static str>,
    /// What the person who pressed is told, where the press counted for nothing but something else happened.
    pub refusal: Option<Refusal>,
    /// Whether all this holds only if the change that waits can be taken back before anybody carries it out. If it
    /// cannot, nothing of this happens, and the press is refused with [`Refusal::BeingTried`].
    pub withdraws: bool,
}

impl Decision {
    /// Nothing follows: the event is late, or was answered before.
    fn unchanged() -> Self {
        Self { next: None, effects: Vec::new(), entry: None, refusal: None, withdraws: false }
    }

    fn to(next: State, entry: &'static str, effects: impl IntoIterator<Item = Effect>) -> Self {
        let effects = effects.into_iter().map(Planned::now).collect();
        Self { next: Some(next), effects, entry: Some(entry), refusal: None, withdraws: false }
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
    /// It is approved already.
    AlreadyApproved {
        /// By whom; absent when the policy asks nobody.
        by: Option<UserId>,
    },
    /// It is denied already.
    AlreadyDenied {
        /// By whom.
        by: UserId,
    },
    /// It was taken back already.
    Cancelled,
    /// The change is being tried at this moment, so it cannot be taken back.
    BeingTried,
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
    /// The day on which access should end is over.
    ExpirationPassed,
    /// Another open request is about the same user.
    AnotherIsOpen,
    /// The request is not known.
    Unknown,
}

/// A new request as it is submitted.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Its id.
    pub id: RequestId,
    /// Who asks.
    pub requester: UserId,
    /// Where the command was typed.
    pub origin: ChannelId,
    /// What is asked for.
    pub change: Change,
    /// Why.
    pub reason: Option<Reason>,
}

/// The request that a submission becomes under `policy`, and what follows.
pub fn open(now: Timestamp, policy: &Policy, submission: Submission) -> (Request, Vec<Planned>) {
    let Submission { id, requester, origin, change, reason } = submission;
    let (state, approval_channel, effects) = match &policy.approval {
        Approval::Required { .. } => {
            let channel = policy.approval_channel.clone().unwrap_or_else(|| origin.clone());
            let mut effects = vec![Planned::now(Effect::ShowCard), Planned::now(Effect::ShowRequester)];
            effects.extend(policy.remind_after.map(|after| Planned::after(Effect::Remind, after)));
            effects.extend(policy.pending_timeout.map(|after| Planned::after(Effect::TimeOut, after)));
            (State::Pending, Some(channel), effects)
        }
        Approval::None => {
            let approved = Approved { by: None, at: now };
            let apply = Effect::Apply { change: change.clone(), attempted_at: None };
            let effects = vec![Planned::now(apply), Planned::now(Effect::ShowRequester)];
            (State::Applying { approved, waiting: None }, None, effects)
        }
    };
    let request = Request {
        id,
        version: 1,
        created_at: now,
        requester,
        origin,
        approval_channel,
        change,
        reason,
        state,
    };
    (request, effects)
}

/// What follows from `event`.
///
/// # Errors
/// The reason why a person's press counts for nothing.
pub fn decide(
    now: Timestamp,
    policy: &Policy,
    request: &Request,
    event: &Event,
) -> Result<Decision, Refusal> {
    match (event, &request.state) {
        (Event::Pressed { by, standing, press }, state) => match press {
            Press::Approve => approve(now, policy, request, by, *standing),
            Press::AskToDeny => undecided(now, policy, request, by, *standing)
                .map(|lapsed| lapsed.unwrap_or(Decision::unchanged())),
            Press::Deny { reason } => deny(now, policy, request, by, *standing, reason),
            Press::Cancel => cancel(now, request, by, *standing),
            Press::Retry => retry(now, request, state, *standing),
        },

        (Event::Applied(user), State::Applying { approved, .. }) => {
            let next = State::Done { approved: approved.clone(), user: user.clone(), at: now };
            Ok(Decision::to(next, "applied", shown(request, [Effect::ShowRequester, Effect::Announce])))
        }
        (Event::NotApplied(failure), State::Applying { approved, .. }) => {
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
            Event::Applied(_) | Event::NotApplied(_) | Event::Waits(_) | Event::Resumed,
            State::Pending
            | State::Done { .. }
            | State::Failed { .. }
            | State::Denied { .. }
            | State::Cancelled { .. }
            | State::TimedOut { .. },
        ) => Ok(Decision::unchanged()),

        (Event::CardLost { detail }, State::Pending) => {
            let failure =
                Failure { kind: FailureKind::CardUndeliverable, detail: detail.clone(), attempted_at: None };
            // There is no card to bring up to date.
            let next = State::Failed { approved: None, failure, at: now };
            Ok(Decision::to(next, "card_lost", [Effect::ShowRequester, Effect::TellOutcome]))
        }
        (Event::CardGone, State::Pending) => Ok(Decision {
            effects: vec![Planned::now(Effect::ShowCard)],
            entry: Some("card_gone"),
            ..Decision::unchanged()
        }),
        (Event::TimeIsUp, State::Pending) => Ok(time_out(now, request)),
        (
            Event::CardLost { .. } | Event::CardGone | Event::TimeIsUp,
            State::Applying { .. }
            | State::Done { .. }
            | State::Failed { .. }
            | State::Denied { .. }
            | State::Cancelled { .. }
            | State::TimedOut { .. },
        ) => Ok(Decision::unchanged()),
    }
}

/// Whether `by` may decide on the request now. A request whose time is over lapses, which is a decision too.
fn undecided(
    now: Timestamp,
    policy: &Policy,
    request: &Request,
    by: &UserId,
    standing: Standing,
) -> Result<Option<Decision>, Refusal> {
    match &request.state {
        State::Pending => {}
        State::Applying { approved, .. } | State::Done { approved, .. } => {
            return Err(Refusal::AlreadyApproved { by: approved.by.clone() });
        }
        State::Failed { .. } => return Err(Refusal::Failed),
        State::Denied { by, .. } => return Err(Refusal::AlreadyDenied { by: by.clone() }),
        State::Cancelled { .. } => return Err(Refusal::Cancelled),
        State::TimedOut { .. } => return Err(Refusal::TimedOut),
    }
    may_decide(request, by, standing)?;
    let limit = policy.pending_timeout.and_then(|limit| SignedDuration::try_from(limit).ok());
    let is_over =
        limit.is_some_and(|limit| request.created_at.checked_add(limit).is_ok_and(|end| end <= now));
    Ok(is_over.then(|| Decision { refusal: Some(Refusal::TimedOut), ..time_out(now, request) }))
}

fn may_decide(request: &Request, by: &UserId, standing: Standing) -> Result<(), Refusal> {
    if *by == request.requester {
        return Err(Refusal::OwnRequest);
    }
    match standing {
        Standing::Yes => Ok(()),
        Standing::No => Err(Refusal::NotApprover),
        Standing::Unknown => Err(Refusal::CannotCheck),
    }
}

fn approve(
    now: Timestamp,
    policy: &Policy,
    request: &Request,
    by: &UserId,
    standing: Standing,
) -> Result<Decision, Refusal> {
    if let Some(lapsed) = undecided(now, policy, request, by, standing)? {
        return Ok(lapsed);
    }
    if request.change.expiration().is_some_and(|expiration| expiration.at() <= now) {
        return Err(Refusal::ExpirationPassed);
    }
    let approved = Approved { by: Some(by.clone()), at: now };
    let apply = Effect::Apply { change: request.change.clone(), attempted_at: None };
    let next = State::Applying { approved, waiting: None };
    Ok(Decision::to(next, "approved", shown(request, [Effect::ShowRequester, apply])))
}

fn deny(
    now: Timestamp,
    policy: &Policy,
    request: &Request,
    by: &UserId,
    standing: Standing,
    reason: &Reason,
) -> Result<Decision, Refusal> {
    if let Some(lapsed) = undecided(now, policy, request, by, standing)? {
        return Ok(lapsed);
    }
    let next = State::Denied { by: by.clone(), reason: reason.clone(), at: now };
    Ok(Decision::to(next, "denied", shown(request, [Effect::ShowRequester, Effect::TellOutcome])))
}

/// The requester takes an undecided request back. While an approved one waits, the requester and every approver can,
/// as long as nothing may have been carried out.
fn cancel(now: Timestamp, request: &Request, by: &UserId, standing: Standing) -> Result<Decision, Refusal> {
    let is_own = *by == request.requester;
    let next = State::Cancelled { by: Some(by.clone()), at: now };
    match &request.state {
        State::Pending if !is_own => Err(Refusal::NotRequester),
        State::Pending => Ok(Decision::to(next, "cancelled", shown(request, [Effect::ShowRequester]))),
        State::Applying { waiting: Some(waiting), .. } => {
            match standing {
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

/// Tries a failed change again. The approval stands: the same values are applied, by the same approver's word.
fn retry(now: Timestamp, request: &Request, state: &State, standing: Standing) -> Result<Decision, Refusal> {
    match standing {
        Standing::Yes => {}
        Standing::No => return Err(Refusal::NotApprover),
        Standing::Unknown => return Err(Refusal::CannotCheck),
    }
    match state {
        State::Failed { approved: Some(approved), failure, .. } if failure.kind.is_mendable() => {
            if request.change.expiration().is_some_and(|expiration| expiration.at() <= now) {
                return Err(Refusal::ExpirationPassed);
            }
            let apply = Effect::Apply { change: request.change.clone(), attempted_at: failure.attempted_at };
            let next = State::Applying { approved: approved.clone(), waiting: None };
            Ok(Decision::to(next, "retried", shown(request, [Effect::ShowRequester, apply])))
        }
        State::Applying { approved, .. } => Err(Refusal::AlreadyApproved { by: approved.by.clone() }),
        State::Pending
        | State::Done { .. }
        | State::Failed { .. }
        | State::Denied { .. }
        | State::Cancelled { .. }
        | State::TimedOut { .. } => Err(Refusal::NothingToRetry),
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

#[cfg(test)]
mod tests;
