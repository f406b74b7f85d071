//! Runs one claimed effect: renews its lease while it runs, then records the result under it.

use tracing::Instrument;

use super::{Worker, WorkerDependencies};
use crate::{
    domain::{effect::Effect, event::Event},
    slack::replies,
    store::{Claimed, Lease, StoreError},
    workflow::{CallOutcome, CompletionResult, EffectResult},
};

/// How an effect ended: its result, and the event that it leads to.
#[derive(Debug)]
pub(super) struct Completion {
    pub(super) result: EffectResult,
    pub(super) event: Option<Event>,
    /// The outcome of the call to Marketo, if one was made that changes something.
    pub(super) call: Option<Box<CallOutcome>>,
}

impl Completion {
    /// Done, and nothing follows.
    pub(super) fn done() -> Self {
        Self::of(EffectResult::Done, None)
    }

    /// Done, with an event.
    pub(super) fn with_event(event: Event) -> Self {
        Self::of(EffectResult::Done, Some(event))
    }

    pub(super) fn of(result: EffectResult, event: Option<Event>) -> Self {
        Self { result, event, call: None }
    }
}

/// Why no result of an effect is recorded.
pub(super) enum EffectAborted {
    /// Another worker has the lease now.
    LeaseLost,
    /// The database failed: the effect comes back when its lease expires.
    Store(StoreError),
}

impl EffectAborted {
    /// Logs it, and returns its name for metrics.
    pub(super) fn log(self) -> &'static str {
        match self {
            Self::LeaseLost => {
                tracing::warn!("another worker has taken over");
                "lease_lost"
            }
            Self::Store(error) => {
                tracing::error!(%error, "the result could not be recorded; it will be looked up");
                "store_failed"
            }
        }
    }
}

impl From<StoreError> for EffectAborted {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Worker {
    /// Runs a claimed effect in a span that gives every log line the request, the effect and the attempt.
    pub(super) async fn run(&self, claimed: Claimed) {
        let effect = claimed.effect.effect.name();
        let (request, attempt) = (&claimed.request.id, claimed.effect.attempts);
        let span = tracing::info_span!("effect", %request, effect, attempt);
        let result = self.execute(&claimed).instrument(span).await;
        metrics::counter!("effects_total", "effect" => effect, "result" => result).increment(1);
    }

    /// Runs an effect under its lease and records its result, whose name is returned.
    async fn execute(&self, claimed: &Claimed) -> &'static str {
        let completion = tokio::select! {
            completion = self.run_effect(claimed) => completion,
            () = self.renew_lease(&claimed.lease) => Err(EffectAborted::LeaseLost),
        };
        let recorded = match completion {
            Ok(completion) => self.complete(claimed, completion).await,
            Err(aborted) => Err(aborted),
        };
        recorded.unwrap_or_else(|aborted| aborted.log())
    }

    /// Renews a lease until it is lost or can no longer be renewed in time. Then the running call has to end before
    /// another worker starts.
    pub(super) async fn renew_lease(&self, lease: &Lease) {
        let WorkerDependencies { workflow, clock, lease: duration, .. } = &*self.0;
        let mut renewed_at = clock.monotonic_millis();
        let limit = i64::try_from((*duration * 2 / 3).as_millis()).unwrap_or(i64::MAX);
        loop {
            clock.sleep(*duration / 3).await;
            let (now, monotonic) = (clock.now(), clock.monotonic_millis());
            match workflow.store().renew(lease, now, *duration).await {
                Ok(true) => renewed_at = monotonic,
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "the lease could not be renewed");
                    if monotonic - renewed_at >= limit || !lease.is_held(now, *duration) {
                        return;
                    }
                }
            }
        }
    }

    async fn complete(
        &self,
        claimed: &Claimed,
        completion: Completion,
    ) -> Result<&'static str, EffectAborted> {
        let Completion { result, event, call } = completion;
        let name = match &result {
            EffectResult::Done => "done",
            EffectResult::Postponed { error, due_at, .. } => {
                tracing::warn!(%due_at, %error, "effect postponed");
                "later"
            }
        };
        match self.0.workflow.complete_call(claimed, call.as_deref(), result, event.as_ref()).await? {
            CompletionResult::LeaseLost => Err(EffectAborted::LeaseLost),
            CompletionResult::Recorded(refused) => {
                if let (Some(refused), Effect::CheckMembership { by, answer_in, answer_url, .. }) =
                    (refused, &claimed.effect.effect)
                {
                    let message = replies::refusal(&refused.why, &refused.approvers, by);
                    self.0.slack.tell(answer_in, by, answer_url, &message).await;
                }
                Ok(name)
            }
        }
    }
}
