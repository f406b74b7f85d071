//! Events that invalidate what the bot has cached. All others get an empty ack, so that Slack does not retry them.

use super::{ack::Ack, dependencies::AppState};
use crate::{
    domain::delivery::DeliveryKey,
    slack::inbound::{Event, EventKind},
};

/// Handles an event.
pub(super) async fn handle(app: &AppState, event: &Event, key: Option<DeliveryKey>) -> Ack {
    if matches!(event.kind, EventKind::Other(_)) {
        return Ack::empty("not_handled");
    }
    if !app.claim_delivery(key).await {
        return Ack::empty("repeated");
    }
    match &event.kind {
        EventKind::GroupChanged(group) if !app.membership.needs_group(group) => Ack::empty("other_group"),
        EventKind::GroupChanged(group) => {
            // Before the ack: from now on nobody decides by what is known of the old members.
            app.membership.forget_group(group);
            let (background, group) = (app.clone(), group.clone());
            app.spawn(async move { background.membership.read_group(&group).await });
            Ack::empty("group_changed")
        }
        EventKind::AppUninstalled => report_revoked_token(app, "the app was uninstalled from the workspace"),
        EventKind::TokensRevoked { has_bot: true } => report_revoked_token(app, "the bot token was revoked"),
        EventKind::TokensRevoked { has_bot: false } | EventKind::Other(_) => Ack::empty("not_handled"),
    }
}

fn report_revoked_token(app: &AppState, why: &str) -> Ack {
    tracing::error!(why, "Slack token revoked; reinstall the app and set SLACK_BOT_TOKEN to the new token");
    app.health
        .set_slack_problem(Some(format!("{why}; install it again and set SLACK_BOT_TOKEN to the new token")));
    Ack::empty("revoked")
}
