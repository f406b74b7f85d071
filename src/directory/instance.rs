//! The roles, workspaces and users of one Marketo instance, as it said last. What was fetched once is served
//! however old it is; it is fetched anew in the background.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::{
    clock::Clock,
    domain::{
        allowed_options::{Catalog, Role},
        change::Named,
        text::Email,
    },
    marketo::{self, Class, Client, Error},
};

/// How often roles and workspaces are fetched.
const CATALOG_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// How often users are fetched.
const USERS_EVERY: SignedDuration = SignedDuration::from_mins(3);
/// How old the users may be when a modal opens before they are fetched again.
const USERS_AT_MODAL: SignedDuration = SignedDuration::from_secs(30);
/// How long a user that we created may take to show in Marketo's list.
const CREATED_SHOWS_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// How often it is looked whether something is too old.
const CHECK_EVERY: Duration = Duration::from_secs(15);
/// The first and the longest wait after a failure.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

#[derive(Default)]
struct InstanceState {
    catalog: Option<(Timestamp, Arc<Catalog>)>,
    users: Option<(Timestamp, HashSet<String>)>,
    /// Users that we created since the list was asked for: it may be older than they are.
    created: Vec<(Timestamp, String)>,
    trouble: Option<Arc<Error>>,
}

/// What is known of one instance.
pub struct Instance {
    name: String,
    marketo: Client,
    clock: Clock,
    known: Mutex<InstanceState>,
    wanted: Notify,
    changed: Notify,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Instance({})", self.name)
    }
}

impl Instance {
    /// Nothing is known yet.
    pub fn new(name: String, marketo: Client, clock: Clock) -> Self {
        let (wanted, changed) = (Notify::new(), Notify::new());
        Self { name, marketo, clock, known: Mutex::default(), wanted, changed }
    }

    /// The instance's name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The roles and workspaces, if they were ever fetched.
    pub fn catalog(&self) -> Option<Arc<Catalog>> {
        self.known().catalog.as_ref().map(|(_, catalog)| Arc::clone(catalog))
    }

    /// Whether the instance is known to have a user with this e-mail.
    pub fn has_user(&self, email: &Email) -> bool {
        self.known().users.as_ref().is_some_and(|(_, users)| users.contains(&email.key()))
    }

    /// Whether everything was fetched at least once.
    pub fn is_loaded(&self) -> bool {
        let known = self.known();
        known.catalog.is_some() && known.users.is_some()
    }

    /// Why the last fetch failed, if it did.
    pub fn last_error(&self) -> Option<Arc<Error>> {
        self.known().trouble.clone()
    }

    /// Why nothing can be done on the instance until somebody mends it, if the last fetch showed that: credentials or
    /// permissions are refused.
    pub fn access_error(&self) -> Option<Arc<Error>> {
        self.last_error().filter(|error| matches!(error.class, Class::Credentials | Class::Denied))
    }

    /// Takes in a user that was just created.
    pub fn add_user(&self, email: &Email) {
        let now = self.clock.now();
        let mut known = self.known();
        known.created.push((now, email.key()));
        if let Some((_, users)) = &mut known.users {
            users.insert(email.key());
        }
    }

    /// Asks the background for newer users, if they are not quite new: a modal is being opened.
    pub fn request_refresh(&self) {
        let now = self.clock.now();
        let is_new =
            self.known().users.as_ref().is_some_and(|(at, _)| now.duration_since(*at) < USERS_AT_MODAL);
        if !is_new {
            self.wanted.notify_one();
        }
    }

    /// The roles and workspaces; waits for the fetch that is under way, at most for `limit`.
    pub async fn wait_for_catalog(&self, limit: Duration) -> Option<Arc<Catalog>> {
        self.wanted.notify_one();
        let arrives = async {
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
        tokio::time::timeout(limit, arrives).await.ok().flatten()
    }

    /// Keeps everything fresh, for ever.
    pub async fn keep_fresh(&self) {
        let (mut wait, mut users_may_be) = (RETRY.0, SignedDuration::ZERO);
        loop {
            let pause = if self.refresh(users_may_be).await {
                wait = RETRY.0;
                CHECK_EVERY
            } else {
                wait = (wait * 2).min(RETRY.1);
                wait / 2
            };
            users_may_be = tokio::select! {
                () = self.clock.sleep(pause) => USERS_EVERY,
                () = self.wanted.notified() => USERS_AT_MODAL,
            };
        }
    }

    /// Fetches what is missing or too old; false when that failed.
    async fn refresh(&self, users_may_be: SignedDuration) -> bool {
        let now = self.clock.now();
        let is_due = |at: Option<Timestamp>, may_be| at.is_none_or(|at| now.duration_since(at) >= may_be);
        let (catalog_at, users_at) = {
            let known = self.known();
            (known.catalog.as_ref().map(|(at, _)| *at), known.users.as_ref().map(|(at, _)| *at))
        };
        let fetched = async {
            if is_due(catalog_at, CATALOG_EVERY) {
                let catalog = self.fetch_catalog().await?;
                self.known().catalog = Some((now, Arc::new(catalog)));
                self.changed.notify_waiters();
            }
            if is_due(users_at, users_may_be) {
                let users = self.marketo.all_users().await?;
                self.take_users(now, users.into_iter().map(|user| user.email.to_lowercase()).collect());
            }
            Ok(())
        };
        let trouble = fetched.await.err().map(|error: Error| {
            tracing::warn!(instance = %self.name, %error, "roles, workspaces or users cannot be fetched");
            Arc::new(error)
        });
        let is_good = trouble.is_none();
        self.known().trouble = trouble;
        self.changed.notify_waiters();
        is_good
    }

    async fn fetch_catalog(&self) -> Result<Catalog, Error> {
        Ok(catalog_of(self.marketo.roles().await?, self.marketo.workspaces().await?))
    }

    /// Takes in a list that was asked for at `asked_at`. It may lack the users that we created meanwhile, and
    /// for a while those that Marketo does not show yet.
    fn take_users(&self, asked_at: Timestamp, mut users: HashSet<String>) {
        let mut known = self.known();
        known.created.retain(|(at, _)| asked_at.duration_since(*at) < CREATED_SHOWS_WITHIN);
        users.extend(known.created.iter().map(|(_, email)| email.clone()));
        known.users = Some((asked_at, users));
    }

    fn known(&self) -> std::sync::MutexGuard<'_, InstanceState> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marketo's roles and workspaces in our terms.
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
