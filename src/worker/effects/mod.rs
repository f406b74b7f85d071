//! Runs effects, each kind in its own file. Messages are rendered from the request as it is when the effect runs, so that
//! late and repeated effects do no harm: a message that is up to date is not touched.

mod announce;
mod check_membership;
mod create_user;
mod note;
mod remind;
mod show_card;
mod show_requester;
mod tell_outcome;
mod timers;

use super::{
    Worker,
    execution::{Completion, EffectAborted},
};
use crate::{
    domain::{change::Change, effect::Effect, policy::ApproverSet, request::Request},
    store::Claimed,
};

impl Worker {
    /// Runs a claimed effect.
    pub(super) async fn run_effect(&self, claimed: &Claimed) -> Result<Completion, EffectAborted> {
        match &claimed.effect.effect {
            Effect::Apply { change: Change::CreateUser(user), attempted_at } => {
                self.create_user(claimed, user, *attempted_at).await
            }
            Effect::ShowCard => self.show_card(claimed).await,
            Effect::ShowRequester => self.show_requester(claimed).await,
            Effect::Announce => self.announce(claimed).await,
            Effect::TellOutcome => self.tell_outcome(claimed).await,
            Effect::Remind { sent } => self.remind(claimed, *sent).await,
            Effect::TimeOut => Ok(timers::time_out()),
            Effect::Escalate => Ok(timers::escalate()),
            Effect::Note { note } => self.note(claimed, note).await,
            Effect::CheckMembership { by, action, .. } => self.check_membership(claimed, by, action).await,
        }
    }

    /// The request as it is now; as it was claimed if it no longer exists.
    async fn current_request(&self, claimed: &Claimed) -> Result<Request, EffectAborted> {
        let current = self.0.workflow.store().request(&claimed.request.id).await?;
        Ok(current.unwrap_or_else(|| claimed.request.clone()))
    }

    /// Who can approve the request under the current policy.
    fn approver_set(&self, request: &Request) -> ApproverSet {
        self.0.workflow.policy().approver_set(request)
    }

    /// The approvers who have not approved yet, so that nobody else is mentioned.
    fn remaining_approvers(&self, request: &Request, approvers: ApproverSet) -> ApproverSet {
        approvers.without_decided(request, |group| self.0.membership.members(group))
    }

    /// Whether messages must name the Marketo instance.
    fn names_instance(&self) -> bool {
        self.0.targets.len() > 1
    }
}
