//! Enters at the start with which configuration the bot works.

use std::time::Duration;

use serde_json::Value;

use crate::{clock::Clock, config::Config, workflow::Workflow};

/// How long it takes until it is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// A configuration that is not entered yet, since the database takes nothing.
#[derive(Clone, Debug)]
pub(super) struct UnloggedConfiguration {
    engine: Workflow,
    fingerprint: Value,
}

/// Enters the configuration. A database that takes nothing does not keep the bot from starting: without it there is no
/// effect either.
pub(super) async fn enter(engine: &Workflow, config: &Config) -> Option<UnloggedConfiguration> {
    let fingerprint = config.fingerprint();
    match engine.log_configuration(&fingerprint).await {
        Ok(()) => None,
        Err(error) => {
            tracing::warn!(%error, "the configuration is not in the ledger yet");
            Some(UnloggedConfiguration { engine: engine.clone(), fingerprint })
        }
    }
}

impl UnloggedConfiguration {
    /// Enters it as soon as the database takes something.
    pub(super) async fn enters_soon(self, clock: &Clock) {
        while self.engine.log_configuration(&self.fingerprint).await.is_err() {
            clock.sleep(AGAIN).await;
        }
    }
}
