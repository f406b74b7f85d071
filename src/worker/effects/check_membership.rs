//! Looks up whether the person behind an action is an approver, then takes the action.

use super::{Completion, EffectAborted, Worker};
use crate::{
    domain::{
        event::{Action, Event},
        people::UserId,
        request::State,
    },
    store::Claimed,
};

impl Worker {
    /// Asks Slack once. If there is no answer, the action is refused, and the person is told: they are waiting, and can
    /// try again.
    pub(super) async fn check_membership(
        &self,
        claimed: &Claimed,
        by: &UserId,
        action: &Action,
    ) -> Result<Completion, EffectAborted> {
        let request = self.current_request(claimed).await?;
        let reduced = match action {
            Action::Approve { reduction, .. } => request.reduced(reduction),
            _ => request.clone(),
        };
        let policy = self.0.workflow.policy();
        let now = self.0.clock.now();
        let mut approvers = policy.approvers(now, &request);
        let membership = &self.0.membership;
        if matches!(action, Action::Approve { .. } | Action::Retry) {
            // An approval may complete earlier ones, which count only if those people may still decide.
            let others =
                policy.approvers(now, &reduced).into_iter().filter(|other| !approvers.contains(other));
            approvers.extend(others.collect::<Vec<_>>());
            let mut people = vec![by.clone()];
            if let State::Pending { approvals, .. } = &request.state {
                people.extend(approvals.iter().map(|approval| approval.by.clone()));
            }
            membership.refresh_for_approval(&people, &approvers).await;
        } else {
            membership.refresh_if_stale(by, &approvers).await;
        }
        Ok(Completion::with_event(Event::ActionTaken { by: by.clone(), action: action.clone() }))
    }
}
