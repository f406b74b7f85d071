//! Refused actions in the ledger: one entry each, and beyond a limit for each person and minute one with their number, so
//! that nobody can fill the ledger with clicks that do nothing.

use serde_json::{Value, json};

use super::{StoreError, Workflow, audit_log::no_request};
use crate::{
    domain::people::{RequestId, UserId},
    store::{Tx, with_timeout},
};

/// The name of the ledger entry.
const REFUSED: &str = "refused";

impl Workflow {
    /// Logs a refusal, or only counts it.
    pub(super) async fn log_refusal(
        &self,
        tx: &mut Tx,
        request: &RequestId,
        by: &UserId,
        body: &Value,
    ) -> Result<(), StoreError> {
        if self.max_refusals > 0 {
            let refusals = tx.count_refusal(by, self.clock.now()).await?;
            if let Some(ended) = refusals.ended {
                self.log_excess(tx, by, ended).await?;
            }
            if refusals.now > self.max_refusals {
                return Ok(());
            }
        }
        self.append_log(tx, request, by.as_str(), REFUSED, body).await
    }

    /// Logs how many refusals exceeded the limit in minutes that have ended.
    ///
    /// # Errors
    /// When the database fails. What was logged until then stays.
    pub async fn log_excess_refusals(&self) -> Result<(), StoreError> {
        let log_next = async || {
            let mut tx = self.store.begin().await?;
            let Some((by, count)) = tx.take_ended_refusals(self.clock.now()).await? else { return Ok(false) };
            self.log_excess(&mut tx, &by, count).await?;
            tx.commit().await?;
            Ok(true)
        };
        while with_timeout(log_next()).await? {}
        Ok(())
    }

    async fn log_excess(&self, tx: &mut Tx, by: &UserId, count: i64) -> Result<(), StoreError> {
        let more = count - self.max_refusals;
        if self.max_refusals == 0 || more <= 0 {
            return Ok(());
        }
        let body = json!({ "press": "several", "why": "too_many", "count": more });
        self.append_log(tx, &no_request(), by.as_str(), REFUSED, &body).await
    }
}
