//! Events. Only what changes what the bot knows is taken; everything else is a quiet ack, so that Slack does not deliver it
//! again.

use super::{ack::Ack, dependencies::AppState};
use crate::{
    domain::delivery::DeliveryKey,
    slack::inbound::{Event, EventKind},
};

/// Takes an event.
pub(super) async fn handle(app: &AppState, event: &Event, key: Option<DeliveryKey>) -> Ack {
    if matches!(event.kind, EventKind::Other(_)) {
        return Ack::empty("not_handled");
    }
    if !app.proceeds(key).await {
        return Ack::empty("repeated");
    }
    match &event.kind {
        EventKind::GroupChanged(group) => {
            app.people.forget_group(group);
            let later = app.clone();
            app.spawn(async move { later.people.refresh().await });
            Ack::empty("group_changed")
        }
        EventKind::AppUninstalled => token_is_dead(app, "the app was uninstalled from the workspace"),
        EventKind::TokensRevoked { has_bot: true } => token_is_dead(app, "the bot token was revoked"),
        EventKind::TokensRevoked { has_bot: false } | EventKind::Other(_) => Ack::empty("not_handled"),
    }
}

/// Nothing is called with the token to answer this.
fn token_is_dead(app: &AppState, why: &str) -> Ack {
    tracing::error!("{why}: install it again and set SLACK_BOT_TOKEN to the new token");
    app.health
        .set_slack_problem(Some(format!("{why}; install it again and set SLACK_BOT_TOKEN to the new token")));
    Ack::empty("revoked")
}
