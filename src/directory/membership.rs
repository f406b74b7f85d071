//! A cache of Slack: the members of user groups and channels, and profiles. It does not know what the policy decides by
//! them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::{
    eligibility::{Eligibility, Requester, ineligible_reason},
    group_reader::{GroupReader, Occasion, Unlistable},
    member_lists::MaxAge,
};
use crate::{
    clock::{Clock, is_recent},
    domain::{
        expiration::Zone,
        people::{GroupId, Membership, Principal, UserId},
        policy::{GroupSize, LintWarning, MembershipLookup, OtherId, Policy, lint_memberships},
    },
    slack::{
        client::{Client, Profile},
        replies::NotRequester,
    },
    store::Store,
};

/// How long "is a member" may be used for a decision.
const MEMBER_MAX_AGE: SignedDuration = SignedDuration::from_secs(60);
/// How long "is not a member" may be used for a decision. Short, so that a person who was just added is not refused.
const NON_MEMBER_MAX_AGE: SignedDuration = SignedDuration::from_secs(5);
/// How long either may be used for an approval that changes something in Marketo, as long as Slack answers in time.
const FRESH_MAX_AGE: SignedDuration = SignedDuration::from_secs(10);
/// How long such an approval waits for Slack's answer.
const FRESH_TIMEOUT: Duration = Duration::from_secs(2);
/// How long memberships may be used for a submission, which cannot wait for Slack. They are refreshed far more often.
const SUBMISSION_MAX_AGE: SignedDuration = SignedDuration::from_mins(10);
/// How long a profile may be used for a submission: a modal may stay open for hours.
const PROFILE_MAX_AGE: SignedDuration = SignedDuration::from_hours(24);
/// How long a profile may be used when a modal opens.
const PROFILE_MAX_AGE_AT_MODAL: SignedDuration = SignedDuration::from_mins(5);
/// How old a list may be when it is time to read all of them.
const SCHEDULED_MAX_AGE: SignedDuration = SignedDuration::from_secs(60);
/// How often memberships are fetched in the background.
const REFRESH_INTERVAL: Duration = Duration::from_secs(120);
/// Whose profile is loaded at a start: longer than a request stays open.
const RECALLED: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many profiles are kept in memory.
const MAX_PROFILES: usize = 4096;

/// The ids of the workspaces that the bot serves: from the configuration, or the token's once Slack has told it.
pub type ServedTeams = Arc<OnceLock<Vec<String>>>;

const DECISION: MaxAge = MaxAge { member: MEMBER_MAX_AGE, non_member: NON_MEMBER_MAX_AGE };
const FRESH: MaxAge = MaxAge { member: FRESH_MAX_AGE, non_member: NON_MEMBER_MAX_AGE };
const SUBMISSION: MaxAge = MaxAge { member: SUBMISSION_MAX_AGE, non_member: SUBMISSION_MAX_AGE };

/// The cache of members and profiles.
pub struct MembershipCache {
    slack: Client,
    store: Store,
    clock: Clock,
    policy: Arc<Policy>,
    teams: ServedTeams,
    groups: GroupReader,
    /// Whether the workspace belongs to an Enterprise organization, where a person can have a second id.
    is_in_organization: AtomicBool,
    organization_learned: Notify,
    /// The warnings about the policy that were logged last.
    logged_warnings: Mutex<Vec<LintWarning>>,
    profiles: Mutex<HashMap<UserId, (Timestamp, Profile)>>,
}

impl std::fmt::Debug for MembershipCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MembershipCache").finish_non_exhaustive()
    }
}

/// For decisions, which need recent memberships.
impl MembershipLookup for MembershipCache {
    fn membership(&self, user: &UserId, principal: &Principal) -> Membership {
        self.cached(user, principal, DECISION)
    }

    fn fresh_membership(&self, user: &UserId, principal: &Principal) -> Membership {
        self.cached(user, principal, FRESH)
    }

