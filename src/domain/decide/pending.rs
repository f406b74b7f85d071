//! Which requests wait for the word of somebody. It follows from what would be decided if they gave it now.

use super::{Decision, DecisionContext, Refusal, decide};
use crate::domain::{
    event::{Action, Event},
    people::{Membership, UserId},
    request::{Request, State},
};

/// Whether `user` may decide on `request` now, and has not agreed to it already.
pub fn may_decide(today: DecisionContext<'_>, request: &Request, user: &UserId) -> Membership {
    let State::Pending { approvals, .. } = &request.state else { return Membership::No };
    if approvals.iter().any(|agreement| agreement.by == *user) {
        return Membership::No;
    }
    let event = Event::ActionTaken { by: user.clone(), action: Action::OpenDenial };
    match decide(today, request, &event) {
        Ok(Decision { next: None, refusal: None, .. }) => Membership::Yes,
        Err(Refusal::CannotCheck) => Membership::Unknown,
        Ok(_) | Err(_) => Membership::No,
    }
}
