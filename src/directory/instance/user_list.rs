//! Which addresses the users of an instance have: their emails, and their logins where those differ. Only digests are
//! kept, since most of them belong to people whom this bot does not know.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::marketo::User;

/// How long a user that we created may be missing from Marketo's list, if no list has shown it yet.
const LISTED_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// What an address is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressUse {
    /// It is a user's email.
    Email,
    /// A user with another email logs in with it.
    Login,
}

/// The addresses in one list of all users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Addresses {
    emails: HashSet<Digest>,
    logins: HashSet<Digest>,
}

/// The first half of a SHA-256, in hex.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Digest(String);

impl Digest {
    fn of(key: &str) -> Self {
        Self(hex::encode(&Sha256::digest(key)[..16]))
    }
}

impl Addresses {
    /// The addresses of these users.
    pub(super) fn of(users: &[User]) -> Self {
        let key = |address: &str| address.trim().to_lowercase();
        let emails: HashSet<Digest> = users.iter().map(|user| Digest::of(&key(&user.email))).collect();
        let logins = users.iter().filter(|user| user.userid.contains('@'));
        let logins = logins.map(|user| Digest::of(&key(&user.userid)));
        let logins = logins.filter(|login| !emails.contains(login)).collect();
        Self { emails, logins }
    }
}

/// The addresses of an instance's users: the last list, and users that we created since.
#[derive(Debug, Default)]
pub(super) struct UserList {
    listed: Option<(Timestamp, Addresses)>,
    created: Vec<CreatedAddress>,
}

#[derive(Debug)]
struct CreatedAddress {
    at: Timestamp,
    email: Digest,
    /// Whether Marketo has listed it.
    is_listed: bool,
}

impl UserList {
    /// When the list was requested; `None` if there is none.
    pub(super) fn read_at(&self) -> Option<Timestamp> {
        self.listed.as_ref().map(|(at, _)| *at)
    }

    /// What the address with this key is used for; `None` if it is free.
    pub(super) fn address_use(&self, key: &str) -> Option<AddressUse> {
        let digest = Digest::of(key);
        let is_created = self.created.iter().any(|created| created.email == digest);
        let listed = self.listed.as_ref().map(|(_, addresses)| addresses);
        if is_created || listed.is_some_and(|addresses| addresses.emails.contains(&digest)) {
            return Some(AddressUse::Email);
        }
        listed.is_some_and(|addresses| addresses.logins.contains(&digest)).then_some(AddressUse::Login)
    }

    /// Adds a user that was created at `at`. `is_listed`: Marketo has listed it already.
    pub(super) fn add(&mut self, at: Timestamp, key: &str, is_listed: bool) {
        self.created.push(CreatedAddress { at, email: Digest::of(key), is_listed });
    }

    /// Replaces the list by one that was requested at `read_at`. It may lack users that we created since then. A user
    /// that was listed before and is not any more was deleted in Marketo.
    pub(super) fn replace(&mut self, read_at: Timestamp, addresses: Addresses) {
        self.created.retain_mut(|created| {
            created.is_listed |= addresses.emails.contains(&created.email);
            let is_newer = created.at >= read_at;
            is_newer || (!created.is_listed && read_at.duration_since(created.at) < LISTED_WITHIN)
        });
        self.listed = Some((read_at, addresses));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn addresses(pairs: &[(&str, &str)]) -> Addresses {
        let user = |(email, userid): &(&str, &str)| User {
            id: 0,
            userid: (*userid).to_owned(),
            email: (*email).to_owned(),
            first_name: String::new(),
            last_name: String::new(),
            api_only: true,
        };
        Addresses::of(&pairs.iter().map(user).collect::<Vec<_>>())
    }

    #[test]
    fn emails_and_logins_are_known_and_guids_are_not_logins() {
        let mut list = UserList::default();
        list.replace(
            at(0),
            addresses(&[("A@x.co", "login@x.co"), ("b@x.co", "b@x.co"), ("c@x.co", "0a-1b")]),
        );
        let uses = ["a@x.co", "login@x.co", "b@x.co", "0a-1b", "d@x.co"].map(|key| list.address_use(key));
        let (email, login) = (Some(AddressUse::Email), Some(AddressUse::Login));
        assert_eq!(uses, [email, login, email, None, None]);
    }

    #[test]
    fn deleted_user_is_free_after_the_next_list() {
        let mut list = UserList::default();
        list.add(at(10), "seen@x.co", true);
        list.replace(at(5), addresses(&[]));
        assert!(
            list.address_use("seen@x.co").is_some(),
            "the list was requested before the user was created"
        );
        list.replace(at(20), addresses(&[]));
        assert_eq!(list.address_use("seen@x.co"), None);
    }

    #[test]
    fn user_that_is_listed_late_stays_known_until_it_was_listed() {
        let mut list = UserList::default();
        list.add(at(10), "late@x.co", false);
        list.replace(at(60), addresses(&[]));
        assert!(list.address_use("late@x.co").is_some());
        list.replace(at(120), addresses(&[("late@x.co", "late@x.co")]));
        list.replace(at(180), addresses(&[]));
        assert_eq!(list.address_use("late@x.co"), None);
        list.add(at(200), "never@x.co", false);
        list.replace(at(200 + 599), addresses(&[]));
        assert!(list.address_use("never@x.co").is_some());
        list.replace(at(200 + 600), addresses(&[]));
        assert_eq!(list.address_use("never@x.co"), None);
    }

    #[test]
    fn stored_addresses_name_nobody_and_read_back() {
        let addresses = addresses(&[("somebody@example.com", "login@example.com")]);
        let text = serde_json::to_string(&addresses).unwrap();
        assert!(!text.contains("somebody") && !text.contains("example"), "{text}");
        assert_eq!(serde_json::from_str::<Addresses>(&text).unwrap(), addresses);
    }
}
