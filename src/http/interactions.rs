//! `POST /slack/interactions`: buttons and modals. What kind it is decides who takes it.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};

use super::{Edge, Owner, answer::Answer, body::Signed, choices, edits, presses, reviews, submissions};
use crate::slack::{ids, inbound::Interaction};

pub(super) async fn interaction(State(edge): State<Edge>, request: Request) -> Response {
    let watch = edge.watch();
    let answer = match edge.verified(request, false).await {
        Ok(signed) => take(&edge, &signed).await,
        Err(answer) => answer,
    };
    answer.counted("interactions", watch)
}

async fn take(edge: &Edge, signed: &Signed) -> Answer {
    let Some(interaction) = Interaction::read(&signed.body) else {
        return Answer::status("unreadable", StatusCode::BAD_REQUEST);
    };
    match whose(edge, &interaction) {
        Owner::Others => return Answer::empty("foreign"),
        // Nothing may be lost, and nothing can be taken yet: Slack tells the person that it did not work.
        Owner::NotKnown => return Answer::status("starting", StatusCode::SERVICE_UNAVAILABLE),
        Owner::Us => {}
    }
    if let Some(answer) = edge.limited_interaction(signed, &interaction) {
        return answer;
    }
    match (interaction.kind.as_str(), interaction.view.callback_id.as_str()) {
        ("block_actions", _) => match choices::take(edge, &interaction, signed.is_first) {
            Some(answer) => answer,
            None => presses::take(edge, &interaction, signed.is_first).await,
        },
        ("view_submission", ids::REQUEST_FORM) => submissions::request(edge, &interaction).await,
        ("view_submission", ids::EDIT_FORM) => edits::submitted(edge, &interaction).await,
        ("view_submission", ids::REVIEW_FORM) => reviews::submitted(edge, &interaction).await,
        ("view_submission", ids::DENY_FORM) => submissions::denial(edge, &interaction).await,
        _ => Answer::empty("not_handled"),
    }
}

/// Whose interaction it is. With Slack Connect the workspace in which the app is installed counts, not the person's.
pub(super) fn whose(edge: &Edge, interaction: &Interaction) -> Owner {
    let Interaction { view, team, user, enterprise, .. } = interaction;
    let teams = [&view.app_installed_team_id, &team.id, &user.team_id, &view.team_id];
    edge.owner(&interaction.api_app_id, &teams.map(String::as_str), &enterprise.id)
}
