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
    session::{ActivePlayground, Session, StatusLine},
};
use crate::sim::{
    slack::inputs,
    user::{ElementRef, MessageRef, NotVisible, Reply, User},
};

const COMMAND: &str = "/marketo-api-user";
const HOUR: Duration = Duration::from_secs(3600);

/// The result of an action.
#[derive(Debug)]
pub(super) enum ActionResponse {
    /// Done; live updates show the changes.
    Done,
    /// Done, with this response.
    Json(Value),
    /// There is no such action.
    Unknown,
}

/// Executes the action `name` of the page.
pub(super) async fn execute(session: &Arc<Session>, name: &str, fields: &Fields) -> ActionResponse {
    let active = session.active();
    let viewer = Viewer::of(fields, &active.slack.setup());
    let person = active.person(&viewer.user);
    if matches!(name, "post" | "click" | "modal") {
        active.update_ui(|ui| ui.notices.remove(&viewer.user));
    }
    match name {
        // The form's buttons have their own `text`, which comes last.
        "post" => post(&active, &viewer, &person, fields.all("text").last().unwrap_or_default()).await,
        "click" => click(&active, &viewer, &person, fields).await,
        "modal" => return modal(&active, &viewer, &person, fields).await,
        "switch" => {
            let is_known = fields
                .get("name")
                .is_some_and(|name| faults::set_switch(&active, name, fields.get("on") == Some("1")));
            return if is_known { ActionResponse::Done } else { ActionResponse::Unknown };
        }
        "tokens" => active.marketos.iter().for_each(|(_, marketo)| marketo.expire_tokens()),
        "bot" => return bot(session, fields.get("do").unwrap_or_default()).await,
        "time" => return fast_forward(session, &active, fields.get("jump").unwrap_or_default()).await,
        "scenario" => {
            let started = scenario::start(
                session,
                fields.get("name").unwrap_or_default(),
                fields.get("pace") == Some("quick"),
            );
            return started.map_or(ActionResponse::Unknown, |()| ActionResponse::Done);
        }
        "stop" => session.stop_scenario(),
        "reset" => {
            session.stop_scenario();
            if let Err(error) = session.reset(StatusLine::default()).await {
                set_notice(&active, &viewer.user, &format!("The playground could not start over: {error}"));
            }
        }
        _ => return ActionResponse::Unknown,
    }
    ActionResponse::Done
}

/// The HTTP response to an action: empty JSON for the page's script, a redirect to the page without it.
pub(super) fn respond(
    session: &Session,
    fields: &Fields,
    result: ActionResponse,
    headers: &HeaderMap,
) -> Response {
    match result {
        ActionResponse::Unknown => super::text(StatusCode::NOT_FOUND, "There is no such action.\n"),
        ActionResponse::Json(json) => super::with_type(StatusCode::OK, "application/json", json.to_string()),
        ActionResponse::Done
            if headers.get(header::ACCEPT).is_some_and(|kind| kind == "application/json") =>
        {
            super::with_type(StatusCode::OK, "application/json", "{}")
        }
        ActionResponse::Done => super::redirect(&Viewer::of(fields, &session.active().slack.setup()).link()),
    }
}

fn set_notice(active: &ActivePlayground, user: &str, text: &str) {
    active.update_ui(|ui| ui.notices.insert(user.to_owned(), text.to_owned()));
}

/// Shows an error: that of Slack's client when it cannot use the bot's response, or that the element is gone.
fn show_error(active: &ActivePlayground, user: &str, result: Result<Reply, NotVisible>, message: &str) {
    match result {
        Ok(reply) => {
            if let Some(error) = reply.error {
                set_notice(active, user, &format!("{message} ({error})"));
            }
        }
        Err(_) => set_notice(active, user, GONE),
    }
}

async fn post(active: &ActivePlayground, viewer: &Viewer, person: &User, text: &str) {
    let text = text.trim();
    if text.split_whitespace().next() == Some(COMMAND) {
        let reply = person.types(&viewer.channel, text).await;
        let message =
            format!("{COMMAND} failed with the error \"{}\"", reply.error.clone().unwrap_or_default());
        show_error(active, &viewer.user, Ok(reply), &message);
    } else if text.starts_with('/') {
        let command = text.split_whitespace().next().unwrap_or_default();
        set_notice(
            active,
            &viewer.user,
            &format!("{command} is not a valid command. The bot's command is {COMMAND}."),
        );
    } else if !text.is_empty() {
        person.says(&viewer.channel, text, viewer.thread.as_deref());
    }
}

async fn click(active: &ActivePlayground, viewer: &Viewer, person: &User, fields: &Fields) {
    let field = |name: &str| fields.get(name).unwrap_or_default().to_owned();
    let at = ElementRef { block: field("block"), action: field("action") };
    let message = MessageRef { channel: field("channel"), ts: field("ts") };
    let reply = person.clicks_element(message, &at).await;
    show_error(active, &viewer.user, reply, "Slack could not reach the app. Please try again.");
}

/// The error of Slack's client when the bot does not answer a modal.
const NO_CONNECTION: &str = "We had some trouble connecting. Try again?";
/// The notice when a message, button or modal does not exist any more.
const GONE: &str = "That is no longer there.";

