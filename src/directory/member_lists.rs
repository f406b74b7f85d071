//! The lists of members that Slack has told, and how long each may be used. It does not call Slack.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::is_recent,
    domain::people::{Membership, Principal, UserId},
};

/// How old a membership may be to be used.
#[derive(Clone, Copy)]
pub(super) struct MaxAge {
    pub(super) member: SignedDuration,
    pub(super) non_member: SignedDuration,
}

/// The members of groups and channels. A list that was being fetched when its group changed is not added, because it may be
/// the old one.
#[derive(Default)]
pub(super) struct MemberLists {
    lists: HashMap<Principal, MemberList>,
    /// How often each group has changed.
    changes: HashMap<Principal, Changes>,
}

struct MemberList {
    fetched_at: Timestamp,
    users: HashSet<UserId>,
}

/// How often a group had changed when its list began to be fetched.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changes(u64);

impl MemberLists {
    /// Whether there is a list, of any age.
    pub(super) fn is_known(&self, principal: &Principal) -> bool {
        self.lists.contains_key(principal)
    }

    /// Whether there is a list that is not older than `max_age`; never if that is zero.
    pub(super) fn is_recent(&self, principal: &Principal, now: Timestamp, max_age: SignedDuration) -> bool {
        max_age > SignedDuration::ZERO
            && self.lists.get(principal).is_some_and(|list| is_recent(list.fetched_at, now, max_age))
    }

    /// The members, of any age.
    pub(super) fn members(&self, principal: &Principal) -> Option<Vec<UserId>> {
        self.lists.get(principal).map(|list| list.users.iter().cloned().collect())
    }

    /// Whether `user` is a member, by a list that is recent enough.
    pub(super) fn membership(
        &self,
        user: &UserId,
        principal: &Principal,
        now: Timestamp,
        max_age: MaxAge,
    ) -> Membership {
        let Some(list) = self.lists.get(principal) else { return Membership::Unknown };
        let is_within = |max_age| is_recent(list.fetched_at, now, max_age);
        match list.users.contains(user) {
            true if is_within(max_age.member) => Membership::Yes,
            false if is_within(max_age.non_member) => Membership::No,
            _ => Membership::Unknown,
        }
    }

    /// To be read before a list is fetched.
    pub(super) fn changes(&self, principal: &Principal) -> Changes {
        self.changes.get(principal).copied().unwrap_or_default()
    }

    /// Adds a list that began to be fetched at `fetched_at`, unless the group has changed since.
    pub(super) fn add(
        &mut self,
        principal: &Principal,
        changes: Changes,
        fetched_at: Timestamp,
        users: Vec<UserId>,
    ) {
        if self.changes(principal) == changes {
            let list = MemberList { fetched_at, users: users.into_iter().collect() };
            self.lists.insert(principal.clone(), list);
        }
    }

    /// Removes the list of a group that has changed.
    pub(super) fn forget(&mut self, principal: Principal) {
        self.lists.remove(&principal);
        self.changes.entry(principal).or_default().0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_that_was_fetched_while_its_group_changed_is_not_used() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let (group, ada) = (Principal::Group("S0MOPS".into()), UserId::from("U0ADA"));
        let age = SignedDuration::from_secs(60);
        let membership = |lists: &MemberLists| {
            lists.membership(&ada, &group, now, MaxAge { member: age, non_member: age })
        };
        let mut lists = MemberLists::default();
        let changes = lists.changes(&group);
        lists.forget(group.clone());
        lists.add(&group, changes, now, vec![ada.clone()]);
        assert_eq!(membership(&lists), Membership::Unknown);
        lists.add(&group, lists.changes(&group), now, Vec::new());
        assert_eq!(membership(&lists), Membership::No);
    }
}
