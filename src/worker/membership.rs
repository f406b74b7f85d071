//! Finds out whether somebody who pressed a button is an approver.

use super::{Completion, EffectAborted, Worker};
use crate::{
    domain::{
        event::{Action, Event},
        people::UserId,
    },
    store::Claimed,
};

impl Worker {
    /// Asks once. Where there is no answer the press counts for nothing, and the person is told so: they are
    /// waiting, and can press again.
    pub(super) async fn check_membership(
        &self,
        claimed: &Claimed,
        by: &UserId,
        press: &Action,
    ) -> Result<Completion, EffectAborted> {
        let request = self.current(claimed).await?;
        let then = match press {
            Action::Approve { reduction: narrowing, .. } => request.reduced(narrowing),
            _ => request.clone(),
        };
        let policy = self.0.engine.policy();
        let (now, then) = (policy.approvers(&request), policy.approvers(&then));
        self.0.people.refresh_if_stale(by, &now).await;
        if then != now {
            self.0.people.refresh_if_stale(by, &then).await;
        }
        Ok(Completion::with(Event::ActionTaken { by: by.clone(), action: press.clone() }))
    }
}
