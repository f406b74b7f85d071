//! Which requests wait for the word of somebody. It follows from what would be decided if they gave it now.

use super::{Decision, Refusal, Today, decide};
use crate::domain::{
    event::{Event, Press},
    people::{Standing, UserId},
    request::{Request, State},
};

/// Whether `user` may decide on `request` now, and has not agreed to it already.
pub fn waits_for(today: Today<'_>, request: &Request, user: &UserId) -> Standing {
    let State::Pending { approvals, .. } = &request.state else { return Standing::No };
    if approvals.iter().any(|agreement| agreement.by == *user) {
        return Standing::No;
    }
    let event = Event::Pressed { by: user.clone(), press: Press::AskToDeny };
    match decide(today, request, &event) {
        Ok(Decision { next: None, refusal: None, .. }) => Standing::Yes,
        Err(Refusal::CannotCheck) => Standing::Unknown,
        Ok(_) | Err(_) => Standing::No,
    }
}
