//! What people do on the page and what follows: signed requests to the bot, or changes to the simulators. What is refused
//! here is what Slack's own client would refuse.

use std::{sync::Arc, time::Duration};

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    faults,
    fields::{Fields, Viewer},
    scenario,
    session::{Scene, Session, StatusLine},
};
use crate::sim::{
    slack::inputs,
    user::{ElementRef, MessageRef, NotVisible, Reply, User},
};

const COMMAND: &str = "/marketo-api-user";
const HOUR: Duration = Duration::from_secs(3600);

/// What became of an act.
#[derive(Debug)]
pub(super) enum ActionResponse {
    /// It is done; what changed shows by itself.
    Done,
    /// It is done, and this is the answer.
    Json(Value),
    /// There is no such act.
    Unknown,
}

/// Does what the page asks for.
pub(super) async fn act(session: &Arc<Session>, what: &str, fields: &Fields) -> ActionResponse {
    let scene = session.scene();
    let viewer = Viewer::of(fields, &scene.slack.setup());
    let person = scene.person(&viewer.user);
    if matches!(what, "say" | "press" | "modal") {
        scene.remember(|memory| memory.notices.remove(&viewer.user));
    }
    match what {
        // A button of the form may say something else than its field.
        "say" => says(&scene, &viewer, &person, fields.all("text").last().unwrap_or_default()).await,
        "press" => presses(&scene, &viewer, &person, fields).await,
        "modal" => return modal(&scene, &viewer, &person, fields).await,
        "switch" => {
            let is_known = fields
                .get("name")
                .is_some_and(|name| faults::turn(&scene, name, fields.get("on") == Some("1")));
            return if is_known { ActionResponse::Done } else { ActionResponse::Unknown };
        }
        "tokens" => scene.marketos.iter().for_each(|(_, marketo)| marketo.expire_tokens()),
        "bot" => return bot(session, fields.get("do").unwrap_or_default()).await,
        "time" => return travel(session, &scene, fields.get("jump").unwrap_or_default()).await,
        "scenario" => {
            let played = scenario::begin(
                session,
                fields.get("name").unwrap_or_default(),
                fields.get("pace") == Some("quick"),
            );
            return played.map_or(ActionResponse::Unknown, |()| ActionResponse::Done);
        }
        "stop" => session.stop_playing(),
        "reset" => {
            session.stop_playing();
            if let Err(error) = session.reset(StatusLine::default()).await {
                tell(&scene, &viewer.user, &format!("The playground could not start over: {error}"));
            }
        }
        _ => return ActionResponse::Unknown,
    }
    ActionResponse::Done
}

/// The answer to an act: nothing for a script, and the page again for a browser without one.
pub(super) fn answer(
    session: &Session,
    fields: &Fields,
    outcome: ActionResponse,
    headers: &HeaderMap,
) -> Response {
    match outcome {
        ActionResponse::Unknown => super::text(StatusCode::NOT_FOUND, "There is no such act.\n"),
        ActionResponse::Json(json) => super::with_type(StatusCode::OK, "application/json", json.to_string()),
        ActionResponse::Done
            if headers.get(header::ACCEPT).is_some_and(|kind| kind == "application/json") =>
        {
            super::with_type(StatusCode::OK, "application/json", "{}")
        }
        ActionResponse::Done => super::redirect(&Viewer::of(fields, &session.scene().slack.setup()).link()),
    }
}

fn tell(scene: &Scene, user: &str, what: &str) {
    scene.remember(|memory| memory.notices.insert(user.to_owned(), what.to_owned()));
}

/// Tells what Slack tells where it cannot use the bot's answer, or the page where something is gone.
fn tell_trouble(scene: &Scene, user: &str, reply: Result<Reply, NotVisible>, failed: &str) {
    match reply {
        Ok(reply) => {
            if let Some(trouble) = reply.error {
                tell(scene, user, &format!("{failed} ({trouble})"));
            }
        }
        Err(_) => tell(scene, user, "That is not there any more."),
    }
}

async fn says(scene: &Scene, viewer: &Viewer, person: &User, text: &str) {
    let text = text.trim();
    if text.split_whitespace().next() == Some(COMMAND) {
        let reply = person.types(&viewer.channel, text).await;
        let failed =
            format!("{COMMAND} failed with the error \"{}\"", reply.error.clone().unwrap_or_default());
        tell_trouble(scene, &viewer.user, Ok(reply), &failed);
    } else if text.starts_with('/') {
        let word = text.split_whitespace().next().unwrap_or_default();
        tell(scene, &viewer.user, &format!("{word} is not a valid command. The bot's command is {COMMAND}."));
    } else if !text.is_empty() {
        person.says(&viewer.channel, text, viewer.thread.as_deref());
    }
}

async fn presses(scene: &Scene, viewer: &Viewer, person: &User, fields: &Fields) {
    let word = |name: &str| fields.get(name).unwrap_or_default().to_owned();
    let at = ElementRef { block: word("block"), action: word("action") };
    let message = MessageRef { channel: word("channel"), ts: word("ts") };
    let reply = person.clicks_element(message, &at).await;
    tell_trouble(scene, &viewer.user, reply, "Slack could not reach the app. Please try again.");
}

const NO_CONNECTION: &str = "We had some trouble connecting. Try again?";

