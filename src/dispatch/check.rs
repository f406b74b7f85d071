//! Finds out whether somebody who pressed a button is an approver.

use super::{Dispatcher, Done};
use crate::domain::{
    event::{Event, Press},
    people::UserId,
};

impl Dispatcher {
    /// Asks once. Where there is no answer the press counts for nothing, and the person is told so: they are
    /// waiting, and can press again.
    pub(super) async fn check_standing(&self, by: &UserId, press: &Press) -> Done {
        let standing = self.0.people.approver_now(by).await;
        Done::with(Event::Pressed { by: by.clone(), standing, press: press.clone() })
    }
}
