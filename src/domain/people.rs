//! Ids of people, channels and groups. They are opaque here: only their equality matters.

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
    /// A person (`U…` or `W…` in Slack).
    UserId
}
id! {
    /// A conversation (`C…`, `G…` or `D…` in Slack).
    ChannelId
}
id! {
    /// A group of people (`S…` in Slack).
    GroupId
}
id! {
    /// One request, a UUIDv7.
    RequestId
}

/// Whom a policy names: one person, everybody in a group, or everybody in a channel.
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
    /// Reads an id by its first letter: `U`/`W` a person, `S` a group, `C`/`G` a channel; the rest capital
    /// letters and digits.
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

/// Whether somebody belongs to the people that a policy names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Membership {
    /// They do.
    Yes,
    /// They do not.
    No,
    /// It cannot be told now, for instance because Slack does not say who is in a group.
    Unknown,
}

impl Membership {
    /// Whether `user` is among `principals`. `knows` answers for groups and channels; one sure yes is
    /// enough, and a no is sure only when every part of the list is.
    pub fn of(user: &UserId, principals: &[Principal], knows: impl Fn(&Principal) -> Self) -> Self {
        let mut standing = Self::No;
        for principal in principals {
            let part = match principal {
                Principal::User(named) if named == user => Self::Yes,
                Principal::User(_) => Self::No,
                other => knows(other),
            };
            match part {
                Self::Yes => return Self::Yes,
                Self::Unknown => standing = Self::Unknown,
                Self::No => {}
            }
        }
        standing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_is_read_by_its_first_letter() {
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
    fn one_sure_yes_is_enough_and_a_doubt_is_never_a_no() {
        let list =
            [Principal::User("U1".into()), Principal::Group("S1".into()), Principal::Group("S2".into())];
        let knows = |principal: &Principal| match principal {
            Principal::Group(group) if group.as_str() == "S1" => Membership::Unknown,
            _ => Membership::No,
        };
        assert_eq!(Membership::of(&"U1".into(), &list, knows), Membership::Yes);
        assert_eq!(Membership::of(&"U2".into(), &list, knows), Membership::Unknown);
        assert_eq!(Membership::of(&"U2".into(), &list, |_| Membership::No), Membership::No);
        assert_eq!(Membership::of(&"U2".into(), &[], knows), Membership::No);
    }
}
