//! Who is in which group, as the approval core asks for it: without calling Slack, so that the answer may be unknown.

use crate::domain::people::{Membership, Principal, UserId};

/// Group and channel members, as far as they are known without calling Slack.
pub trait MembershipLookup {
    /// Whether `user` is, or is a member of, `principal`.
    fn membership(&self, user: &UserId, principal: &Principal) -> Membership;

    /// As [`MembershipLookup::membership`], but unknown unless that was learned within the last seconds.
    fn fresh_membership(&self, user: &UserId, principal: &Principal) -> Membership {
        self.membership(user, principal)
    }

    /// Whether `user` is covered by any of `principals`.
    fn among(&self, user: &UserId, principals: &[Principal]) -> Membership {
        Membership::of(user, principals, |principal| self.membership(user, principal))
    }
}

/// Knows only what was learned within the last seconds.
pub struct FreshMembers<'a>(pub &'a dyn MembershipLookup);

impl std::fmt::Debug for FreshMembers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FreshMembers")
    }
}

impl MembershipLookup for FreshMembers<'_> {
    fn membership(&self, user: &UserId, principal: &Principal) -> Membership {
        self.0.fresh_membership(user, principal)
    }
}

impl<F: Fn(&UserId, &Principal) -> Membership> MembershipLookup for F {
    fn membership(&self, user: &UserId, principal: &Principal) -> Membership {
        self(user, principal)
    }
}
