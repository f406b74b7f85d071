//! Who is in which group, and what kind of member somebody is, as Slack said last.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::Clock,
    domain::{
        expiration::Zone,
        people::{GroupId, Membership, Principal, UserId},
        policy::{GroupSize, LintWarning, MembershipLookup, Policy, lint_memberships},
    },
    slack::{
        client::{Client, Profile},
        error::Class,
        replies::NotRequester,
    },
    store::Store,
};

/// How long "is a member" is taken at its word for a decision.
const YES_HOLDS: SignedDuration = SignedDuration::from_secs(60);
/// How long "is not a member" is: somebody who was just added should not be turned away.
const NO_HOLDS: SignedDuration = SignedDuration::from_secs(5);
/// How long membership holds for a submission, which cannot wait for Slack. The background refresh is far quicker.
const LISTS_HOLD: SignedDuration = SignedDuration::from_mins(10);
/// How long a profile holds for a submission: a modal may stay open for a while.
const PROFILE_HOLDS: SignedDuration = SignedDuration::from_hours(24);
/// How old a profile may be before opening a modal asks again.
const PROFILE_IS_FRESH: SignedDuration = SignedDuration::from_mins(5);
/// How often memberships are fetched in the background.
const REFRESH_EVERY: Duration = Duration::from_secs(120);
/// How many profiles are kept in memory.
const PROFILES: usize = 4096;

/// The workspaces that the bot serves: from the configuration, or the token's own once Slack told it.
pub type ServedTeams = Arc<OnceLock<Vec<String>>>;

/// Whether somebody may ask for a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Eligibility {
    /// They may.
    Yes(Requester),
    /// They may not.
    No(NotRequester),
    /// It is not known now.
    Unknown,
}

/// What counts about somebody who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The zone in which their days end.
    pub zone: Zone,
    /// Which of the groups and channels that the policy's rules name they are in.
    pub memberships: Vec<Principal>,
}

/// How old an answer may be to be used.
#[derive(Clone, Copy)]
struct MaxAge {
    yes: SignedDuration,
    no: SignedDuration,
}

const DECISION: MaxAge = MaxAge { yes: YES_HOLDS, no: NO_HOLDS };
const SUBMISSION: MaxAge = MaxAge { yes: LISTS_HOLD, no: LISTS_HOLD };

struct MemberList {
    at: Timestamp,
    users: HashSet<UserId>,
}

/// Who is in which group, and what kind of member somebody is.
pub struct MembershipCache {
    slack: Client,
    store: Store,
    clock: Clock,
    policy: Arc<Policy>,
    teams: ServedTeams,
    lists: Mutex<HashMap<Principal, MemberList>>,
    /// What Slack says it does not have, in its words.
    refused: Mutex<HashMap<Principal, String>>,
    /// What was told about the policy last.
    told: Mutex<Vec<LintWarning>>,
    profiles: Mutex<HashMap<UserId, (Timestamp, Profile)>>,
}

impl std::fmt::Debug for MembershipCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("People")
    }
}

/// For a decision, which must not rest on what is long past.
impl MembershipLookup for MembershipCache {
    fn standing(&self, user: &UserId, principal: &Principal) -> Membership {
        self.known(user, principal, DECISION)
    }
}

impl MembershipCache {
    /// Nobody is known yet.
    pub fn new(slack: Client, store: Store, clock: Clock, policy: Arc<Policy>, teams: ServedTeams) -> Self {
        let (lists, refused, told) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { slack, store, clock, policy, teams, lists, refused, told, profiles: Mutex::default() }
    }

    /// Asks Slack who is in these, where it is not known well enough for a decision about `user`.
    pub async fn refresh_if_stale(&self, user: &UserId, principals: &[Principal]) {
        if self.among(user, principals) == Membership::Unknown {
            self.fetch_lists(principals, NO_HOLDS).await;
        }
    }

