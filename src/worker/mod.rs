//! Claims effects that are due, runs them, and hands the results to the workflow.
//!
//! An effect runs under a lease and outside any transaction. If the process dies, the effect comes back when its lease
//! expires; what it may have done by then is looked up, never blindly repeated. How each effect runs is in `effects`.
//!
//! This module must not know of SQL or of HTTP requests, and it decides nothing about requests.

mod effects;
mod execution;
mod ledger_anchor;
mod messages;
mod retry;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

pub use self::ledger_anchor::LedgerAnchor;
use crate::{
    clock::Clock,
    directory::{instance::Instance, membership::MembershipCache},
    health::Health,
    marketo,
    slack::client::Client,
    store::{Claimed, ClaimedMessage, StoreError, with_timeout},
    workflow::Workflow,
};

/// How many effects run at once.
const MAX_CONCURRENT_EFFECTS: usize = 8;
/// How long to wait when nothing is known to be due: another replica may have added an effect.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// What the worker is built from.
#[derive(Debug)]
pub struct WorkerDependencies {
    /// Loads, decides and saves.
    pub workflow: Workflow,
    /// The time.
    pub clock: Clock,
    /// Slack's Web API.
    pub slack: Client,
    /// The Marketo instances.
    pub targets: Vec<InstanceTarget>,
    /// The members of groups.
    pub membership: Arc<MembershipCache>,
    /// The condition of the process.
    pub health: Arc<Health>,
    /// Notified when new effects are due.
    pub work: Arc<Notify>,
    /// How long a lease lasts without being renewed.
    pub lease: Duration,
    /// Where the head of the ledger is posted; `None`: nowhere.
    pub ledger_anchor: Option<LedgerAnchor>,
}

/// A Marketo instance to which changes are applied.
#[derive(Debug)]
pub struct InstanceTarget {
    /// The instance's REST client.
    pub marketo: marketo::Client,
    /// How the instance's user ids relate to emails.
    pub identity: marketo::Identity,
    /// What is known of the instance, its name included.
    pub instance: Arc<Instance>,
}

/// Runs effects. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Worker(Arc<WorkerDependencies>);

impl Worker {
    /// A worker that does nothing until [`Worker::run_until`] or [`Worker::step`].
    pub fn new(dependencies: WorkerDependencies) -> Self {
        Self(Arc::new(dependencies))
    }

    /// Does one thing that is due; false if nothing is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&self) -> Result<bool, StoreError> {
        match self.claim().await? {
            Work::Nothing => return Ok(false),
            Work::Done => {}
            Work::Message(claimed) => self.run_message(*claimed).await,
            Work::Effect(claimed) => self.run(*claimed).await,
        }
        Ok(true)
    }

    /// Runs effects as they become due until `stop`, then finishes those that it has claimed.
    pub async fn run_until(self, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(MAX_CONCURRENT_EFFECTS));
        let mut running = JoinSet::new();
        while !stop.is_cancelled() {
            while running.try_join_next().is_some() {}
            self.0.health.workers_alive();
            let slot = tokio::select! {
                () = stop.cancelled() => break,
                slot = Arc::clone(&slots).acquire_owned() => slot,
            };
            match self.claim().await {
                Ok(Work::Message(claimed)) => {
                    let this = self.clone();
                    running.spawn(async move {
                        this.run_message(*claimed).await;
                        drop(slot);
                    });
                }
                Ok(Work::Effect(claimed)) => {
                    let this = self.clone();
                    running.spawn(async move {
                        this.run(*claimed).await;
                        drop(slot);
                    });
                }
                Ok(Work::Done) => {}
                Ok(Work::Nothing) => {
                    drop(slot);
                    self.wait_for_work(&stop).await;
                }
                Err(error) => {
                    drop(slot);
                    tracing::error!(%error, "due effects cannot be claimed");
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = self.0.clock.sleep(POLL_INTERVAL) => {}
                    }
                }
            }
        }
        while running.join_next().await.is_some() {}
    }

    async fn wait_for_work(&self, stop: &CancellationToken) {
        let due = with_timeout(self.0.workflow.store().next_due()).await.ok().flatten();
        let poll_at = self
            .0
            .clock
            .millis()
            .saturating_add(i64::try_from(POLL_INTERVAL.as_millis()).unwrap_or(i64::MAX));
        let until = due.map_or(poll_at, |due| due.as_millisecond().min(poll_at));
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.0.work.notified() => {}
            () = self.0.clock.sleep_until(until) => {}
        }
    }

    /// Claims what is due: messages first, so that people see a decision at once. A wake-up needs no call and is done here.
    async fn claim(&self) -> Result<Work, StoreError> {
        let WorkerDependencies { workflow, clock, lease, .. } = &*self.0;
        let (store, now) = (workflow.store(), clock.now());
        if let Some(message) = with_timeout(store.claim_message(now, *lease, || clock.new_id())).await? {
            return Ok(Work::Message(Box::new(message)));
        }
        if workflow.wake_next().await? {
            return Ok(Work::Done);
        }
        let effect = with_timeout(store.claim(now, *lease, || clock.new_id())).await?;
        Ok(effect.map_or(Work::Nothing, |effect| Work::Effect(Box::new(effect))))
    }
}

/// What is due.
enum Work {
    Message(Box<ClaimedMessage>),
    Effect(Box<Claimed>),
    /// It was done while it was claimed.
    Done,
    Nothing,
}
