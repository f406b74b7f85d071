//! Reads an instance again when what is known of it is too old. Replicas read for each other: what one has read lately, the
//! others take from the database.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};

use super::{Instance, USERS_MAX_AGE_AT_MODAL, catalog_of, pace, user_list::Addresses};
use crate::{
    clock::is_recent,
    domain::catalog::Catalog,
    marketo::Error,
    store::{ListKey, SharedList, Store, StoreError},
};

/// How often ages are checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(15);
/// How long reading a list may take before another replica reads it.
const CLAIM: Duration = Duration::from_secs(60);
/// How soon a replica looks for what another one is reading while somebody waits.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The names of the lists.
const CATALOG: &str = "catalog";
const USERS: &str = "users";
const LISTS: [&str; 2] = [CATALOG, USERS];

/// How a refresh ended.
enum Refreshed {
    /// Everything is young enough.
    Complete,
    /// Another replica is reading, or has failed to read lately.
    Elsewhere,
    /// Marketo could not be read, and is left alone for this long.
    Failed(Duration),
}

/// How a single list was read.
enum Read<T> {
    /// By this replica or another one, requested at this time.
    At(Timestamp, T),
    /// Another replica is reading it.
    Elsewhere,
}

impl Instance {
    /// Refreshes what is too old. Never returns.
    pub async fn keep_fresh(&self) {
        let mut is_requested = false;
        loop {
            let pause = match self.refresh(is_requested).await {
                Refreshed::Complete => CHECK_INTERVAL,
                Refreshed::Elsewhere if is_requested => LOOK_AGAIN,
                Refreshed::Elsewhere => CHECK_INTERVAL,
                Refreshed::Failed(pause) => pause,
            };
            is_requested = tokio::select! {
                () = self.clock.sleep(pause) => false,
                () = self.refresh_requested.notified() => true,
            };
        }
    }

    /// Fetches what is missing or too old.
    async fn refresh(&self, is_requested: bool) -> Refreshed {
        let now = self.clock.now();
        let (catalog_at, users_at) = {
            let state = self.state();
            (state.catalog.as_ref().map(|(at, _)| *at), state.users.read_at())
        };
        let idle_time = self.idle_time();
        let users_max_age = if is_requested { USERS_MAX_AGE_AT_MODAL } else { pace::USERS.after(idle_time) };
        let is_due = |at: Option<Timestamp>, max_age: SignedDuration| {
            at.is_none_or(|at| now.duration_since(at) >= max_age || !is_recent(at, now, max_age))
        };
        let mut is_complete = true;
        let fetch = async {
            let max_age = pace::CATALOG.after(idle_time);
            if is_due(catalog_at, max_age) {
                match self.read(CATALOG, max_age, is_requested, self.fetch_catalog()).await? {
                    Read::At(at, catalog) => {
                        self.state().catalog = Some((at, Arc::new(catalog)));
                        self.changed.notify_waiters();
                    }
                    Read::Elsewhere => is_complete = false,
                }
            }
            if is_due(users_at, users_max_age) {
                let users = async { Ok(Addresses::of(&self.marketo.all_users().await?)) };
                match self.read(USERS, users_max_age, is_requested, users).await? {
                    Read::At(at, addresses) => self.state().users.replace(at, addresses),
                    Read::Elsewhere => is_complete = false,
                }
            }
            Ok(())
        };
        let failed = fetch.await.err().map(|error: Error| {
            tracing::warn!(instance = %self.name, %error, "roles, workspaces or users were not fetched");
            error
        });
        let refreshed = match failed {
            Some(error) => Refreshed::Failed(self.record_failure(error, now).await),
            None if is_complete => {
                let mut state = self.state();
                (state.last_error, state.last_failed_at, state.failures) = (None, None, 0);
                Refreshed::Complete
            }
            None => Refreshed::Elsewhere,
        };
        self.changed.notify_waiters();
        refreshed
    }

    /// Remembers an error. Returns for how long Marketo is left alone, by all replicas.
    async fn record_failure(&self, error: Error, now: Timestamp) -> Duration {
        let (pause, failures) = {
            let mut state = self.state();
            state.failures = state.failures.saturating_add(1);
            let pause = pace::pause_after(&error, state.failures, now);
            (state.last_error, state.last_failed_at) = (Some(Arc::new(error)), Some(now));
            (pause, state.failures)
        };
        if let Some(store) = &self.replicas {
            for list in LISTS {
                if let Err(error) = store.leave_list(self.key(list), now, pause, failures).await {
                    tracing::warn!(instance = %self.name, %error, "other replicas do not know that Marketo fails");
                }
            }
        }
        pause
    }

    async fn fetch_catalog(&self) -> Result<Catalog, Error> {
        Ok(catalog_of(self.marketo.roles().await?, self.marketo.workspaces().await?))
    }

    /// Reads a list that is older than `max_age`: what another replica has read since, or else Marketo.
    async fn read<T: Serialize + DeserializeOwned>(
        &self,
        list: &'static str,
        max_age: SignedDuration,
        is_requested: bool,
        fetch: impl Future<Output = Result<T, Error>>,
    ) -> Result<Read<T>, Error> {
        let now = self.clock.now();
        let Some(store) = &self.replicas else { return Ok(Read::At(now, fetch.await?)) };
        // A database that fails does not keep the bot from reading Marketo itself.
        match self.read_shared(store, list, max_age, is_requested).await {
            Ok(Some(read)) => return Ok(read),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(instance = %self.name, %error, "what other replicas have read is not available");
            }
        }
        let content = fetch.await?;
        if let Ok(text) = serde_json::to_string(&content) {
            let shared = SharedList { read_at: now, content: text };
            if let Err(error) = store.save_list(self.key(list), &shared).await {
                tracing::warn!(instance = %self.name, %error, "what was read is not available to other replicas");
            }
        }
        Ok(Read::At(now, content))
    }

    /// What another replica has read or is reading; `None` if this one has to read.
    async fn read_shared<T: DeserializeOwned>(
        &self,
        store: &Store,
        list: &'static str,
        max_age: SignedDuration,
        is_requested: bool,
    ) -> Result<Option<Read<T>>, StoreError> {
        let (key, now) = (self.key(list), self.clock.now());
        let shared = store.shared_list(key).await?;
        let shared = shared.filter(|shared| is_recent(shared.read_at, now, max_age));
        if let Some(SharedList { read_at, content }) = shared
            && let Ok(content) = serde_json::from_str(&content)
        {
            return Ok(Some(Read::At(read_at, content)));
        }
        // Somebody waits, and it failed the last time; or nothing can be served yet. Then what another replica is about to do,
        // or was when it died, is no reason to wait.
        let is_forced = (is_requested && self.last_error().is_some()) || !self.is_loaded();
        match store.claim_list(key, now, CLAIM, is_forced).await? {
            Some(failures) => {
                let mut state = self.state();
                state.failures = state.failures.max(failures);
                Ok(None)
            }
            None => Ok(Some(Read::Elsewhere)),
        }
    }

    fn key(&self, list: &'static str) -> ListKey<'_> {
        ListKey { instance: &self.address, list }
    }
}
