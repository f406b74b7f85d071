//! What waits for whom: reads only.

use super::Engine;
use crate::domain::{
    decide,
    people::{Standing, UserId},
    request::Request,
};

impl Engine {
    /// Whether `user` may decide on `request` now, and has not agreed to it already, as far as is known.
    pub fn waits_for(&self, request: &Request, user: &UserId) -> Standing {
        decide::waits_for(self.today(), request, user)
    }
}
