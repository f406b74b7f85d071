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
mod messages;
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
    store::{Claimed, ClaimedMessage, StoreError, with_timeout},
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

    /// Does one thing that is due; false if nothing is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&self) -> Result<bool, StoreError> {
        match self.claim().await? {
            Work::Nothing => return self.heal_after_clock_change().await,
            Work::Done => {}
            Work::Message(claimed) => self.run_message(*claimed).await,
            Work::Effect(claimed) => self.run(*claimed).await,
        }
        Ok(true)
    }

    async fn heal_after_clock_change(&self) -> Result<bool, StoreError> {
        let WorkerDependencies { workflow, clock, lease, .. } = &*self.0;
        let is_healed = with_timeout(workflow.store().heal_after_clock_change(clock.now(), *lease)).await?;
        if is_healed {
            tracing::warn!("the clock was set back; what was scheduled by it is rescheduled");
        }
        Ok(is_healed)
    }

    /// Claims what is due, of any resource.
    async fn claim(&self) -> Result<Work, StoreError> {
        match self.claim_message().await? {
            Work::Nothing => {}
            work => return Ok(work),
        }
        let WorkerDependencies { workflow, clock, lease, .. } = &*self.0;
        let effect = with_timeout(workflow.store().claim(clock.now(), *lease, || clock.new_id())).await?;
        Ok(effect.map_or(Work::Nothing, |effect| Work::Effect(Box::new(effect))))
    }

    /// Claims a message that is due, before everything else: people see a decision at once. A wake-up needs no call and is
    /// done here.
    async fn claim_message(&self) -> Result<Work, StoreError> {
        let WorkerDependencies { workflow, clock, lease, .. } = &*self.0;
        let claim = workflow.store().claim_message(clock.now(), *lease, || clock.new_id());
        if let Some(message) = with_timeout(claim).await? {
            return Ok(Work::Message(Box::new(message)));
        }
        Ok(if workflow.wake_next().await? { Work::Done } else { Work::Nothing })
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
