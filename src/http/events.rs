//! `POST /slack/events`: the Events API. Only what changes what the bot knows is taken; everything else is a
//! quiet 200, so that Slack does not deliver it again.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};

use super::{Edge, Owner, answer::Answer};
use crate::{
    domain::people::GroupId,
    slack::inbound::{Envelope, object},
};

pub(super) async fn event(State(edge): State<Edge>, request: Request) -> Response {
    let watch = edge.watch();
    let answer = match edge.verified(request, false).await {
        Ok(signed) => match object::<Envelope>(&signed.body) {
            Some(envelope) => take(&edge, envelope).await,
            None => Answer::status("unreadable", StatusCode::BAD_REQUEST),
        },
        Err(answer) => answer,
    };
    answer.counted("events", watch)
}

async fn take(edge: &Edge, envelope: Envelope) -> Answer {
    if envelope.kind == "url_verification" {
        return Answer::body("url_verification", "text/plain; charset=utf-8", envelope.challenge);
    }
    if edge.owner(&envelope.api_app_id, &[&envelope.team_id], &envelope.enterprise_id) != Owner::Us {
        return Answer::empty("foreign");
    }
    let event = envelope.event;
    match event.kind.as_str() {
        "subteam_updated" | "subteam_members_changed" | "app_uninstalled" | "tokens_revoked"
            if !edge.is_first("event", &envelope.event_id).await =>
        {
            Answer::empty("repeated")
        }
        "subteam_updated" | "subteam_members_changed" => {
            let group = if event.subteam_id.is_empty() { event.subteam.id } else { event.subteam_id };
            edge.people.forget_group(&GroupId(group));
            let edge_later = edge.clone();
            edge.tasks.spawn(async move { edge_later.people.refresh().await });
            Answer::empty("group_changed")
        }
        "app_uninstalled" => revoked(edge, "the app was uninstalled from the workspace"),
        "tokens_revoked" if !event.tokens.bot.is_empty() => revoked(edge, "the bot token was revoked"),
        _ => Answer::empty("not_handled"),
    }
}

/// The token is dead: nothing is called with it to answer this.
fn revoked(edge: &Edge, why: &str) -> Answer {
    tracing::error!("{why}: install it again and set SLACK_BOT_TOKEN to the new token");
    edge.health
        .set_slack_problem(Some(format!("{why}; install it again and set SLACK_BOT_TOKEN to the new token")));
    Answer::empty("revoked")
}