    /// Who is in a group or a channel, as far as is known without asking Slack.
    pub fn members(&self, principal: &Principal) -> Option<Vec<UserId>> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.get(principal).map(|list| list.users.iter().cloned().collect())
    }

    /// Whether `user` may ask for a user, as far as is known without asking Slack.
    pub async fn requester(&self, user: &UserId) -> Eligibility {
        self.eligibility(user, self.profile(user, PROFILE_HOLDS).await.as_ref())
    }

    /// Whether `user` may ask for a user; asks Slack for what is not known.
    pub async fn requester_now(&self, user: &UserId) -> Eligibility {
        let groups = self.policy.rule_groups();
        if self.listed(user, DECISION) == Membership::Unknown
            || groups.iter().any(|group| self.known(user, group, DECISION) == Membership::Unknown)
        {
            self.fetch_lists(&self.policy.requesters, NO_HOLDS).await;
            self.fetch_lists(&groups, NO_HOLDS).await;
        }
        let mut profile = self.profile(user, PROFILE_IS_FRESH).await;
        if profile.is_none() {
            profile = self.fetch_profile(user).await;
        }
        self.eligibility(user, profile.as_ref())
    }

    /// The zone in which somebody's days end, as Slack said last, however long ago; asks Slack where it never did.
    pub async fn zone_now(&self, user: &UserId) -> Zone {
        match self.profile(user, SignedDuration::MAX).await {
            Some(profile) => profile.zone,
            None => self.fetch_profile(user).await.map_or_else(Zone::utc, |profile| profile.zone),
        }
    }

    /// As [`MembershipCache::zone_now`], without asking Slack.
    pub async fn zone(&self, user: &UserId) -> Zone {
        self.profile(user, SignedDuration::MAX).await.map_or_else(Zone::utc, |profile| profile.zone)
    }

    /// Forgets who is in a group: Slack said that it changed.
    pub fn forget_group(&self, group: &GroupId) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.remove(&Principal::Group(group.clone()));
    }

    /// Fetches every membership that the policy needs, again and again, for ever.
    pub async fn keep_fresh(&self) {
        loop {
            self.refresh().await;
            self.log_lint_warnings();
            self.clock.sleep(REFRESH_EVERY).await;
        }
    }

    /// Fetches every membership that the policy needs.
    pub async fn refresh(&self) {
        self.fetch_lists(&self.policy.groups(), SignedDuration::ZERO).await;
    }

    /// Logs what is wrong with the policy by who is in its groups, each thing once as long as it is wrong. While Slack
    /// tells nothing about a group, nothing is said.
    fn log_lint_warnings(&self) {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.policy.groups().iter().all(|group| lists.contains_key(group) || refused.contains_key(group))
        {
            return;
        }
        let found = lint_memberships(&self.policy, |principal| {
            match (refused.get(principal), lists.get(principal)) {
                (Some(why), _) => GroupSize::Unknown(why.clone()),
                (None, list) => {
                    GroupSize::Members(list.iter().flat_map(|list| list.users.iter().cloned()).collect())
                }
            }
        });
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for LintWarning { key, text } in found.iter().filter(|finding| !told.contains(finding)) {
            tracing::error!(%key, "the policy cannot work as it is written: {key}: {text}");
        }
        *told = found;
    }

    /// Whether every membership that the policy needs was fetched at least once.
    pub fn is_loaded(&self) -> bool {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        self.policy.groups().iter().all(|needed| lists.contains_key(needed))
    }

    fn listed(&self, user: &UserId, holds: MaxAge) -> Membership {
        if self.policy.requesters.is_empty() {
            return Membership::Yes;
        }
        Membership::of(user, &self.policy.requesters, |group| self.known(user, group, holds))
    }

    /// Which of the groups that rules name somebody is in; absent where that is not known of one of them.
    fn memberships(&self, user: &UserId) -> Option<Vec<Principal>> {
        let mut memberships = Vec::new();
        for group in self.policy.rule_groups() {
            match self.known(user, &group, SUBMISSION) {
                Membership::Yes => memberships.push(group),
                Membership::No => {}
                Membership::Unknown => return None,
            }
        }
        Some(memberships)
    }

    fn eligibility(&self, user: &UserId, profile: Option<&Profile>) -> Eligibility {
        let listed = self.listed(user, SUBMISSION);
        let Some(profile) = profile else {
            // Who is certainly not on the list need not be looked at any further.
            return if listed == Membership::No {
                Eligibility::No(NotRequester::NotListed)
            } else {
                Eligibility::Unknown
            };
        };
        let why_not = match (ineligible_reason(profile, self.teams.get().map(Vec::as_slice)), listed) {
            (Some(why_not), _) => Some(why_not),
            (None, Membership::No) => Some(NotRequester::NotListed),
            (None, Membership::Unknown) => return Eligibility::Unknown,
            (None, Membership::Yes) => None,
        };
        match (why_not, self.memberships(user)) {
            (Some(why_not), _) => Eligibility::No(why_not),
            (None, Some(memberships)) => {
                Eligibility::Yes(Requester { zone: profile.zone.clone(), memberships })
            }
            (None, None) => Eligibility::Unknown,
        }
    }

    /// Whether somebody is in a group or channel, as far as is known without asking.
    fn known(&self, user: &UserId, group: &Principal, holds: MaxAge) -> Membership {
        let now = self.clock.now();
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(members) = lists.get(group) else { return Membership::Unknown };
        let age = now.duration_since(members.at);
        match members.users.contains(user) {
            true if age <= holds.yes => Membership::Yes,
            false if age <= holds.no => Membership::No,
            _ => Membership::Unknown,
        }
    }

    /// Fetches the memberships among `principals` that are older than `older_than`.
    async fn fetch_lists(&self, principals: &[Principal], older_than: SignedDuration) {
        for principal in principals {
            let now = self.clock.now();
            let is_fresh = {
                let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
                lists.get(principal).is_some_and(|members| {
                    older_than > SignedDuration::ZERO && now.duration_since(members.at) <= older_than
                })
            };
            let fetched = match principal {
                _ if is_fresh => continue,
                Principal::User(_) => continue,
                Principal::Group(group) => self.slack.group_members(group).await,
                Principal::Channel(channel) => self.slack.channel_members(channel).await,
            };
            match fetched {
                Ok(users) => {
                    let members = MemberList { at: now, users: users.into_iter().collect() };
                    self.refused.lock().unwrap_or_else(PoisonError::into_inner).remove(principal);
                    let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
                    lists.insert(principal.clone(), members);
                }
                Err(error) => {
                    tracing::warn!(?principal, %error, "who is in it cannot be found out");
                    if matches!(error.class, Class::Refused | Class::MissingScope { .. }) {
                        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                        refused.insert(principal.clone(), error.to_string());
                    }
                }
            }
        }
    }

    /// The profile in memory or in the store, if it is not older than `holds`.
    async fn profile(&self, user: &UserId, holds: SignedDuration) -> Option<Profile> {
        let now = self.clock.now();
        let is_recent = |at: Timestamp| now.duration_since(at) <= holds;
        {
            let profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, profile)) = profiles.get(user).filter(|(at, _)| is_recent(*at)) {
                return Some(profile.clone());
            }
        }
        let kept =
            self.store.profile(user).await.inspect_err(|error| tracing::warn!(%error, "profile not read"));
        let (body, at) = kept.ok().flatten().filter(|(_, at)| is_recent(*at))?;
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
                    tracing::warn!(%error, "profile not kept");
                }
                Some(profile)
            }
            Err(error) => {
                tracing::warn!(user = %user, %error, "what kind of member they are cannot be found out");
                None
            }
        }
    }

    fn remember(&self, user: &UserId, at: Timestamp, profile: Profile) {
        let mut profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        if profiles.len() >= PROFILES {
            profiles.clear();
        }
        profiles.insert(user.clone(), (at, profile));
    }
}

/// Why somebody may not ask for a user, whoever is on the policy's list, in the workspaces `teams`.
pub fn ineligible_reason(profile: &Profile, teams: Option<&[String]>) -> Option<NotRequester> {
    let is_of_another = match (&profile.team_id, teams) {
        // In an organization a person's own workspace need not be the one in which they type.
        (Some(team), Some(teams)) => !teams.iter().any(|own| own.starts_with('E')) && !teams.contains(team),
        _ => false,
    };
    match profile {
        Profile { is_bot: true, .. } => Some(NotRequester::Bot),
        Profile { is_deleted: true, .. } => Some(NotRequester::Deactivated),
        Profile { is_stranger: true, .. } => Some(NotRequester::OtherWorkspace),
        _ if is_of_another => Some(NotRequester::OtherWorkspace),
        Profile { is_guest: true, .. } => Some(NotRequester::Guest),
        _ => None,
    }
}
