//! `POST /slack/options`: the choices of a select that has too many of them to be sent along.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};

use super::{Edge, Owner, answer::Answer, interactions};
use crate::{
    domain::{allowed_options::AllowedOptions, form::Field},
    slack::{ids, inbound::Interaction, views},
};

pub(super) async fn options(State(edge): State<Edge>, request: Request) -> Response {
    let watch = edge.watch();
    let answer = match edge.verified(request, false).await {
        Ok(signed) => match Interaction::read(&signed.body) {
            None => Answer::status("unreadable", StatusCode::BAD_REQUEST),
            Some(interaction) if interactions::whose(&edge, &interaction) != Owner::Us => {
                Answer::empty("foreign")
            }
            Some(interaction) => matching(&edge, &interaction.block_id, &interaction.value),
        },
        Err(answer) => answer,
    };
    answer.counted("options", watch)
}

/// The choices for what was `typed` into a block, of the instance that its id carries.
fn matching(edge: &Edge, block_id: &str, typed: &str) -> Answer {
    let asked = [(Field::Role, "roles"), (Field::Workspace, "workspaces")]
        .into_iter()
        .find_map(|(field, outcome)| Some((field, outcome, ids::instance_in(block_id, field)?)));
    let Some((field, outcome, instance)) = asked else { return Answer::empty("not_handled") };
    // A form from a time with one instance names none, and is out of date where there are several.
    let instance = match instance {
        Some(name) => edge.instances.get(name),
        None => edge.instances.iter().next().filter(|_| !edge.instances.are_several()),
    };
    let catalog = instance.and_then(|instance| instance.catalog()).unwrap_or_default();
    let offer = AllowedOptions::of(edge.engine.policy(), &catalog);
    Answer::json(outcome, &views::options(&offer, field, typed))
}
