//! Who can approve a request now, and which of them to mention. The members of groups come in as an argument.

use super::{OtherId, Violation};
use crate::domain::{
    people::{Membership, Principal, UserId},
    request::{ApprovalGiven, Request, State},
};

/// Larger groups are mentioned as a whole, even if some members have approved.
const NAMED_MAX: usize = 10;

/// Who can approve a request now, and which rule says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApproverSet {
    /// Who can approve; empty if nobody can.
    pub approvers: Vec<Principal>,
    /// How many approvals are needed.
    pub needed: u32,
    /// The label of the rule; `None`: the table `[policy]`.
    pub rule: Option<String>,
    /// Whether the rule's additional approvers are among them because nobody has decided for a while.
    pub is_escalated: bool,
    /// What the policy does not allow in the request as it is.
    pub violations: Vec<Violation>,
    /// The user groups of the policy that do not exist, if that is known.
    pub missing_groups: Vec<Principal>,
}

impl ApproverSet {
    /// The request without the approvals of people who may no longer decide, to be shown. Approvals stay where `members`
    /// does not know, or `other_id` does not.
    pub fn with_counted_approvals(
        &self,
        request: &Request,
        members: impl Fn(&Principal) -> Option<Vec<UserId>>,
        other_id: impl Fn(&UserId) -> OtherId,
    ) -> Request {
        let mut counted = request.clone();
        if let State::Pending { approvals, .. } = &mut counted.state {
            let lookup = |user: &UserId, group: &Principal| match members(group) {
                Some(members) if members.contains(user) => Membership::Yes,
                Some(_) => Membership::No,
                None => Membership::Unknown,
            };
            approvals.retain(|ApprovalGiven { by, .. }| {
                let membership = other_id(by)
                    .combine(by, |id| Membership::of(id, &self.approvers, |group| lookup(id, group)));
                membership != Membership::No
            });
        }
        counted
    }

    /// The approvers who can still approve: without the requester and without those who already have. A group that one
    /// of them is in is replaced by its other members, if `members` knows them and there are few.
    pub fn without_decided(
        self,
        request: &Request,
        members: impl Fn(&Principal) -> Option<Vec<UserId>>,
    ) -> Self {
        let approvals = match &request.state {
            State::Pending { approvals, .. } => approvals.as_slice(),
            _ => &[],
        };
        let can_approve = |user: &UserId| {
            *user != request.requester && approvals.iter().all(|approval| approval.by != *user)
        };
        let mut approvers: Vec<Principal> = Vec::new();
        for principal in self.approvers {
            let replacement = match &principal {
                // The requester's other id.
                Principal::User(_) if request.memberships.contains(&principal) => Vec::new(),
                Principal::User(user) if can_approve(user) => vec![principal],
                Principal::User(_) => Vec::new(),
                Principal::Group(_) | Principal::Channel(_) => match members(&principal) {
                    Some(members) if members.iter().all(can_approve) => vec![principal],
                    Some(mut members) => {
                        members.retain(can_approve);
                        members.sort();
                        if members.len() <= NAMED_MAX {
                            members.into_iter().map(Principal::User).collect()
                        } else {
                            vec![principal]
                        }
                    }
                    None => vec![principal],
                },
            };
            for principal in replacement {
                if !approvers.contains(&principal) {
                    approvers.push(principal);
                }
            }
        }
        Self { approvers, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::tests::request;

    #[test]
    fn only_approvers_who_can_still_approve_are_mentioned() {
        let users = |ids: &[&str]| ids.iter().map(|&id| Principal::User(id.into())).collect::<Vec<_>>();
        let group = Principal::Group("S0MOPS".into());
        let mut request = request((101, "API Only"), "svc@example.com");
        let remaining = |request: &Request, approvers: Vec<Principal>, members: Option<&[&str]>| {
            let members = members.map(|ids| ids.iter().map(|&id| id.into()).collect::<Vec<UserId>>());
            let set = ApproverSet {
                approvers,
                needed: 2,
                rule: None,
                is_escalated: false,
                violations: Vec::new(),
                missing_groups: Vec::new(),
            };
            set.without_decided(request, |_| members.clone()).approvers
        };
        let both = [users(&["U1", "U0REQ"]), vec![group.clone()]].concat();
        let whole = [users(&["U1"]), vec![group.clone()]].concat();
        assert_eq!(remaining(&request, both.clone(), Some(&["U1", "U2"])), whole);
        assert_eq!(remaining(&request, both.clone(), Some(&["U2", "U1", "U0REQ"])), users(&["U1", "U2"]));
        let approvals = vec![ApprovalGiven { by: "U1".into(), at: request.created_at }];
        request.state = State::Pending {
            approvals,
            is_escalated: false,
            reminders: crate::domain::request::Reminders::default(),
        };
        assert_eq!(remaining(&request, both.clone(), Some(&["U1", "U2"])), users(&["U2"]));
        assert_eq!(remaining(&request, both, None), [group]);
    }
}
