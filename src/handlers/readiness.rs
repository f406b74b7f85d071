//! Readiness and the size of the outbox, for operators.

use super::dependencies::{ACK_TIMEOUT, AppState};
use crate::domain::people::Principal;

/// The size of the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxDepth {
    /// Effects that are due.
    pub due: i64,
    /// Effects that are due later.
    pub later: i64,
    /// Effects that were given up.
    pub dead_letters: i64,
    /// Messages that Slack does not accept at the moment.
    pub failing_messages: i64,
    /// How long the oldest due effect has waited, in milliseconds.
    pub oldest_due_millis: i64,
}

/// The problems that keep the bot from being ready, one line each, without secrets.
pub(super) async fn problems(app: &AppState) -> Vec<String> {
    let mut problems = app.health.problems();
    if let Err(error) = app.workflow.probe().await {
        problems.push(format!("the database cannot be written ({})", error.code()));
    }
    for instance in app.instances.iter() {
        let name = instance.name();
        if !instance.is_loaded() {
            let why =
                instance.last_error().map_or_else(|| "still loading".to_owned(), |error| error.to_string());
            problems.push(format!("Marketo instance {name}: roles, workspaces or users are missing: {why}"));
        } else if let Some(why) = instance.access_error() {
            problems.push(format!("Marketo instance {name}: {why}"));
        }
    }
    problems
}

/// What does not work as configured, though the bot is ready, one line each.
pub(super) fn warnings(app: &AppState) -> Vec<String> {
    let missing = app.membership.missing_groups().into_iter();
    let id = |group| match group {
        Principal::Group(group) => Some(group.0),
        Principal::User(_) | Principal::Channel(_) => None,
    };
    missing
        .filter_map(id)
        .map(|id| format!("degraded: there is no user group {id}, so it has no members; correct the policy"))
        .collect()
}

/// The size of the outbox; `None` if the database does not answer in time.
pub(super) async fn outbox_depth(app: &AppState) -> Option<OutboxDepth> {
    let stats = tokio::time::timeout(ACK_TIMEOUT, app.workflow.outbox_stats()).await.ok()?.ok()?;
    let waited = |due: i64| (app.clock.millis() - due).max(0);
    Some(OutboxDepth {
        due: stats.due,
        later: stats.later,
        dead_letters: stats.dead_letters,
        failing_messages: stats.failing_messages,
        oldest_due_millis: stats.oldest_due_at.map_or(0, waited),
    })
}
