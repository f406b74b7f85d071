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
        people::{GroupId, Principal, Standing, UserId},
        policy::{Finding, Members, Policy, Size, sized_findings},
    },
    slack::{
        client::{Client, Profile},
        error::Class,
        words::NotRequester,
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
pub type Teams = Arc<OnceLock<Vec<String>>>;

/// Whether somebody may ask for a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum May {
    /// They may.
    Yes(Asker),
    /// They may not.
    No(NotRequester),
    /// It is not known now.
    Unknown,
}

/// What counts about somebody who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The zone in which their days end.
    pub zone: Zone,
    /// Which of the groups and channels that the policy's rules name they are in.
    pub memberships: Vec<Principal>,
}

/// How old an answer may be to be used.
#[derive(Clone, Copy)]
struct Holds {
    yes: SignedDuration,
    no: SignedDuration,
}

const DECISION: Holds = Holds { yes: YES_HOLDS, no: NO_HOLDS };
const SUBMISSION: Holds = Holds { yes: LISTS_HOLD, no: LISTS_HOLD };

struct List {
    at: Timestamp,
    users: HashSet<UserId>,
}

/// Who is in which group, and what kind of member somebody is.
pub struct People {
    slack: Client,
    store: Store,
    clock: Clock,
    policy: Arc<Policy>,
    teams: Teams,
    lists: Mutex<HashMap<Principal, List>>,
    /// What Slack says it does not have, in its words.
    refused: Mutex<HashMap<Principal, String>>,
    /// What was told about the policy last.
    told: Mutex<Vec<Finding>>,
    profiles: Mutex<HashMap<UserId, (Timestamp, Profile)>>,
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("People")
    }
}

/// For a decision, which must not rest on what is long past.
impl Members for People {
    fn standing(&self, user: &UserId, principal: &Principal) -> Standing {
        self.known(user, principal, DECISION)
    }
}

impl People {
    /// Nobody is known yet.
    pub fn new(slack: Client, store: Store, clock: Clock, policy: Arc<Policy>, teams: Teams) -> Self {
        let (lists, refused, told) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { slack, store, clock, policy, teams, lists, refused, told, profiles: Mutex::default() }
    }

    /// Asks Slack who is in these, where it is not known well enough for a decision about `user`.
    pub async fn learn(&self, user: &UserId, principals: &[Principal]) {
        if self.among(user, principals) == Standing::Unknown {
            self.fetch_lists(principals, NO_HOLDS).await;
        }
    }

    /// Who is in a group or a channel, as far as is known without asking Slack.
    pub fn members(&self, principal: &Principal) -> Option<Vec<UserId>> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.get(principal).map(|list| list.users.iter().cloned().collect())
    }

    /// Whether `user` may ask for a user, as far as is known without asking Slack.
    pub async fn requester(&self, user: &UserId) -> May {
        self.may(user, self.profile(user, PROFILE_HOLDS).await.as_ref())
    }

    /// Whether `user` may ask for a user; asks Slack for what is not known.
    pub async fn requester_now(&self, user: &UserId) -> May {
        let groups = self.policy.rule_groups();
        if self.listed(user, DECISION) == Standing::Unknown
            || groups.iter().any(|group| self.known(user, group, DECISION) == Standing::Unknown)
        {
            self.fetch_lists(&self.policy.requesters, NO_HOLDS).await;
            self.fetch_lists(&groups, NO_HOLDS).await;
        }
        let mut profile = self.profile(user, PROFILE_IS_FRESH).await;
        if profile.is_none() {
            profile = self.fetch_profile(user).await;
        }
        self.may(user, profile.as_ref())
    }

    /// The zone in which somebody's days end, as Slack said last, however long ago; asks Slack where it never did.
    pub async fn zone_now(&self, user: &UserId) -> Zone {
        match self.profile(user, SignedDuration::MAX).await {
            Some(profile) => profile.zone,
            None => self.fetch_profile(user).await.map_or_else(Zone::utc, |profile| profile.zone),
        }
    }

    /// As [`People::zone_now`], without asking Slack.
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
            self.tell_findings();
            self.clock.sleep(REFRESH_EVERY).await;
        }
    }

    /// Fetches every membership that the policy needs.
    pub async fn refresh(&self) {
        self.fetch_lists(&self.policy.groups(), SignedDuration::ZERO).await;
    }

    /// Logs what is wrong with the policy by who is in its groups, each thing once as long as it is wrong. While Slack
    /// tells nothing about a group, nothing is said.
    fn tell_findings(&self) {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.policy.groups().iter().all(|group| lists.contains_key(group) || refused.contains_key(group))
        {
            return;
        }
        let found =
            sized_findings(&self.policy, |principal| match (refused.get(principal), lists.get(principal)) {
                (Some(why), _) => Size::Unknown(why.clone()),
                (None, list) => {
                    Size::Members(list.iter().flat_map(|list| list.users.iter().cloned()).collect())
                }
            });
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for Finding { key, text } in found.iter().filter(|finding| !told.contains(finding)) {
            tracing::error!(%key, "the policy cannot work as it is written: {key}: {text}");
        }
        *told = found;
    }

    /// Whether every membership that the policy needs was fetched at least once.
    pub fn is_loaded(&self) -> bool {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        self.policy.groups().iter().all(|needed| lists.contains_key(needed))
    }

    fn listed(&self, user: &UserId, holds: Holds) -> Standing {
        if self.policy.requesters.is_empty() {
            return Standing::Yes;
        }
        Standing::of(user, &self.policy.requesters, |group| self.known(user, group, holds))
    }

    /// Which of the groups that rules name somebody is in; absent where that is not known of one of them.
    fn memberships(&self, user: &UserId) -> Option<Vec<Principal>> {
        let mut memberships = Vec::new();
        for group in self.policy.rule_groups() {
            match self.known(user, &group, SUBMISSION) {
                Standing::Yes => memberships.push(group),
                Standing::No => {}
                Standing::Unknown => return None,
            }
        }
        Some(memberships)
    }

    fn may(&self, user: &UserId, profile: Option<&Profile>) -> May {
        let listed = self.listed(user, SUBMISSION);
        let Some(profile) = profile else {
            // Who is certainly not on the list need not be looked at any further.
            return if listed == Standing::No { May::No(NotRequester::NotListed) } else { May::Unknown };
        };
        let why_not = match (kind_refused(profile, self.teams.get().map(Vec::as_slice)), listed) {
            (Some(why_not), _) => Some(why_not),
            (None, Standing::No) => Some(NotRequester::NotListed),
            (None, Standing::Unknown) => return May::Unknown,
            (None, Standing::Yes) => None,
        };
        match (why_not, self.memberships(user)) {
            (Some(why_not), _) => May::No(why_not),
            (None, Some(memberships)) => May::Yes(Asker { zone: profile.zone.clone(), memberships }),
            (None, None) => May::Unknown,
        }
    }

    /// Whether somebody is in a group or channel, as far as is known without asking.
    fn known(&self, user: &UserId, group: &Principal, holds: Holds) -> Standing {
        let now = self.clock.now();
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(members) = lists.get(group) else { return Standing::Unknown };
        let age = now.duration_since(members.at);
        match members.users.contains(user) {
            true if age <= holds.yes => Standing::Yes,
            false if age <= holds.no => Standing::No,
            _ => Standing::Unknown,
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
                    let members = List { at: now, users: users.into_iter().collect() };
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
                    && let Err(error) = self.store.keep_profile(user, &body, now).await
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
pub fn kind_refused(profile: &Profile, teams: Option<&[String]>) -> Option<NotRequester> {
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
