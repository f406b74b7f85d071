//! What handlers work with: the workflow, what is known without asking anybody, Slack's Web API, and time. It must not
//! know what is handled, nor by which door it came.

use std::{ops::Deref, sync::Arc, time::Duration};

use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::memory::{LatestSelects, UsageCache};
use crate::{
    clock::Clock,
    directory::{
        instances::Instances,
        membership::{MembershipCache, ServedTeams},
    },
    domain::delivery::{AckRecord, DeliveryKey},
    health::Health,
    slack::client::Client,
    workflow::{ActionCommand, ActionOutcome, RefusedAction, StoreError, Workflow},
};

/// How long the background may take before a modal must open: its trigger dies after 3 s.
pub(super) const BEFORE_MODAL: Duration = Duration::from_millis(1_500);

/// How long a form that opened empty waits for the roles.
pub(super) const FILL_WITHIN: Duration = Duration::from_secs(20);

/// How long an ack may take that waits for the database. Slack waits for 3 s.
pub(super) const ACK_WITHIN: Duration = Duration::from_millis(2_500);

/// What handlers are built from.
#[derive(Debug)]
pub struct Dependencies {
    /// Loads, decides and saves.
    pub workflow: Workflow,
    /// Time.
    pub clock: Clock,
    /// Who is in which group.
    pub people: Arc<MembershipCache>,
    /// What the Marketo instances have.
    pub instances: Instances,
    /// The Web API.
    pub slack: Client,
    /// The condition of the process.
    pub health: Arc<Health>,
    /// Work that an ack does not wait for.
    pub tasks: TaskTracker,
    /// The served workspaces, once known.
    pub teams: ServedTeams,
    /// The app's id; absent: not checked.
    pub app_id: Option<String>,
}

/// The dependencies, and what handlers remember in this process. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct AppState(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dependencies: Dependencies,
    selects: LatestSelects,
    usage: UsageCache,
}

impl Deref for AppState {
    type Target = Dependencies;

    fn deref(&self) -> &Dependencies {
        &self.0.dependencies
    }
}

impl AppState {
    /// A state in which nothing is remembered yet.
    pub(super) fn new(dependencies: Dependencies) -> Self {
        let (selects, usage) = (LatestSelects::default(), UsageCache::default());
        Self(Arc::new(Inner { dependencies, selects, usage }))
    }

    pub(super) fn selects(&self) -> &LatestSelects {
        &self.0.selects
    }

    pub(super) fn usage(&self) -> &UsageCache {
        &self.0.usage
    }

    /// Starts work that the ack does not wait for, and a shutdown does. Its log lines belong to the delivery.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work.in_current_span());
    }

    /// Records a delivery that saves nothing else, and whether it is to be acted on: not where whichever replica got it
    /// before. Where that cannot be told in time, it is acted on.
    pub(super) async fn proceeds(&self, key: Option<DeliveryKey>) -> bool {
        let Some(key) = key else { return true };
        let recording = self.workflow.record_delivery(&key, &AckRecord::Empty);
        match tokio::time::timeout(BEFORE_MODAL, recording).await {
            Ok(Ok(first)) => return first.is_none(),
            Ok(Err(error)) => tracing::warn!(%error, "a delivery cannot be recorded; it may be a repeat"),
            Err(_) => tracing::warn!("a delivery could not be recorded in time; it may be a repeat"),
        }
        true
    }

    /// As [`Workflow::handle_form_action`], in time for an ack. A press that times out may still be saved.
    pub(super) async fn press(
        &self,
        pressed: ActionCommand,
        errors: impl FnOnce(&RefusedAction) -> Option<AckRecord> + Send,
    ) -> Result<ActionOutcome, StoreError> {
        tracing::Span::current().record("request", pressed.request.as_str());
        let pressing = tokio::time::timeout(ACK_WITHIN, self.workflow.handle_form_action(pressed, errors));
        pressing.await.unwrap_or(Err(StoreError::TimedOut))
    }
}
