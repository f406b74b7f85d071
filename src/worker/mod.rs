//! Claims effects that are due, carries each out, and feeds the outcome back to the workflow.
//!
//! An effect is carried out under a lease and with no transaction open. Whatever happens to the process, the
//! effect comes back when its lease ends; what it may have done by then is looked up, never blindly repeated.
//! This module must not know of SQL or of HTTP requests, and it decides nothing about requests.

mod apply;
mod ledger_anchor;
mod membership;
mod post;
mod retry;
mod show;
mod thread;

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
    domain::{effect::Effect, event::Event, people::UserId},
    health::Health,
    marketo,
    slack::{client::Client, replies},
    store::{Claimed, Lease, StoreError, with_timeout},
    workflow::{CallOutcome, CompletionResult, EffectResult, RefusedAction, Workflow},
};

/// How many effects are carried out at once.
const MAX_CONCURRENT_EFFECTS: usize = 8;
/// How long the queue is left alone when nothing is known to be due: another replica may have added to it.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// What the worker is built from.
#[derive(Debug)]
pub struct WorkerDependencies {
    /// Loads, decides and saves.
    pub engine: Workflow,
    /// Time.
    pub clock: Clock,
    /// The Web API.
    pub slack: Client,
    /// Each Marketo instance.
    pub targets: Vec<InstanceTarget>,
    /// Who is in which group.
    pub people: Arc<MembershipCache>,
    /// The condition of the process.
    pub health: Arc<Health>,
    /// Notified when new effects are due.
    pub work: Arc<Notify>,
    /// How long after its last sign of life a worker's lane is taken over.
    pub lease: Duration,
    /// Where the head of the ledger is shown; absent: nowhere.
    pub anchoring: Option<LedgerAnchor>,
}

/// A Marketo instance on which changes are carried out.
#[derive(Debug)]
pub struct InstanceTarget {
    /// How to call it.
    pub marketo: marketo::Client,
    /// How a user id relates to an e-mail there.
    pub identity: marketo::Identity,
    /// What is known of it, its name included.
    pub instance: Arc<Instance>,
}

/// Carries effects out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Worker(Arc<WorkerDependencies>);

/// What is to be recorded of an effect, and the event that it leads to.
#[derive(Debug)]
struct Completion {
    settlement: EffectResult,
    event: Option<Event>,
    /// What became of the call that was made, if one was that changes something.
    called: Option<Box<CallOutcome>>,
}

impl Completion {
    fn quietly() -> Self {
        Self::of(EffectResult::Done, None)
    }

    fn with(event: Event) -> Self {
        Self::of(EffectResult::Done, Some(event))
    }

    fn of(settlement: EffectResult, event: Option<Event>) -> Self {
        Self { settlement, event, called: None }
    }
}

/// Why nothing is recorded of an effect.
enum EffectAborted {
    /// Another worker has taken over.
    LeaseLost,
    /// The database failed: the effect comes back when its lease ends.
    Store(StoreError),
}

impl From<StoreError> for EffectAborted {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Worker {
    /// A worker that does nothing until [`Worker::run_until`] or [`Worker::step`].
    pub fn new(parts: WorkerDependencies) -> Self {
        Self(Arc::new(parts))
    }

    /// Carries out one effect that is due; false if none is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&self) -> Result<bool, StoreError> {
        let Some(claimed) = self.claim().await? else { return Ok(false) };
        self.run(claimed).await;
        Ok(true)
    }