    fn other_id(&self, user: &UserId) -> OtherId {
        if !self.is_in_organization.load(Ordering::Relaxed) {
            return OtherId::None;
        }
        let profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        match profiles.get(user) {
            // Earlier versions stored profiles without it.
            None | Some((_, Profile { has_ids: false, .. })) => OtherId::Unknown,
            Some((_, Profile { other_id: Some(other), .. })) if other != user => OtherId::Is(other.clone()),
            Some(_) => OtherId::None,
        }
    }
}

impl MembershipCache {
    /// An empty cache. [`MembershipCache::keep_fresh`] fills it.
    pub fn new(slack: Client, store: Store, clock: Clock, policy: Arc<Policy>, teams: ServedTeams) -> Self {
        let groups = GroupReader::new(slack.clone(), clock.clone());
        Self {
            slack,
            store,
            clock,
            policy,
            teams,
            groups,
            is_in_organization: AtomicBool::new(false),
            organization_learned: Notify::new(),
            logged_warnings: Mutex::default(),
            profiles: Mutex::default(),
        }
    }

    /// Fetches the members of `principals` unless they are recent enough to decide whether `user` is one of them.
    pub async fn refresh_if_stale(&self, user: &UserId, principals: &[Principal]) {
        self.learn_other_id(user).await;
        if self.among(user, principals) == Membership::Unknown {
            self.groups.read(principals, NON_MEMBER_MAX_AGE, Occasion::Action).await;
        }
    }

    /// Records that the workspace belongs to an Enterprise organization.
    pub fn set_in_organization(&self) {
        if !self.is_in_organization.swap(true, Ordering::Relaxed) {
            self.organization_learned.notify_one();
        }
    }

    /// Loads what is stored of a person, without a call to Slack.
    pub async fn recall(&self, user: &UserId) {
        if self.other_id(user) == OtherId::Unknown {
            self.profile(user, SignedDuration::MAX).await;
        }
    }

