//! Reads the members of user groups and channels from Slack: each list by one caller at a time, several lists in parallel,
//! and only a few calls a minute for what people do, whatever they do.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::member_lists::MemberLists;
use crate::{
    clock::Clock,
    domain::people::Principal,
    slack::{client::Client, error::Class},
};

/// How many lists are read within a minute because somebody does something. `usergroups.users.list` allows 20 calls.
const READS_PER_MINUTE: usize = 10;
const MINUTE: i64 = 60_000;

/// Why a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// Somebody did something. If there were too many of these lately, nothing is read.
    Action,
    /// It is time.
    Schedule,
}

/// Why Slack does not list the members of a group or channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unlistable {
    /// There is no such group (any more). It has no members.
    Missing,
    /// Slack refuses it, with this error.
    Refused(String),
}

/// The lists, and how they are read. Cheap to clone.
#[derive(Clone)]
pub(super) struct GroupReader(Arc<Inner>);

struct Inner {
    slack: Client,
    clock: Clock,
    lists: Mutex<MemberLists>,
    unlistable: Mutex<HashMap<Principal, Unlistable>>,
    /// Its holder reads the list.
    turns: Mutex<HashMap<Principal, Arc<tokio::sync::Mutex<()>>>>,
    /// When the last lists were read because of an action, in monotonic milliseconds.
    recent: Mutex<VecDeque<i64>>,
}

impl GroupReader {
    pub(super) fn new(slack: Client, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            slack,
            clock,
            lists: Mutex::default(),
            unlistable: Mutex::default(),
            turns: Mutex::default(),
            recent: Mutex::default(),
        }))
    }

    /// The lists as they are known.
    pub(super) fn lists(&self) -> MutexGuard<'_, MemberLists> {
        lock(&self.0.lists)
    }

    /// The groups and channels whose members Slack does not list.
    pub(super) fn unlistable(&self) -> MutexGuard<'_, HashMap<Principal, Unlistable>> {
        lock(&self.0.unlistable)
    }

    /// Reads those of `principals` whose list is older than `max_age`.
    pub(super) async fn read(&self, principals: &[Principal], max_age: SignedDuration, occasion: Occasion) {
        let mut reading = JoinSet::new();
        for principal in principals.iter().filter(|principal| !matches!(principal, Principal::User(_))) {
            let (inner, principal) = (Arc::clone(&self.0), principal.clone());
            if !inner.is_recent(&principal, max_age) {
                reading.spawn(async move { inner.read(&principal, max_age, occasion).await });
            }
        }
        reading.join_all().await;
    }
}

impl Inner {
    async fn read(&self, principal: &Principal, max_age: SignedDuration, occasion: Occasion) {
        let turn = Arc::clone(lock(&self.turns).entry(principal.clone()).or_default());
        let _turn = turn.lock().await;
        // Somebody else may have read it while this caller waited.
        if self.is_recent(principal, max_age) {
            return;
        }
        if occasion == Occasion::Action && !self.may_read() {
            return tracing::warn!(?principal, "members were not read: too many reads within a minute");
        }
        let (now, changes) = (self.clock.now(), lock(&self.lists).changes(principal));
        let fetched = match principal {
            Principal::User(_) => return,
            Principal::Group(group) => self.slack.group_members(group).await,
            Principal::Channel(channel) => self.slack.channel_members(channel).await,
        };
        match fetched {
            Ok(users) => {
                lock(&self.unlistable).remove(principal);
                lock(&self.lists).add(principal, changes, now, users);
            }
            Err(error) if error.code == NO_SUCH_GROUP => {
                if lock(&self.unlistable).insert(principal.clone(), Unlistable::Missing).is_none() {
                    tracing::error!(
                        ?principal,
                        "the policy names a user group that does not exist; it has no members"
                    );
                }
                lock(&self.lists).add(principal, changes, now, Vec::new());
            }
            Err(error) => {
                tracing::warn!(?principal, %error, "members were not read");
                if matches!(error.class, Class::Refused | Class::MissingScope { .. }) {
                    lock(&self.unlistable).insert(principal.clone(), Unlistable::Refused(error.to_string()));
                }
            }
        }
    }

    fn is_recent(&self, principal: &Principal, max_age: SignedDuration) -> bool {
        lock(&self.lists).is_recent(principal, self.clock.now(), max_age)
    }

    /// Counts a read because of an action, unless there were too many within the last minute.
    fn may_read(&self) -> bool {
        let (now, mut recent) = (self.clock.monotonic_millis(), lock(&self.recent));
        while recent.front().is_some_and(|at| at + MINUTE <= now) {
            recent.pop_front();
        }
        let may_read = recent.len() < READS_PER_MINUTE;
        if may_read {
            recent.push_back(now);
        }
        may_read
    }
}

/// Slack's code for a user group that was deleted or disabled, or never existed.
const NO_SUCH_GROUP: &str = "no_such_subteam";

fn lock<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
