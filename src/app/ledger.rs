//! Logs in the ledger, at the start, which configuration the bot runs with.

use std::time::Duration;

use serde_json::Value;

use crate::{clock::Clock, config::Config, workflow::Workflow};

const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// A configuration that is not in the ledger yet, because the database refuses writes.
#[derive(Clone, Debug)]
pub(super) struct UnloggedConfiguration {
    workflow: Workflow,
    fingerprint: Value,
}

/// Logs the configuration. If the database refuses writes, the bot starts nevertheless: without it no request changes
/// either. Returns what is still to be logged.
pub(super) async fn log_configuration(workflow: &Workflow, config: &Config) -> Option<UnloggedConfiguration> {
    let fingerprint = config.fingerprint();
    match workflow.log_configuration(&fingerprint).await {
        Ok(()) => None,
        Err(error) => {
            tracing::warn!(%error, "the configuration was not logged in the ledger; it will be retried");
            Some(UnloggedConfiguration { workflow: workflow.clone(), fingerprint })
        }
    }
}

impl UnloggedConfiguration {
    /// Retries until the configuration is logged.
    pub(super) async fn log_when_possible(self, clock: &Clock) {
        while self.workflow.log_configuration(&self.fingerprint).await.is_err() {
            clock.sleep(RETRY_INTERVAL).await;
        }
    }
}
