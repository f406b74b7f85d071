//! What handlers work with: the workflow, the cached directory, Slack's Web API, and time. It must not know the kinds of
//! deliveries, nor the transport.

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

/// The timeout of lookups before a modal opens. Its trigger expires after 3 s.
pub(super) const PRE_MODAL_TIMEOUT: Duration = Duration::from_millis(1_500);

/// How long a form that opened without roles waits for a catalog.
pub(super) const CATALOG_TIMEOUT: Duration = Duration::from_secs(20);

/// The timeout of an ack that waits for the database. Slack waits 3 s.
pub(super) const ACK_TIMEOUT: Duration = Duration::from_millis(2_500);

/// What handlers are built from.
#[derive(Debug)]
pub struct Dependencies {
    /// Loads, decides and saves.
    pub workflow: Workflow,
    /// Wall clock and ids.
    pub clock: Clock,
    /// Cached group members and user profiles.
    pub membership: Arc<MembershipCache>,
    /// The Marketo instances, with their cached catalogs and users.
    pub instances: Instances,
    /// Slack's Web API.
    pub slack: Client,
    /// The health of the process.
    pub health: Arc<Health>,
    /// Background work, which a shutdown waits for.
    pub tasks: TaskTracker,
    /// The served workspaces, once known.
    pub teams: ServedTeams,
    /// The app's id; `None`: not checked.
    pub app_id: Option<String>,
}

/// The dependencies and the in-memory state of the handlers. Cheap to clone.
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
    /// A state with empty caches.
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

    /// Spawns background work in the delivery's span. A shutdown waits for it.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work.in_current_span());
    }

    /// Records a delivery that saves nothing else. False if this or another replica has recorded it before. True if the
    /// database does not answer in time.
    pub(super) async fn claim_delivery(&self, key: Option<DeliveryKey>) -> bool {
        let Some(key) = key else { return true };
        let recording = self.workflow.record_delivery(&key, &AckRecord::Empty);
        match tokio::time::timeout(PRE_MODAL_TIMEOUT, recording).await {
            Ok(Ok(first)) => return first.is_none(),
            Ok(Err(error)) => tracing::warn!(%error, "delivery not recorded; it may be a repeat"),
            Err(_) => tracing::warn!("recording a delivery timed out; it may be a repeat"),
        }
        true
    }

    /// [`Workflow::handle_form_action`], with a timeout. A timed-out action may still commit.
    pub(super) async fn run_action(
        &self,
        command: ActionCommand,
        errors: impl FnOnce(&RefusedAction) -> Option<AckRecord> + Send,
    ) -> Result<ActionOutcome, StoreError> {
        tracing::Span::current().record("request", command.request.as_str());
        let running = tokio::time::timeout(ACK_TIMEOUT, self.workflow.handle_form_action(command, errors));
        running.await.unwrap_or(Err(StoreError::TimedOut))
    }
}
