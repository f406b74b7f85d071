//! A cache of one Marketo instance: its roles, workspaces and users. Once fetched, they are served at any age, and
//! refreshed in the background.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::{
    clock::{Clock, is_recent},
    domain::{
        catalog::{Catalog, Role},
        change::Named,
        text::Email,
    },
    marketo::{self, Class, Client, Error},
};

/// How often the catalog (roles and workspaces) is fetched.
const CATALOG_MAX_AGE: SignedDuration = SignedDuration::from_mins(10);
/// How often users are fetched.
const USERS_MAX_AGE: SignedDuration = SignedDuration::from_mins(3);
/// How old the users may be when a modal opens.
const USERS_MAX_AGE_AT_MODAL: SignedDuration = SignedDuration::from_secs(30);
/// How long a user that we created may be missing from Marketo's list.
const CREATED_VISIBLE_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// How often ages are checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(15);
/// The first and the longest pause after a failure.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

#[derive(Default)]
struct InstanceState {
    catalog: Option<(Timestamp, Arc<Catalog>)>,
    /// Keys of the users' emails, and when the list was requested.
    users: Option<(Timestamp, HashSet<String>)>,
    /// Users that we created recently: the list may not have them yet.
    created: Vec<(Timestamp, String)>,
    last_error: Option<Arc<Error>>,
}

/// The cache of one instance.
pub struct Instance {
    name: String,
    marketo: Client,
    clock: Clock,
    state: Mutex<InstanceState>,
    refresh_requested: Notify,
    changed: Notify,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Instance({})", self.name)
    }
}

impl Instance {
    /// An empty cache. [`Instance::keep_fresh`] fills it.
    pub fn new(name: String, marketo: Client, clock: Clock) -> Self {
        let (refresh_requested, changed) = (Notify::new(), Notify::new());
        Self { name, marketo, clock, state: Mutex::default(), refresh_requested, changed }
    }

    /// The instance's name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The roles and workspaces, if they were ever fetched.
    pub fn catalog(&self) -> Option<Arc<Catalog>> {
        self.state().catalog.as_ref().map(|(_, catalog)| Arc::clone(catalog))
    }

    /// Whether the instance is known to have a user with this email.
    pub fn has_user(&self, email: &Email) -> bool {
        self.state().users.as_ref().is_some_and(|(_, users)| users.contains(&email.key()))
    }

    /// Whether the catalog and the users were fetched at least once.
    pub fn is_loaded(&self) -> bool {
        let state = self.state();
        state.catalog.is_some() && state.users.is_some()
    }

    /// Why the last refresh failed, if it did.
    pub fn last_error(&self) -> Option<Arc<Error>> {
        self.state().last_error.clone()
    }

    /// The error of the last refresh, if it needs an admin: Marketo rejected the credentials or denied a permission.
    pub fn access_error(&self) -> Option<Arc<Error>> {
        self.last_error().filter(|error| matches!(error.class, Class::Credentials | Class::Denied))
    }

    /// Adds a user that was just created.
    pub fn add_user(&self, email: &Email) {
        let now = self.clock.now();
        let mut state = self.state();
        state.created.push((now, email.key()));
        if let Some((_, users)) = &mut state.users {
            users.insert(email.key());
        }
    }

    /// Requests a refresh of the users unless they are recent. For when a modal opens.
    pub fn request_refresh(&self) {
        let now = self.clock.now();
        let is_recent = |at: Timestamp| is_recent(at, now, USERS_MAX_AGE_AT_MODAL);
        if !self.state().users.as_ref().is_some_and(|(at, _)| is_recent(*at)) {
            self.refresh_requested.notify_one();
        }
    }

    /// Returns the catalog. If it was never fetched, waits up to `limit` for the running refresh.
    pub async fn wait_for_catalog(&self, limit: Duration) -> Option<Arc<Catalog>> {
        self.refresh_requested.notify_one();
        let arrival = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(catalog) = self.catalog() {
                    return Some(catalog);
                }
                changed.await;
                if self.last_error().is_some() {
                    return self.catalog();
                }
            }
        };
        tokio::time::timeout(limit, arrival).await.ok().flatten()
    }

    /// Refreshes what is too old. Never returns.
    pub async fn keep_fresh(&self) {
        let (mut backoff, mut users_max_age) = (RETRY.0, SignedDuration::ZERO);
        loop {
            let pause = if self.refresh(users_max_age).await {
                backoff = RETRY.0;
                CHECK_INTERVAL
            } else {
                backoff = (backoff * 2).min(RETRY.1);
                backoff / 2
            };
            users_max_age = tokio::select! {
                () = self.clock.sleep(pause) => USERS_MAX_AGE,
                () = self.refresh_requested.notified() => USERS_MAX_AGE_AT_MODAL,
            };
        }
    }

    /// Fetches what is missing or too old. Returns false if that failed.
    async fn refresh(&self, users_max_age: SignedDuration) -> bool {
        let now = self.clock.now();
        let is_due = |at: Option<Timestamp>, max_age: SignedDuration| {
            at.is_none_or(|at| now.duration_since(at) >= max_age || !is_recent(at, now, max_age))
        };
        let (catalog_at, users_at) = {
            let state = self.state();
            (state.catalog.as_ref().map(|(at, _)| *at), state.users.as_ref().map(|(at, _)| *at))
        };
        let fetch = async {
            if is_due(catalog_at, CATALOG_MAX_AGE) {
                let catalog = self.fetch_catalog().await?;
                self.state().catalog = Some((now, Arc::new(catalog)));
                self.changed.notify_waiters();
            }
            if is_due(users_at, users_max_age) {
                let users = self.marketo.all_users().await?;
                self.set_users(now, users.into_iter().map(|user| user.email.to_lowercase()).collect());
            }
            Ok(())
        };
        let error = fetch.await.err().map(|error: Error| {
            tracing::warn!(instance = %self.name, %error, "roles, workspaces or users were not fetched");
            Arc::new(error)
        });
        let is_complete = error.is_none();
        self.state().last_error = error;
        self.changed.notify_waiters();
        is_complete
    }

    async fn fetch_catalog(&self) -> Result<Catalog, Error> {
        Ok(catalog_of(self.marketo.roles().await?, self.marketo.workspaces().await?))
    }

    /// Replaces the users by a list that was requested at `requested_at`. It may lack users that we created since, or
    /// that Marketo does not list yet.
    fn set_users(&self, requested_at: Timestamp, mut users: HashSet<String>) {
        let mut state = self.state();
        state.created.retain(|(at, _)| requested_at.duration_since(*at) < CREATED_VISIBLE_WITHIN);
        users.extend(state.created.iter().map(|(_, email)| email.clone()));
        state.users = Some((requested_at, users));
    }

    fn state(&self) -> std::sync::MutexGuard<'_, InstanceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Converts Marketo's roles and workspaces to the domain's catalog.
pub fn catalog_of(roles: Vec<marketo::Role>, workspaces: Vec<marketo::Workspace>) -> Catalog {
    let role = |role: marketo::Role| Role {
        named: Named { id: role.id, name: role.name },
        only_all_workspaces: role.only_all_zones,
    };
    let workspace = |workspace: marketo::Workspace| Named { id: workspace.id, name: workspace.name };
    Catalog {
        roles: roles.into_iter().map(role).collect(),
        workspaces: workspaces.into_iter().map(workspace).collect(),
    }
}
