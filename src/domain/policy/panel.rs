//! Whom to call on when a decision is missing: those of a panel whose word still counts. Who is in a group comes in as
//! an argument.

use super::ApproverSet;
use crate::domain::{
    people::{Principal, UserId},
    request::{Request, State},
};

/// Of how many members a group is called on by their names rather than as a whole.
const NAMED_MAX: usize = 10;

impl ApproverSet {
    /// The same panel without the requester and those who have agreed. A group in which one of them is becomes its
    /// other members, where `members` knows them and they are few.
    pub fn still_asked(self, request: &Request, members: impl Fn(&Principal) -> Option<Vec<UserId>>) -> Self {
        let agreed = match &request.state {
            State::Pending { approvals, .. } => approvals.as_slice(),
            _ => &[],
        };
        let is_asked = |user: &UserId| {
            *user != request.requester && agreed.iter().all(|agreement| agreement.by != *user)
        };
        let mut deciders: Vec<Principal> = Vec::new();
        for principal in self.approvers {
            let called = match &principal {
                Principal::User(user) if is_asked(user) => vec![principal],
                Principal::User(_) => Vec::new(),
                Principal::Group(_) | Principal::Channel(_) => match members(&principal) {
                    Some(members) if members.iter().all(is_asked) => vec![principal],
                    Some(mut members) => {
                        members.retain(is_asked);
                        members.sort();
                        let is_small = members.len() <= NAMED_MAX;
                        if is_small {
                            members.into_iter().map(Principal::User).collect()
                        } else {
                            vec![principal]
                        }
                    }
                    None => vec![principal],
                },
            };
            let is_new = |one: &Principal| !deciders.contains(one);
            let new: Vec<Principal> = called.into_iter().filter(is_new).collect();
            deciders.extend(new);
        }
        Self { approvers: deciders, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{policy::tests::request, request::ApprovalGiven};

    #[test]
    fn only_those_are_called_on_whose_word_is_missing() {
        let users = |ids: &[&str]| ids.iter().map(|&id| Principal::User(id.into())).collect::<Vec<_>>();
        let group = Principal::Group("S0MOPS".into());
        let panel = |deciders: Vec<Principal>| ApproverSet { approvers: deciders, needed: 2, rule: None };
        let mut request = request((101, "API Only"), "svc@example.com");
        let asked = |request: &Request, deciders: Vec<Principal>, members: Option<&[&str]>| {
            let members = members.map(|ids| ids.iter().map(|&id| id.into()).collect::<Vec<UserId>>());
            panel(deciders).still_asked(request, |_| members.clone()).approvers
        };
        let both = [users(&["U1", "U0REQ"]), vec![group.clone()]].concat();
        let whole = [users(&["U1"]), vec![group.clone()]].concat();
        assert_eq!(asked(&request, both.clone(), Some(&["U1", "U2"])), whole);
        assert_eq!(asked(&request, both.clone(), Some(&["U2", "U1", "U0REQ"])), users(&["U1", "U2"]));
        let approvals = vec![ApprovalGiven { by: "U1".into(), at: request.created_at }];
        request.state = State::Pending { approvals, is_escalated: false };
        assert_eq!(asked(&request, both.clone(), Some(&["U1", "U2"])), users(&["U2"]));
        assert_eq!(asked(&request, both, None), [group]);
    }
}
