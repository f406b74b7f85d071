//! Which requests a user can decide on. Reads only.

use super::Workflow;
use crate::domain::{
    decide,
    people::{Membership, UserId},
    request::Request,
};

impl Workflow {
    /// Whether `user` can decide on `request` now, and has not approved it already, as far as is known.
    pub fn may_decide(&self, request: &Request, user: &UserId) -> Membership {
        decide::may_decide(self.decision_context(), request, user)
    }
}
