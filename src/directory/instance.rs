//! A cache of one Marketo instance: its roles, workspaces and users. Once fetched, they are served at any age, and
//! refreshed in the background by `refresh`.

mod pace;
mod refresh;
mod user_list;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

pub use self::user_list::AddressUse;
use self::user_list::UserList;
use crate::{
    clock::{Clock, is_recent},
    domain::{
        catalog::{Catalog, Role},
        change::Named,
        text::Email,
    },
    marketo::{self, Client, Error},
    store::Store,
};

/// How old the users may be when a modal opens.
const USERS_MAX_AGE_AT_MODAL: SignedDuration = SignedDuration::from_secs(30);

#[derive(Default)]
struct InstanceState {
    catalog: Option<(Timestamp, Arc<Catalog>)>,
    users: UserList,
    last_error: Option<Arc<Error>>,
    last_failed_at: Option<Timestamp>,
    /// How many reads in a row have failed, on any replica.
    failures: u32,
}

/// The cache of one instance.
pub struct Instance {
    name: String,
    /// The base URL, by which replicas know the instance.
    address: String,
    marketo: Client,
    clock: Clock,
    /// The database, if replicas share it.
    replicas: Option<Store>,
    state: Mutex<InstanceState>,
    /// When somebody last used the bot, in monotonic milliseconds.
    used_at: AtomicI64,
    refresh_requested: Notify,
    changed: Notify,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Instance({})", self.name)
    }
}

impl Instance {
    /// An empty cache of the instance at the base URL `address`. [`Instance::keep_fresh`] fills it. If replicas use
    /// `store`, they read for each other.
    pub fn new(name: String, address: String, marketo: Client, clock: Clock, store: &Store) -> Self {
        let replicas = store.is_shared().then(|| store.clone());
        let used_at = AtomicI64::new(clock.monotonic_millis());
        let (refresh_requested, changed) = (Notify::new(), Notify::new());
        let state = Mutex::default();
        Self { name, address, marketo, clock, replicas, state, used_at, refresh_requested, changed }
    }

    /// The instance's name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The roles and workspaces, if they were ever fetched.
    pub fn catalog(&self) -> Option<Arc<Catalog>> {
        self.state().catalog.as_ref().map(|(_, catalog)| Arc::clone(catalog))
    }

    /// What a user of the instance is known to use this email for; `None` if it is free as far as is known.
    pub fn address_use(&self, email: &Email) -> Option<AddressUse> {
        self.state().users.address_use(&email.key())
    }

    /// Whether the catalog and the users were fetched at least once.
    pub fn is_loaded(&self) -> bool {
        let state = self.state();
        state.catalog.is_some() && state.users.read_at().is_some()
    }

    /// Why the last refresh failed, if it did.
    pub fn last_error(&self) -> Option<Arc<Error>> {
        self.state().last_error.clone()
    }

    /// The error of the last refresh, if it needs an admin: Marketo rejected the credentials or denied a permission.
    pub fn access_error(&self) -> Option<Arc<Error>> {
        self.last_error().filter(|error| pace::is_locked_out(error))
    }

    /// Adds a user that was just created. `is_listed`: Marketo lists it already.
    pub fn add_user(&self, email: &Email, is_listed: bool) {
        self.state().users.add(self.clock.now(), &email.key(), is_listed);
    }

    /// Requests a refresh of the users unless they are recent. For when a modal opens.
    pub fn request_refresh(&self) {
        self.used_at.store(self.clock.monotonic_millis(), Ordering::Relaxed);
        let now = self.clock.now();
        let is_recent = |at: Timestamp| is_recent(at, now, USERS_MAX_AGE_AT_MODAL);
        if !self.state().users.read_at().is_some_and(is_recent) {
            self.look_now();
        }
    }

    /// Looks again at once if the last refresh failed. For when somebody says that the cause is fixed.
    pub fn look_again(&self) {
        if self.last_error().is_some() {
            self.look_now();
        }
    }

    /// Wakes [`Instance::keep_fresh`], unless it was refused access just now: each refusal notifies Marketo's admins.
    fn look_now(&self) {
        let now = self.clock.now();
        let was_refused = self.access_error().is_some()
            && self.state().last_failed_at.is_some_and(|at| is_recent(at, now, USERS_MAX_AGE_AT_MODAL));
        if !was_refused {
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

    /// For how long nobody has used the bot.
    fn idle_time(&self) -> SignedDuration {
        let used_at = self.used_at.load(Ordering::Relaxed);
        SignedDuration::from_millis(self.clock.monotonic_millis().saturating_sub(used_at).max(0))
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
