//! Which approvals of a pending request count now, and whether they are enough: both depend on the current policy and
//! memberships, and are never stored.

use super::{Decision, DecisionContext, with_card};
use crate::domain::{
    effect::Effect,
    people::{Membership, UserId},
    policy::RuleInput,
    request::{ApprovalGiven, Approved, Request, State},
};

/// The approvals that count now.
#[derive(Default)]
pub(super) struct CountedApprovals {
    /// Who approved and may still decide, in order.
    pub(super) by: Vec<UserId>,
    /// How many approvals are by people of whom this is unknown. They do not count.
    pub(super) unknown: u32,
}

impl CountedApprovals {
    pub(super) fn of(context: DecisionContext<'_>, request: &Request, approvals: &[ApprovalGiven]) -> Self {
        let approvers = context.policy.approvers(context.now, request);
        let mut counted = Self::default();
        for ApprovalGiven { by, .. } in approvals {
            let is_requester = context.members.is_same(by, &request.requester);
            match (is_requester, context.members.among(by, &approvers)) {
                (Membership::Yes, _) | (_, Membership::No) => {}
                (Membership::No, Membership::Yes) => counted.by.push(by.clone()),
                (Membership::Unknown, _) | (_, Membership::Unknown) => counted.unknown += 1,
            }
        }
        counted
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.by.len()).unwrap_or(u32::MAX)
    }

    /// Whether it depends on the unknown ones if there are `needed` approvals.
    pub(super) fn is_undecided(&self, needed: u32) -> bool {
        self.count() < needed && self.count().saturating_add(self.unknown) >= needed
    }
}

/// Whether the request may have enough approvals, but it is unknown whether all of them count.
pub fn is_unsettled(context: DecisionContext<'_>, request: &Request) -> bool {
    let State::Pending { approvals, .. } = &request.state else { return false };
    CountedApprovals::of(context, request, approvals).is_undecided(needed(context, request))
}

/// Approves a request that has enough approvals without a further one, because fewer are needed than before.
pub(super) fn settle(context: DecisionContext<'_>, request: &Request) -> Option<Decision> {
    let State::Pending { approvals, .. } = &request.state else { return None };
    let counted = CountedApprovals::of(context, request, approvals);
    let is_enough = counted.count() >= needed(context, request);
    let can_apply = !request.change.has_expired(context.now)
        && context.policy.violations(context.now, request).is_empty();
    (is_enough && can_apply).then(|| {
        let approved = Approved { by: counted.by, at: context.now };
        let apply = Effect::Apply { change: request.change.clone(), attempted_at: request.attempted_at() };
        let effects = with_card(request, [Effect::ShowRequester, apply]);
        Decision::to(State::Applying { approved, waiting: None }, "approved", effects)
    })
}

fn needed(context: DecisionContext<'_>, request: &Request) -> u32 {
    context.policy.approval_rule(&RuleInput::of(request)).terms.approvals_needed()
}
