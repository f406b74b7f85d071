//! How many effects run at once. Slack and each Marketo instance have a loop and slots of their own, so that nothing on
//! Slack waits behind Marketo, and no instance behind another. One more loop runs what is left of instances that are no
//! longer configured, and heals what a clock that was set back left behind. A loop that only waits for a slot is alive.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{Work, Worker, WorkerDependencies};
use crate::{
    health::LivenessMark,
    store::{Resource, StoreError, with_timeout},
};

/// How many effects of a resource run at once.
const SLOTS: usize = 8;
/// How long to wait when nothing is known to be due: another replica may have added an effect.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How often a loop that waits for a slot shows that it is alive.
const LIVENESS_INTERVAL: Duration = Duration::from_secs(10);

/// The effects that one loop runs.
#[derive(Clone, Debug)]
enum Share {
    /// Those of one resource.
    Of(Resource),
    /// Those of every resource that is not among these.
    NotOf(Vec<Resource>),
}

impl Worker {
    /// Runs effects as they become due until `stop`, then finishes those that it has claimed.
    pub async fn run_until(self, stop: CancellationToken) {
        let mut loops = JoinSet::new();
        let mut wakers = Vec::new();
        for (name, share) in self.shares() {
            let waker = Arc::new(Notify::new());
            wakers.push(Arc::clone(&waker));
            let mark = self.0.health.worker_loop(&name);
            loops.spawn(self.clone().run_share(share, waker, mark, stop.clone()));
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.0.work.notified() => wakers.iter().for_each(|waker| waker.notify_one()),
            }
        }
        while loops.join_next().await.is_some() {}
    }

    /// The share of each loop, with its name for operators.
    fn shares(&self) -> Vec<(String, Share)> {
        let names: Vec<&str> = self.0.targets.iter().map(|target| target.instance.name()).collect();
        let instances: Vec<Resource> = names.iter().map(|name| Resource::instance(name)).collect();
        let known = std::iter::once(Resource::slack()).chain(instances.iter().cloned()).collect();
        let named = |(name, resource)| (format!("Marketo instance {name}"), Share::Of(resource));
        let mut shares = vec![("Slack".to_owned(), Share::Of(Resource::slack()))];
        shares.extend(names.iter().zip(instances).map(named));
        shares.push(("removed Marketo instances".to_owned(), Share::NotOf(known)));
        shares
    }

    async fn run_share(self, share: Share, waker: Arc<Notify>, mark: LivenessMark, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(SLOTS));
        let mut running = JoinSet::new();
        while !stop.is_cancelled() {
            while running.try_join_next().is_some() {}
            mark.set();
            let Some(slot) = self.wait_for_slot(&slots, &stop).await else { continue };
            match self.claim_share(&share).await {
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
                    self.wait_for_work(&share, &waker, &stop).await;
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

    /// A free slot; `None` if none became free for a while, or the process stops.
    async fn wait_for_slot(
        &self,
        slots: &Arc<Semaphore>,
        stop: &CancellationToken,
    ) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            () = stop.cancelled() => None,
            slot = Arc::clone(slots).acquire_owned() => slot.ok(),
            () = self.0.clock.sleep(LIVENESS_INTERVAL) => None,
        }
    }

    async fn claim_share(&self, share: &Share) -> Result<Work, StoreError> {
        let WorkerDependencies { workflow, clock, lease, .. } = &*self.0;
        let (store, now) = (workflow.store(), clock.now());
        if matches!(share, Share::Of(resource) if *resource == Resource::slack()) {
            match self.claim_message().await? {
                Work::Nothing => {}
                work => return Ok(work),
            }
        }
        let due = match share {
            Share::Of(resource) => vec![resource.clone()],
            Share::NotOf(known) => {
                if self.heal_after_clock_change().await? {
                    self.0.work.notify_one();
                }
                let mut due = with_timeout(store.due_resources(now)).await?;
                due.retain(|resource| !known.contains(resource));
                due
            }
        };
        for resource in due {
            let claim = store.claim_for(&resource, now, *lease, || clock.new_id());
            if let Some(claimed) = with_timeout(claim).await? {
                return Ok(Work::Effect(Box::new(claimed)));
            }
        }
        Ok(Work::Nothing)
    }

    async fn wait_for_work(&self, share: &Share, waker: &Notify, stop: &CancellationToken) {
        let WorkerDependencies { workflow, clock, .. } = &*self.0;
        let due = match share {
            Share::Of(resource) => with_timeout(workflow.store().next_due_for(resource)).await.ok().flatten(),
            Share::NotOf(_) => None,
        };
        let poll_at =
            clock.millis().saturating_add(i64::try_from(POLL_INTERVAL.as_millis()).unwrap_or(i64::MAX));
        let until = due.map_or(poll_at, |due| due.as_millisecond().min(poll_at));
        tokio::select! {
            () = stop.cancelled() => {}
            () = waker.notified() => {}
            () = clock.sleep_until(until) => {}
        }
    }
}
