//! `POST /slack/options`: the choices of a select that has too many of them to be sent along.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};

use super::{Edge, Owner, answer::Answer, interactions};
use crate::{
    domain::offer::Offer,
    slack::{ids, views},
};

pub(super) async fn options(State(edge): State<Edge>, request: Request) -> Response {
    let watch = edge.watch();
    let answer = match edge.verified(request, false).await {
        Ok(signed) => match interactions::read(&signed.body) {
            None => Answer::status("unreadable", StatusCode::BAD_REQUEST),
            Some(interaction) if interactions::whose(&edge, &interaction) != Owner::Us => {
                Answer::empty("foreign")
            }
            Some(interaction) if interaction.block_id == ids::WORKSPACE => {
                let catalog = edge.instance.catalog().unwrap_or_default();
                let offer = Offer::of(edge.engine.policy(), &catalog);
                Answer::json("workspaces", &views::options(&offer, &interaction.value))
            }
            Some(_) => Answer::empty("not_handled"),
        },
        Err(answer) => answer,
    };
    answer.counted("options", watch)
}
