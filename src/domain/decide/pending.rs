//! Which requests a user can decide on: those where an action of theirs would be accepted now.

use super::{Decision, DecisionContext, Refusal, decide};
use crate::domain::{
    event::{Action, Event},
    people::{Membership, UserId},
    request::{Request, State},
};

/// Whether `user` can decide on `request` now, and has not approved it already.
pub fn may_decide(context: DecisionContext<'_>, request: &Request, user: &UserId) -> Membership {
    let State::Pending { approvals, .. } = &request.state else { return Membership::No };
    if approvals.iter().any(|approval| approval.by == *user) {
        return Membership::No;
    }
    let event = Event::ActionTaken { by: user.clone(), action: Action::OpenDenial };
    match decide(context, request, &event) {
        Ok(Decision { next: None, refusal: None, .. }) => Membership::Yes,
        Err(Refusal::CannotCheck) => Membership::Unknown,
        Ok(_) | Err(_) => Membership::No,
    }
}
