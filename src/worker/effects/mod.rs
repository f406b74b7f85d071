//! Runs effects, each kind in its own file.

mod check_membership;
mod create_user;

use super::{
    Worker,
    execution::{Completion, EffectAborted},
};
use crate::{
    domain::{
        change::Change,
        effect::Effect,
        event::Event,
        people::{Principal, UserId},
        policy::{ApproverSet, MembershipLookup},
        request::Request,
    },
    store::Claimed,
};

impl Worker {
    /// Runs a claimed effect.
    pub(super) async fn run_effect(&self, claimed: &Claimed) -> Result<Completion, EffectAborted> {
        match &claimed.effect.effect {
            Effect::Apply { change: Change::CreateUser(user), attempted_at } => {
                self.create_user(claimed, user, *attempted_at).await
            }
            Effect::CheckMembership { by, action, .. } => self.check_membership(claimed, by, action).await,
            // Earlier versions stored messages as effects, and timers for what is derived today.
            Effect::ShowCard
            | Effect::ShowRequester
            | Effect::Announce
            | Effect::TellOutcome
            | Effect::Note { .. } => Ok(Completion::done()),
            Effect::Remind { .. } | Effect::TimeOut | Effect::Escalate => {
                Ok(Completion::with_event(Event::Woken))
            }
        }
    }

    /// The request as it is now; as it was claimed if it no longer exists.
    async fn current_request(&self, claimed: &Claimed) -> Result<Request, EffectAborted> {
        let current = self.0.workflow.store().request(&claimed.request.id).await?;
        Ok(current.unwrap_or_else(|| claimed.request.clone()))
    }

    /// Who can approve the request under the current policy.
    pub(super) fn approver_set(&self, request: &Request) -> ApproverSet {
        let missing_groups = self.0.membership.missing_groups();
        let approvers = self.0.workflow.policy().approver_set(self.0.clock.now(), request);
        ApproverSet { missing_groups, ..approvers }
    }

    /// The request with the approvals that count now, and who can approve it.
    pub(super) fn with_counted_approvals(&self, request: &Request) -> (Request, ApproverSet) {
        let approvers = self.approver_set(request);
        let members = |group: &Principal| self.0.membership.members(group);
        let other_id = |user: &UserId| self.0.membership.other_id(user);
        (approvers.with_counted_approvals(request, members, other_id), approvers)
    }

    /// The approvers who have not approved yet, so that nobody else is mentioned.
    pub(super) fn remaining_approvers(&self, request: &Request, approvers: ApproverSet) -> ApproverSet {
        approvers.without_decided(request, |group| self.0.membership.members(group))
    }

    /// Whether messages must name the Marketo instance.
    pub(super) fn names_instance(&self) -> bool {
        self.0.targets.len() > 1
    }
}
