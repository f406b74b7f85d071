//! What whoever runs the bot asks it: whether it is ready, and how much waits.

use super::dependencies::{ACK_WITHIN, AppState};

/// How much waits in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxDepth {
    /// Effects that are due and not done.
    pub due: i64,
    /// Effects that are due later.
    pub later: i64,
    /// Effects that were given up.
    pub buried: i64,
    /// How long the oldest due effect has waited, in milliseconds.
    pub oldest_due_millis: i64,
}

/// What keeps the bot from being ready, a line for each trouble, without secrets.
pub(super) async fn troubles(app: &AppState) -> Vec<String> {
    let mut troubles = app.health.problems();
    if let Err(error) = app.workflow.probe().await {
        troubles.push(format!("the database takes nothing ({})", error.code()));
    }
    for instance in app.instances.iter() {
        let name = instance.name();
        if !instance.is_loaded() {
            let why =
                instance.last_error().map_or_else(|| "still loading".to_owned(), |error| error.to_string());
            troubles.push(format!("Marketo instance {name}: roles, workspaces or users are missing: {why}"));
        } else if let Some(why) = instance.access_error() {
            troubles.push(format!("Marketo instance {name}: {why}"));
        }
    }
    troubles
}

/// How much waits; nothing where the database does not tell in time.
pub(super) async fn outbox_depth(app: &AppState) -> Option<OutboxDepth> {
    let depth = tokio::time::timeout(ACK_WITHIN, app.workflow.outbox_depth()).await.ok()?.ok()?;
    let waited = |due: i64| (app.clock.millis() - due).max(0);
    Some(OutboxDepth {
        due: depth.due,
        later: depth.later,
        buried: depth.dead_letters,
        oldest_due_millis: depth.oldest_due_at.map_or(0, waited),
    })
}
