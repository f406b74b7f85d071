//! What effects call: Slack, or one Marketo instance. Workers claim the effects of each resource apart, so that nothing
//! waits behind a slow one. In SQL a resource is the name of an instance, or an empty text for Slack.

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError};
use crate::domain::effect::Effect;

/// What an effect calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource(String);

impl Resource {
    /// Slack: messages, membership checks, and the timers that lead to messages.
    pub fn slack() -> Self {
        Self(String::new())
    }

    /// The Marketo instance of this name.
    pub fn instance(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// What `effect` calls.
    pub(super) fn of(effect: &Effect) -> Self {
        match effect {
            Effect::Apply { change, .. } => Self::instance(change.instance()),
            Effect::ShowCard
            | Effect::ShowRequester
            | Effect::Announce
            | Effect::TellOutcome
            | Effect::Remind { .. }
            | Effect::TimeOut
            | Effect::Escalate
            | Effect::Note { .. }
            | Effect::CheckMembership { .. } => Self::slack(),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Store {
    /// The resources for which something is due, the one that has been due the longest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn due_resources(&self, now: Timestamp) -> Result<Vec<Resource>, StoreError> {
        let rows = sqlx::query(
            "SELECT resource FROM lane WHERE due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
             GROUP BY resource ORDER BY MIN(due_at), resource",
        )
        .bind(now.as_millisecond())
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok(Resource(row.try_get(0)?))).collect()
    }
}
