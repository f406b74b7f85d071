//! Ids of people, channels, groups and requests, and who belongs to a group. Ids are opaque: only equality matters.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// A Slack user (`U…` or `W…`).
    UserId
}
id! {
    /// A Slack conversation (`C…`, `G…` or `D…`).
    ChannelId
}
impl ChannelId {
    /// Whether it is a direct message, which nobody else can see.
    pub fn is_direct(&self) -> bool {
        self.0.starts_with('D')
    }
}

id! {
    /// A Slack user group (`S…`).
    GroupId
}
id! {
    /// A request; a UUIDv7.
    RequestId
}

/// An entry of a list of people in a policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Principal {
    /// One person.
    User(UserId),
    /// The members of a user group.
    Group(GroupId),
    /// The members of a channel.
    Channel(ChannelId),
}

impl Principal {
    /// Reads a Slack id: `U`/`W` for a person, `S` for a user group, `C`/`G` for a channel, then capital letters and
    /// digits.
    pub fn parse(id: &str) -> Option<Self> {
        let tail = id.get(1..)?;
        if tail.is_empty() || !tail.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
            return None;
        }
        match id.as_bytes()[0] {
            b'U' | b'W' => Some(Self::User(UserId::from(id))),
            b'S' => Some(Self::Group(GroupId::from(id))),
            b'C' | b'G' => Some(Self::Channel(ChannelId::from(id))),
            _ => None,
        }
    }
}

/// Whether a person is a member of something: an answer to "is this user an approver?".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Membership {
    /// A member.
    Yes,
    /// Not a member.
    No,
    /// Unknown at the moment, for instance because Slack did not return the members of a group. Never counts as yes.
    Unknown,
}

impl Membership {
    /// Whether `user` is covered by any of `principals`; `lookup` answers for groups and channels. One yes is enough; the
    /// answer is no only if all are.
    pub fn of(user: &UserId, principals: &[Principal], lookup: impl Fn(&Principal) -> Self) -> Self {
        let mut membership = Self::No;
        for principal in principals {
            let answer = match principal {
                Principal::User(named) if named == user => Self::Yes,
                Principal::User(_) => Self::No,
                other => lookup(other),
            };
            match answer {
                Self::Yes => return Self::Yes,
                Self::Unknown => membership = Self::Unknown,
                Self::No => {}
            }
        }
        membership
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_parsed_by_their_first_letter() {
        for (id, expected) in [
            ("U0APPROVE", Some(Principal::User("U0APPROVE".into()))),
            ("W012A", Some(Principal::User("W012A".into()))),
            ("S0MOPS", Some(Principal::Group("S0MOPS".into()))),
            ("C0OPS", Some(Principal::Channel("C0OPS".into()))),
            ("G0OPS", Some(Principal::Channel("G0OPS".into()))),
            ("D0OPS", None),
            ("@ada", None),
            ("U", None),
            ("", None),
            ("Uabc", None),
            ("é0", None),
        ] {
            assert_eq!(Principal::parse(id), expected, "{id}");
        }
    }

    #[test]
    fn one_yes_is_enough_and_unknown_is_never_a_no() {
        let list =
            [Principal::User("U1".into()), Principal::Group("S1".into()), Principal::Group("S2".into())];
        let lookup = |principal: &Principal| match principal {
            Principal::Group(group) if group.as_str() == "S1" => Membership::Unknown,
            _ => Membership::No,
        };
        assert_eq!(Membership::of(&"U1".into(), &list, lookup), Membership::Yes);
        assert_eq!(Membership::of(&"U2".into(), &list, lookup), Membership::Unknown);
        assert_eq!(Membership::of(&"U2".into(), &list, |_| Membership::No), Membership::No);
        assert_eq!(Membership::of(&"U2".into(), &[], lookup), Membership::No);
    }
}