async fn modal(active: &ActivePlayground, viewer: &Viewer, person: &User, fields: &Fields) -> ActionResponse {
    let id = fields.get("view").unwrap_or_default();
    let (action, element) = match fields.get("do").unwrap_or_default().split_once('|') {
        Some((action, name)) => (action, parse_element_name(name)),
        None => (fields.get("do").unwrap_or_default(), None),
    };
    let user = viewer.user.as_str();
    if action == "options" {
        return options(person, id, fields).await;
    }
    let values = field_values(person, id, fields);
    let changed = element
        .as_ref()
        .and_then(|at| values.iter().find(|(key, _)| key == at))
        .map(|(_, value)| value.clone());
    if action != "close" && person.keeps(id, values).is_err() {
        if action != "keep" {
            set_notice(active, user, GONE);
        }
        return ActionResponse::Done;
    }
    match (action, element) {
        ("submit", _) => match person.completes(id) {
            Ok(true) => {
                let reply = person.submits().await.map(|submitted| submitted.reply);
                show_error(active, user, reply, NO_CONNECTION);
            }
            Ok(false) => {}
            Err(_) => set_notice(active, user, GONE),
        },
        ("close", _) => {
            let view = person.open_view().filter(|view| view.id == id);
            if view.is_some()
                && let Ok(Some(reply)) = person.closes().await
            {
                show_error(active, user, Ok(reply), NO_CONNECTION);
            }
        }
        ("click", Some(at)) => {
            let reply = person.clicks_modal_element(id, &at).await;
            show_error(active, user, reply, NO_CONNECTION);
        }
        ("change", Some(at)) => {
            if let Ok(Some(reply)) = person.changes(id, &at, changed.unwrap_or_default()).await {
                show_error(active, user, Ok(reply), NO_CONNECTION);
            }
        }
        ("keep", _) => {}
        _ => return ActionResponse::Unknown,
    }
    ActionResponse::Done
}

/// Parses an element's name on the page: block id and action id as a JSON array.
fn parse_element_name(text: &str) -> Option<ElementRef> {
    let (block, action) = serde_json::from_str(text).ok()?;
    Some(ElementRef { block, action })
}

/// An element's name on the page; see [`parse_element_name`].
pub(super) fn element_name(block: &Value, element: &Value) -> String {
    json!([block["block_id"], element["action_id"]]).to_string()
}

/// The values of the modal's fields that the form contains.
fn field_values(person: &User, id: &str, fields: &Fields) -> Vec<(ElementRef, Value)> {
    let Some(view) = person.open_view().filter(|view| view.id == id) else { return Vec::new() };
    let mut values = Vec::new();
    for block in view.blocks() {
        for element in inputs::elements(block) {
            let name = element_name(block, element);
            let is_in_form = fields.all("field").any(|field| field == name);
            if let Some(at) = parse_element_name(&name).filter(|_| is_in_form) {
                let texts: Vec<&str> = fields.all(&name).collect();
                values.push((at, parse_value(element, &texts)));
            }
        }
    }
    values
}

/// Converts form values to the value of an element, as Slack stores it.
fn parse_value(element: &Value, texts: &[&str]) -> Value {
    let first = texts.first().copied().filter(|text| !text.is_empty());
    let options = inputs::options(element);
    let option =
        |value: &str| options.iter().find(|option| option["value"] == value).map(|&option| option.clone());
    match element["type"].as_str().unwrap_or_default() {
        "static_select" | "radio_buttons" => first.and_then(option).unwrap_or_default(),
        "external_select" => first.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
        "checkboxes" => texts.iter().filter_map(|value| option(value)).collect(),
        "datepicker" => {
            let date = first.and_then(|text| text.parse::<jiff::civil::Date>().ok());
            date.map_or(Value::Null, |date| json!(date.to_string()))
        }
        _ => first.map_or(Value::Null, |text| json!(text.replace("\r\n", "\n"))),
    }
}

/// Searches the options of an external select.
async fn options(person: &User, id: &str, fields: &Fields) -> ActionResponse {
    let Some(at) = fields.get("element").and_then(parse_element_name) else { return ActionResponse::Unknown };
    match person.searches(id, &at, fields.get("typed").unwrap_or_default()).await {
        Ok(offered) => {
            ActionResponse::Json(json!({ "options": offered.options, "error": offered.reply.error }))
        }
        Err(_) => ActionResponse::Json(json!({ "options": [], "error": "gone" })),
    }
}

async fn bot(session: &Session, action: &str) -> ActionResponse {
    match action {
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

async fn fast_forward(session: &Session, active: &ActivePlayground, jump: &str) -> ActionResponse {
    let time = match jump {
        "minute" => HOUR / 60,
        "hour" => HOUR,
        "day" => HOUR * 24,
        "week" => HOUR * 24 * 7,
        "expiration" => match next_expiration(active) {
            Some(time) => time,
            None => return ActionResponse::Done,
        },
        _ => return ActionResponse::Unknown,
    };
    session.fast_forward(time).await;
    ActionResponse::Done
}

/// The time until the next Marketo user expires.
pub(super) fn next_expiration(active: &ActivePlayground) -> Option<Duration> {
    let now = active.clock.now();
    let users = active.marketos.iter().flat_map(|(_, marketo)| marketo.users());
    let next = users.filter_map(|user| user.expires_at).filter(|end| *end > now).min()?;
    let left = u64::try_from(next.as_millisecond() - now.as_millisecond()).ok()?;
    Some(Duration::from_millis(left + 1000))
}
