//! Claims effects that are due, runs them, and hands the results to the workflow.
//!
//! An effect runs under a lease and outside any transaction. If the process dies, the effect comes back when its lease
//! expires; what it may have done by then is looked up, never blindly repeated. How each effect runs is in `effects`, and
//! how many run at once in `slots`.
//!
//! This module must not know of SQL or of HTTP requests, and it decides nothing about requests.

mod effects;
mod execution;
mod ledger_anchor;
mod posting;
mod retry;
mod slots;

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;

pub use self::ledger_anchor::LedgerAnchor;
use crate::{
    clock::Clock,
    directory::{instance::Instance, membership::MembershipCache},
    health::Health,
    marketo,
    slack::client::Client,
    store::{Claimed, StoreError, with_timeout},
    workflow::Workflow,
};

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

    /// Runs one effect that is due; false if none is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&self) -> Result<bool, StoreError> {
        let Some(claimed) = self.claim().await? else { return Ok(false) };
        self.run(claimed).await;
        Ok(true)
    }

    async fn claim(&self) -> Result<Option<Claimed>, StoreError> {
        let WorkerDependencies { workflow, clock, lease, .. } = &*self.0;
        with_timeout(workflow.store().claim(clock.now(), *lease, || clock.new_id())).await
    }
}