    /// Carries out what is due until `stop`, then finishes what it holds.
    pub async fn run_until(self, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(MAX_CONCURRENT_EFFECTS));
        let mut working = JoinSet::new();
        while !stop.is_cancelled() {
            while working.try_join_next().is_some() {}
            self.0.health.workers_alive();
            let place = tokio::select! {
                () = stop.cancelled() => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            match self.claim().await {
                Ok(Some(claimed)) => {
                    let this = self.clone();
                    working.spawn(async move {
                        this.run(claimed).await;
                        drop(place);
                    });
                }
                Ok(None) => {
                    drop(place);
                    self.wait_for_work(&stop).await;
                }
                Err(error) => {
                    drop(place);
                    tracing::error!(%error, "due effects cannot be claimed");
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = self.0.clock.sleep(POLL_INTERVAL) => {}
                    }
                }
            }
        }
        while working.join_next().await.is_some() {}
    }

    async fn wait_for_work(&self, stop: &CancellationToken) {
        let due = with_timeout(self.0.engine.store().next_due()).await.ok().flatten();
        let look = self
            .0
            .clock
            .millis()
            .saturating_add(i64::try_from(POLL_INTERVAL.as_millis()).unwrap_or(i64::MAX));
        let until = due.map_or(look, |due| due.as_millisecond().min(look));
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.0.work.notified() => {}
            () = self.0.clock.sleep_until(until) => {}
        }
    }

    async fn claim(&self) -> Result<Option<Claimed>, StoreError> {
        let WorkerDependencies { engine, clock, lease, .. } = &*self.0;
        with_timeout(engine.store().claim(clock.now(), *lease, || clock.new_id())).await
    }

    async fn run(&self, claimed: Claimed) {
        let effect = claimed.effect.effect.name();
        let request = claimed.request.id.clone();
        let carried_out = tokio::select! {
            carried_out = self.effect(&claimed) => carried_out,
            () = self.renew_lease(&claimed.lease) => Err(EffectAborted::LeaseLost),
        };
        let outcome = match carried_out {
            Ok(done) => self.complete(&claimed, done).await,
            Err(stop) => Err(stop),
        };
        let result = match outcome {
            Ok(result) => result,
            Err(EffectAborted::LeaseLost) => {
                tracing::warn!(%request, effect, "another worker has taken over");
                "lease_lost"
            }
            Err(EffectAborted::Store(error)) => {
                tracing::error!(%request, effect, %error, "the outcome could not be recorded; it will be looked up");
                "store_failed"
            }
        };
        metrics::counter!("effects_total", "effect" => effect, "result" => result).increment(1);
    }

    /// Keeps a lease alive for as long as its effect takes, and ends when it is lost, or cannot be kept any longer: then
    /// the call under way must end, before another worker begins.
    async fn renew_lease(&self, lease: &Lease) {
        let WorkerDependencies { engine, clock, lease: lease_for, .. } = &*self.0;
        let mut kept_at = clock.now();
        loop {
            clock.sleep(*lease_for / 3).await;
            let now = clock.now();
            match engine.store().renew(lease, now, *lease_for).await {
                Ok(true) => kept_at = now,
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "a lease could not be renewed");
                    if retry::after(kept_at, *lease_for * 2 / 3) <= now {
                        return;
                    }
                }
            }
        }
    }

    async fn effect(&self, claimed: &Claimed) -> Result<Completion, EffectAborted> {
        match &claimed.effect.effect {
            Effect::Apply { change, attempted_at } => self.apply(claimed, change, *attempted_at).await,
            Effect::ShowCard => self.show_card(claimed).await,
            Effect::ShowRequester => self.show_requester(claimed).await,
            Effect::Announce => self.announce(claimed).await,
            Effect::TellOutcome => self.tell_outcome(claimed).await,
            Effect::Remind { sent } => self.remind(claimed, *sent).await,
            Effect::TimeOut => Ok(Completion::with(Event::DecisionTimedOut)),
            Effect::Escalate => Ok(Completion::with(Event::EscalationDue)),
            Effect::Note { note } => self.note(claimed, note).await,
            Effect::CheckMembership { by, action: press, .. } => {
                self.check_membership(claimed, by, press).await
            }
        }
    }

    async fn complete(&self, claimed: &Claimed, done: Completion) -> Result<&'static str, EffectAborted> {
        let (request, effect) = (&claimed.request.id, claimed.effect.effect.name());
        let result = match &done.settlement {
            EffectResult::Done => "done",
            EffectResult::Postponed { error, due_at, .. } => {
                tracing::warn!(%request, effect, attempts = claimed.effect.attempts, %due_at, %error, "put off");
                "later"
            }
            EffectResult::DeadLetter { error } => {
                tracing::error!(%request, effect, attempts = claimed.effect.attempts, %error, "given up");
                "buried"
            }
        };
        let Completion { settlement, event, called } = done;
        match self.0.engine.complete_call(claimed, called.as_deref(), settlement, event.as_ref()).await? {
            CompletionResult::LeaseLost => Err(EffectAborted::LeaseLost),
            CompletionResult::Recorded(refused) => {
                if let (Some(refused), Effect::CheckMembership { by, answer_in, .. }) =
                    (refused, &claimed.effect.effect)
                {
                    self.post_refusal(answer_in.as_str(), by, &refused).await;
                }
                Ok(result)
            }
        }
    }

    /// Tells whoever pressed why it counts for nothing. Best effort.
    async fn post_refusal(&self, channel: &str, user: &UserId, refused: &RefusedAction) {
        let message = replies::refusal(&refused.why, &refused.approvers, user);
        if let Err(error) = self.0.slack.post_ephemeral(&channel.into(), user, &message).await {
            tracing::warn!(%channel, %error, "somebody could not be told");
        }
    }
}