    /// Loads the stored profiles, so that approvals from before a restart count under either id of a person.
    async fn recall_all(&self) {
        match self.store.recent_profiles(self.clock.now() - RECALLED, MAX_PROFILES).await {
            Ok(stored) => {
                for (user, body, at) in stored {
                    if let Ok(profile) = serde_json::from_str(&body) {
                        self.remember(&user, at, profile);
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "profiles were not loaded"),
        }
    }

    /// Learns whether a person has a second id.
    async fn learn_other_id(&self, user: &UserId) {
        self.recall(user).await;
        if self.other_id(user) == OtherId::Unknown {
            self.fetch_profile(user).await;
        }
    }

    /// Fetches the members of `principals` unless they are so recent that they may be used for an approval. Where it is known
    /// of all `people` whether they are among them, Slack has to answer in time; else what is known remains.
    pub async fn refresh_for_approval(&self, people: &[UserId], principals: &[Principal]) {
        for person in people {
            self.learn_other_id(person).await;
        }
        let fetch = self.groups.read(principals, NON_MEMBER_MAX_AGE, Occasion::Action);
        if people.iter().any(|person| self.among(person, principals) == Membership::Unknown) {
            return fetch.await;
        }
        if tokio::time::timeout(FRESH_TIMEOUT, fetch).await.is_err() {
            tracing::warn!("Slack did not list the approvers in time");
        }
    }

    /// The cached members of a group or channel, of any age.
    pub fn members(&self, principal: &Principal) -> Option<Vec<UserId>> {
        self.groups.lists().members(principal)
    }

    /// Whether `user` may request API users, without a call to Slack.
    pub async fn requester(&self, user: &UserId) -> Eligibility {
        self.eligibility(user, self.profile(user, PROFILE_MAX_AGE).await.as_ref())
    }

    /// Whether `user` may request API users. Fetches from Slack what is missing or too old.
    pub async fn requester_now(&self, user: &UserId) -> Eligibility {
        let groups = self.policy.rule_groups();
        if self.listed_requester(user, DECISION) == Membership::Unknown
            || groups.iter().any(|group| self.cached(user, group, DECISION) == Membership::Unknown)
        {
            let all = [self.policy.requesters.clone(), groups].concat();
            self.groups.read(&all, NON_MEMBER_MAX_AGE, Occasion::Action).await;
        }
        let mut profile = self.profile(user, PROFILE_MAX_AGE_AT_MODAL).await;
        if profile.is_none() || self.other_id(user) == OtherId::Unknown {
            profile = self.fetch_profile(user).await;
        }
        self.eligibility(user, profile.as_ref())
    }

    /// A user's time zone from a cached profile of any age; fetched from Slack if there is none. UTC if that fails.
    pub async fn zone_now(&self, user: &UserId) -> Zone {
        match self.profile(user, SignedDuration::MAX).await {
            Some(profile) => profile.zone,
            None => self.fetch_profile(user).await.map_or_else(Zone::utc, |profile| profile.zone),
        }
    }

    /// Like [`MembershipCache::zone_now`], without a call to Slack.
    pub async fn zone(&self, user: &UserId) -> Zone {
        self.profile(user, SignedDuration::MAX).await.map_or_else(Zone::utc, |profile| profile.zone)
    }

    /// Whether the policy needs the members of a group.
    pub fn needs_group(&self, group: &GroupId) -> bool {
        self.policy.groups().contains(&Principal::Group(group.clone()))
    }

    /// Removes a group whose members have changed from the cache.
    pub fn forget_group(&self, group: &GroupId) {
        self.groups.lists().forget(Principal::Group(group.clone()));
    }

    /// Reads the members of a group.
    pub async fn read_group(&self, group: &GroupId) {
        let principal = Principal::Group(group.clone());
        self.groups.read(&[principal], NON_MEMBER_MAX_AGE, Occasion::Action).await;
    }

    /// The user groups of the policy that do not exist.
    pub fn missing_groups(&self) -> Vec<Principal> {
        let unlistable = self.groups.unlistable();
        let is_missing = |group: &Principal| unlistable.get(group) == Some(&Unlistable::Missing);
        self.policy.groups().into_iter().filter(is_missing).collect()
    }

    /// Refreshes every membership that the policy needs. Never returns.
    pub async fn keep_fresh(&self) {
        let mut has_recalled = false;
        loop {
            if !has_recalled && self.is_in_organization.load(Ordering::Relaxed) {
                self.recall_all().await;
                has_recalled = true;
            }
            self.refresh().await;
            self.log_lint_warnings();
            tokio::select! {
                () = self.clock.sleep(REFRESH_INTERVAL) => {}
                () = self.organization_learned.notified() => {}
            }
        }
    }

    /// Fetches every membership that the policy needs.
    pub async fn refresh(&self) {
        self.groups.read(&self.policy.groups(), SCHEDULED_MAX_AGE, Occasion::Schedule).await;
    }

    /// Logs what the members of the policy's groups make impossible, each problem once while it lasts. Logs nothing
    /// before the state of every group is known.
    fn log_lint_warnings(&self) {
        let (lists, unlistable) = (self.groups.lists(), self.groups.unlistable());
        let is_known = |group: &Principal| lists.is_known(group) || unlistable.contains_key(group);
        if !self.policy.groups().iter().all(is_known) {
            return;
        }
        let warnings =
            lint_memberships(&self.policy, |group| match (unlistable.get(group), lists.members(group)) {
                (Some(Unlistable::Missing), _) => GroupSize::Missing,
                (Some(Unlistable::Refused(reason)), _) => GroupSize::Unknown(reason.clone()),
                (None, list) => GroupSize::Members(list.into_iter().flatten().collect()),
            });
        let mut logged = self.logged_warnings.lock().unwrap_or_else(PoisonError::into_inner);
        for LintWarning { key, text } in warnings.iter().filter(|warning| !logged.contains(warning)) {
            tracing::error!(%key, problem = %text, "the policy cannot work as configured");
        }
        *logged = warnings;
    }

    /// Whether every membership that the policy needs was fetched at least once.
    pub fn is_loaded(&self) -> bool {
        let lists = self.groups.lists();
        self.policy.groups().iter().all(|needed| lists.is_known(needed))
    }

    /// Whether `policy.requesters` includes `user`.
    fn listed_requester(&self, user: &UserId, max_age: MaxAge) -> Membership {
        if self.policy.requesters.is_empty() {
            return Membership::Yes;
        }
        let lookup = |id: &UserId, group: &Principal| self.cached(id, group, max_age);
        self.other_id(user)
            .combine(user, |id| Membership::of(id, &self.policy.requesters, |group| lookup(id, group)))
    }

    /// The groups of the policy's rules that `user` is a member of; `None` if that is unknown for one of them.
    fn memberships(&self, user: &UserId) -> Option<Vec<Principal>> {
        let mut memberships = Vec::new();
        if let OtherId::Is(other) = self.other_id(user) {
            memberships.push(Principal::User(other));
        }
        for group in self.policy.rule_groups() {
            match self.other_id(user).combine(user, |id| self.cached(id, &group, SUBMISSION)) {
                Membership::Yes => memberships.push(group),
                Membership::No => {}
                Membership::Unknown => return None,
            }
        }
        Some(memberships)
    }

    fn eligibility(&self, user: &UserId, profile: Option<&Profile>) -> Eligibility {
        let listed = self.listed_requester(user, SUBMISSION);
        let Some(profile) = profile else {
            // A person who is certainly not listed is refused without a profile.
            return if listed == Membership::No {
                Eligibility::No(NotRequester::NotListed)
            } else {
                Eligibility::Unknown
            };
        };
        let reason = match (ineligible_reason(profile, self.teams.get().map(Vec::as_slice)), listed) {
            (Some(reason), _) => Some(reason),
            (None, Membership::No) => Some(NotRequester::NotListed),
            (None, Membership::Unknown) => return Eligibility::Unknown,
            (None, Membership::Yes) => None,
        };
        match (reason, self.memberships(user)) {
            (Some(reason), _) => Eligibility::No(reason),
            (None, Some(memberships)) => {
                Eligibility::Yes(Requester { zone: profile.zone.clone(), memberships })
            }
            (None, None) => Eligibility::Unknown,
        }
    }

    /// Whether `user` is a member of a group or channel, by a list that is recent enough.
    fn cached(&self, user: &UserId, group: &Principal, max_age: MaxAge) -> Membership {
        self.groups.lists().membership(user, group, self.clock.now(), max_age)
    }

    /// The profile in memory or in the store, if it is not older than `max_age`.
    async fn profile(&self, user: &UserId, max_age: SignedDuration) -> Option<Profile> {
        let now = self.clock.now();
        let is_recent = |at: Timestamp| is_recent(at, now, max_age);
        {
            let profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, profile)) = profiles.get(user).filter(|(at, _)| is_recent(*at)) {
                return Some(profile.clone());
            }
        }
        let stored = self.store.profile(user).await;
        let stored = stored.inspect_err(|error| tracing::warn!(%error, "a profile was not loaded"));
        let (body, at) = stored.ok().flatten().filter(|(_, at)| is_recent(*at))?;
        let profile: Profile = serde_json::from_str(&body).ok()?;
        self.remember(user, at, profile.clone());
        Some(profile)
    }

    async fn fetch_profile(&self, user: &UserId) -> Option<Profile> {
        let now = self.clock.now();
        match self.slack.user(user).await {
            Ok(profile) => {
                self.remember(user, now, profile.clone());
                if let Ok(body) = serde_json::to_string(&profile)
                    && let Err(error) = self.store.save_profile(user, &body, now).await
                {
                    tracing::warn!(%error, "a profile was not saved");
                }
                Some(profile)
            }
            Err(error) => {
                tracing::warn!(%user, %error, "a profile was not fetched");
                None
            }
        }
    }

    fn remember(&self, user: &UserId, at: Timestamp, profile: Profile) {
        let mut profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        if profiles.len() >= MAX_PROFILES {
            profiles.clear();
        }
        profiles.insert(user.clone(), (at, profile));
    }
}
