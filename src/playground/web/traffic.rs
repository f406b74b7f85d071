//! All traffic of a playground in one list, without secrets: signed requests to the bot, and the bot's calls to Slack and
//! Marketo. This file must not know how it is rendered.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{mask::Mask, session::Scene};
use crate::sim::{marketo, slack, user::Sent};

/// One message there and its answer back.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its place in its own row, as addresses have it.
    pub(super) id: String,
    pub(super) at: Timestamp,
    /// From whom to whom.
    pub(super) way: &'static str,
    pub(super) name: String,
    pub(super) state: State,
    pub(super) took: Option<Duration>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Good(String),
    Bad(String),
}

/// Everything, the newest first.
pub(super) fn all(scene: &Scene) -> Vec<Entry> {
    let sent = scene.work.sent().into_iter().enumerate().map(|(place, sent)| signed(place, &sent));
    let calls = scene.slack.calls().into_iter().enumerate().map(|(place, call)| slack_call(place, &call));
    let mut all: Vec<Entry> = sent.chain(calls).collect();
    for (instance, (_, marketo)) in scene.marketos.iter().enumerate() {
        let calls = marketo.calls().into_iter().enumerate();
        all.extend(calls.map(|(place, call)| marketo_call(instance, place, &call)));
    }
    all.sort_by_key(|entry| entry.at);
    all.reverse();
    all
}

fn signed(place: usize, sent: &Sent) -> Entry {
    let fields: Vec<(String, String)> =
        form_urlencoded::parse(sent.request.body.as_bytes()).into_owned().collect();
    let payload = fields.iter().find(|(name, _)| name == "payload");
    let payload: Value = payload.and_then(|(_, text)| serde_json::from_str(text).ok()).unwrap_or_default();
    let what = payload["type"].as_str().map(|kind| format!(" {kind}")).unwrap_or_default();
    let state = match sent.status {
        None => State::Open,
        Some(200) => State::Good("200".to_owned()),
        Some(0) => State::Bad("no answer".to_owned()),
        Some(status) => State::Bad(status.to_string()),
    };
    let took = sent.status.map(|_| sent.took);
    Entry {
        id: format!("s{place}"),
        at: sent.at,
        way: "Slack → bot",
        name: format!("POST {}{what}", sent.request.path),
        state,
        took,
    }
}

fn slack_call(place: usize, call: &slack::CallRecord) -> Entry {
    let state = match (call.status, &call.error) {
        (Some(status), None) => State::Good(status.to_string()),
        (Some(status), Some(error)) => State::Bad(format!("{status} {error}")),
        (None, _) if call.took.is_some() => State::Bad("cut".to_owned()),
        (None, _) => State::Open,
    };
    let name = call.method.clone();
    Entry { id: format!("c{place}"), at: call.at, way: "bot → Slack", name, state, took: call.took }
}

fn marketo_call(instance: usize, place: usize, call: &marketo::CallRecord) -> Entry {
    let code = call.answer.as_ref().and_then(|answer| answer["errors"][0]["code"].as_i64());
    let state = match (call.status, code) {
        (Some(status @ 200..300), None) => State::Good(status.to_string()),
        (Some(status), code) => {
            State::Bad(code.map_or_else(|| status.to_string(), |code| format!("{status} code {code}")))
        }
        (None, _) if call.took.is_some() => State::Bad("cut".to_owned()),
        (None, _) => State::Open,
    };
    let path = call.path.replace("/userservice/management/v1", "");
    let name = format!("{} {path}", call.method);
    Entry {
        id: format!("m{instance}-{place}"),
        at: call.at,
        way: "bot → Marketo",
        name,
        state,
        took: call.took,
    }
}

/// What one entry holds, as text.
pub(super) fn entry(scene: &Scene, id: &str) -> Option<String> {
    let (kind, place) = id.split_at_checked(1)?;
    let mask = mask(scene);
    let shown = match kind {
        "s" => signed_in_full(scene.work.sent().get(place.parse::<usize>().ok()?)?),
        "c" => {
            let calls = scene.slack.calls();
            let call = calls.get(place.parse::<usize>().ok()?)?;
            json!({ "call": call.method, "arguments": call.body, "status": call.status, "answer": call.answer })
        }
        "m" => {
            let (instance, place) = place.split_once('-')?;
            let calls = scene.marketos.get(instance.parse::<usize>().ok()?)?.1.calls();
            let call = calls.get(place.parse::<usize>().ok()?)?;
            json!({
                "call": format!("{} {}", call.method, call.path), "body": call.body, "status": call.status,
                "answer": call.answer,
            })
        }
        _ => return None,
    };
    Some(format!("{:#}", mask.json(&shown)))
}

fn signed_in_full(sent: &Sent) -> Value {
    let fields = form_urlencoded::parse(sent.request.body.as_bytes()).map(|(name, value)| {
        let value = match name.as_ref() {
            "payload" => serde_json::from_str(&value).unwrap_or_default(),
            _ => Value::from(value.as_ref()),
        };
        (name.into_owned(), value)
    });
    let answer = serde_json::from_str(&sent.answer).unwrap_or_else(|_| Value::from(sent.answer.as_str()));
    json!({
        "request": format!("POST {}", sent.request.path),
        "headers": {
            "X-Slack-Request-Timestamp": sent.request.timestamp, "X-Slack-Signature": "v0=•••",
            "Content-Type": sent.request.content_type,
        },
        "body": Value::Object(fields.collect()),
        "status": sent.status,
        "answer": answer,
    })
}

fn mask(scene: &Scene) -> Mask {
    let slack = scene.slack.setup();
    let marketos = scene.marketos.iter().map(|(_, marketo)| marketo.setup().client_secret);
    Mask::of([slack.bot_token, slack.signing_secret].into_iter().chain(marketos))
}