async fn modal(scene: &Scene, viewer: &Viewer, person: &User, fields: &Fields) -> ActionResponse {
    let id = fields.get("view").unwrap_or_default();
    let (what, at) = match fields.get("do").unwrap_or_default().split_once('|') {
        Some((what, at)) => (what, element(at)),
        None => (fields.get("do").unwrap_or_default(), None),
    };
    let user = viewer.user.as_str();
    if what == "options" {
        return options(person, id, fields).await;
    }
    let values = values(person, id, fields);
    let changed =
        at.as_ref().and_then(|at| values.iter().find(|(key, _)| key == at)).map(|(_, value)| value.clone());
    if what != "close" && person.keeps(id, values).is_err() {
        if what != "keep" {
            tell(scene, user, "That is not there any more.");
        }
        return ActionResponse::Done;
    }
    match (what, at) {
        ("submit", _) => match person.completes(id) {
            Ok(true) => {
                let reply = person.submits().await.map(|submitted| submitted.reply);
                tell_trouble(scene, user, reply, NO_CONNECTION);
            }
            Ok(false) => {}
            Err(_) => tell(scene, user, "That is not there any more."),
        },
        ("close", _) => {
            let closed = person.open_view().filter(|view| view.id == id);
            if closed.is_some()
                && let Ok(Some(reply)) = person.closes().await
            {
                tell_trouble(scene, user, Ok(reply), NO_CONNECTION);
            }
        }
        ("press", Some(at)) => {
            let reply = person.clicks_modal_element(id, &at).await;
            tell_trouble(scene, user, reply, NO_CONNECTION);
        }
        ("change", Some(at)) => {
            if let Ok(Some(reply)) = person.changes(id, &at, changed.unwrap_or_default()).await {
                tell_trouble(scene, user, Ok(reply), NO_CONNECTION);
            }
        }
        ("keep", _) => {}
        _ => return ActionResponse::Unknown,
    }
    ActionResponse::Done
}

/// An element as the page names it: its block's id and its own, as a JSON array.
fn element(text: &str) -> Option<ElementRef> {
    let (block, action) = serde_json::from_str(text).ok()?;
    Some(ElementRef { block, action })
}

/// The name of an element on the page.
pub(super) fn element_name(block: &Value, element: &Value) -> String {
    json!([block["block_id"], element["action_id"]]).to_string()
}

/// What the fields of the modal hold, as far as the form names them.
fn values(person: &User, id: &str, fields: &Fields) -> Vec<(ElementRef, Value)> {
    let Some(view) = person.open_view().filter(|view| view.id == id) else { return Vec::new() };
    let mut values = Vec::new();
    for block in view.blocks() {
        for shown in inputs::elements(block) {
            let name = element_name(block, shown);
            let is_there = fields.all("field").any(|field| field == name);
            if let Some(at) = element(&name).filter(|_| is_there) {
                let given: Vec<&str> = fields.all(&name).collect();
                values.push((at, value(shown, &given)));
            }
        }
    }
    values
}

/// A value as Slack keeps it.
fn value(element: &Value, given: &[&str]) -> Value {
    let first = given.first().copied().filter(|text| !text.is_empty());
    let offered = inputs::options(element);
    let option =
        |value: &str| offered.iter().find(|option| option["value"] == value).map(|&option| option.clone());
    match element["type"].as_str().unwrap_or_default() {
        "static_select" | "radio_buttons" => first.and_then(option).unwrap_or_default(),
        "external_select" => first.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
        "checkboxes" => given.iter().filter_map(|value| option(value)).collect(),
        "datepicker" => {
            let date = first.and_then(|text| text.parse::<jiff::civil::Date>().ok());
            date.map_or(Value::Null, |date| json!(date.to_string()))
        }
        _ => first.map_or(Value::Null, |text| json!(text.replace("\r\n", "\n"))),
    }
}

/// Options for what is typed into an external select.
async fn options(person: &User, id: &str, fields: &Fields) -> ActionResponse {
    let Some(at) = fields.get("element").and_then(element) else { return ActionResponse::Unknown };
    match person.searches(id, &at, fields.get("typed").unwrap_or_default()).await {
        Ok(offered) => {
            ActionResponse::Json(json!({ "options": offered.options, "trouble": offered.reply.error }))
        }
        Err(_) => ActionResponse::Json(json!({ "options": [], "trouble": "gone" })),
    }
}

async fn bot(session: &Session, what: &str) -> ActionResponse {
    match what {
        "kill" => session.kill().await,
        "start" => session.start().await,
        "restart" => {
            session.kill().await;
            session.start().await;
        }
        _ => return ActionResponse::Unknown,
    }
    ActionResponse::Done
}

async fn travel(session: &Session, scene: &Scene, jump: &str) -> ActionResponse {
    let time = match jump {
        "minute" => HOUR / 60,
        "hour" => HOUR,
        "day" => HOUR * 24,
        "week" => HOUR * 24 * 7,
        "expiration" => match next_expiration(scene) {
            Some(time) => time,
            None => return ActionResponse::Done,
        },
        _ => return ActionResponse::Unknown,
    };
    session.travel(time).await;
    ActionResponse::Done
}

/// How long until the next access of a Marketo user ends.
pub(super) fn next_expiration(scene: &Scene) -> Option<Duration> {
    let now = scene.clock.now();
    let users = scene.marketos.iter().flat_map(|(_, marketo)| marketo.users());
    let next = users.filter_map(|user| user.expires_at).filter(|end| *end > now).min()?;
    let left = u64::try_from(next.as_millisecond() - now.as_millisecond()).ok()?;
    Some(Duration::from_millis(left + 1000))
}
