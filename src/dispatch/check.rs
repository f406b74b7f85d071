//! Finds out whether somebody who pressed a button is an approver.

use super::{Dispatcher, Done, Stop};
use crate::{
    domain::{
        event::{Event, Press},
        people::UserId,
    },
    store::Claimed,
};

impl Dispatcher {
    /// Asks once. Where there is no answer the press counts for nothing, and the person is told so: they are
    /// waiting, and can press again.
    pub(super) async fn check_standing(
        &self,
        claimed: &Claimed,
        by: &UserId,
        press: &Press,
    ) -> Result<Done, Stop> {
        let request = self.current(claimed).await?;
        let then = match press {
            Press::Approve { narrowing, .. } => request.narrowed(narrowing),
            _ => request.clone(),
        };
        let policy = self.0.engine.policy();
        let (now, then) = (policy.deciders(&request), policy.deciders(&then));
        self.0.people.learn(by, &now).await;
        if then != now {
            self.0.people.learn(by, &then).await;
        }
        Ok(Done::with(Event::Pressed { by: by.clone(), press: press.clone() }))
    }
}
