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

    /// The second id of a person, as far as it is known.
    fn other_id(&self, _user: &UserId) -> OtherId {
        OtherId::None
    }

    /// Whether `user`, by either id, is covered by any of `principals`.
    fn among(&self, user: &UserId, principals: &[Principal]) -> Membership {
        self.other_id(user)
            .combine(user, |id| Membership::of(id, principals, |principal| self.membership(id, principal)))
    }

    /// Whether two ids are of the same person.
    fn is_same(&self, one: &UserId, other: &UserId) -> Membership {
        if one == other {
            return Membership::Yes;
        }
        match (self.other_id(one), self.other_id(other)) {
            (OtherId::Is(id), _) if id == *other => Membership::Yes,
            (_, OtherId::Is(id)) if id == *one => Membership::Yes,
            // Whose second id is known is nobody else.
            (OtherId::Unknown, OtherId::Unknown | OtherId::None) | (OtherId::None, OtherId::Unknown) => {
                Membership::Unknown
            }
            (OtherId::Is(_), _) | (_, OtherId::Is(_)) | (OtherId::None, OtherId::None) => Membership::No,
        }
    }
}

/// The second id of a person: in an Enterprise organization they have one of the organization (`W…`) and may have one of
/// the workspace (`U…`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherId {
    /// There is none.
    None,
    /// This one.
    Is(UserId),
    /// Slack has not told.
    Unknown,
}

impl OtherId {
    /// An answer about a person who has the id `user` and this one, from the answer for each id. Unless it is known
    /// whether there is a second id, it is never no.
    pub fn combine(&self, user: &UserId, answer: impl Fn(&UserId) -> Membership) -> Membership {
        match (answer(user), self) {
            (Membership::Yes, _) => Membership::Yes,
            (first, Self::None) => first,
            (first, Self::Is(other)) => match (first, answer(other)) {
                (_, Membership::Yes) => Membership::Yes,
                (Membership::No, second) => second,
                (first, _) => first,
            },
            (_, Self::Unknown) => Membership::Unknown,
        }
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

    fn other_id(&self, user: &UserId) -> OtherId {
        self.0.other_id(user)
    }
}

impl<F: Fn(&UserId, &Principal) -> Membership> MembershipLookup for F {
    fn membership(&self, user: &UserId, principal: &Principal) -> Membership {
        self(user, principal)
    }
}
