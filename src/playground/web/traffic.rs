//! All traffic of a playground in one list, without secrets: signed requests to the bot, and the bot's calls to Slack and
//! Marketo. This file must not know how it is rendered.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{mask::Mask, session::ActivePlayground};
use crate::sim::{marketo, slack, user::Sent};

/// One request and its response.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The id in URLs: the log and the index in it.
    pub(super) id: String,
    pub(super) at: Timestamp,
    /// Sender and receiver.
    pub(super) direction: &'static str,
    pub(super) name: String,
    pub(super) state: State,
    pub(super) took: Option<Duration>,
}

/// The state of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Succeeded(String),
    Failed(String),
}

/// All entries, newest first.
pub(super) fn all(active: &ActivePlayground) -> Vec<Entry> {
    let sent = active.work.sent().into_iter().enumerate().map(|(index, sent)| signed_request(index, &sent));
    let calls = active.slack.calls().into_iter().enumerate().map(|(index, call)| slack_call(index, &call));
    let mut all: Vec<Entry> = sent.chain(calls).collect();
    for (instance, (_, marketo)) in active.marketos.iter().enumerate() {
        let calls = marketo.calls().into_iter().enumerate();
        all.extend(calls.map(|(index, call)| marketo_call(instance, index, &call)));
    }
    all.sort_by_key(|entry| entry.at);
    all.reverse();
    all
}

fn signed_request(index: usize, sent: &Sent) -> Entry {
    let fields: Vec<(String, String)> =
        form_urlencoded::parse(sent.request.body.as_bytes()).into_owned().collect();
    let payload = fields.iter().find(|(name, _)| name == "payload");
    let payload: Value = payload.and_then(|(_, text)| serde_json::from_str(text).ok()).unwrap_or_default();
    let payload_type = payload["type"].as_str().map(|kind| format!(" {kind}")).unwrap_or_default();
    let state = match sent.status {
        None => State::Pending,
        Some(200) => State::Succeeded("200".to_owned()),
        Some(0) => State::Failed("no response".to_owned()),
        Some(status) => State::Failed(status.to_string()),
    };
    let took = sent.status.map(|_| sent.took);
    Entry {
        id: format!("s{index}"),
        at: sent.at,
        direction: "Slack → bot",
        name: format!("POST {}{payload_type}", sent.request.path),
        state,
        took,
    }
}

fn slack_call(index: usize, call: &slack::CallRecord) -> Entry {
    let state = match (call.status, &call.error) {
        (Some(status), None) => State::Succeeded(status.to_string()),
        (Some(status), Some(error)) => State::Failed(format!("{status} {error}")),
        (None, _) if call.took.is_some() => State::Failed("cut".to_owned()),
        (None, _) => State::Pending,
    };
    let name = call.method.clone();
    Entry { id: format!("c{index}"), at: call.at, direction: "bot → Slack", name, state, took: call.took }
}

fn marketo_call(instance: usize, index: usize, call: &marketo::CallRecord) -> Entry {
    let code = call.answer.as_ref().and_then(|answer| answer["errors"][0]["code"].as_i64());
    let state = match (call.status, code) {
        (Some(status @ 200..300), None) => State::Succeeded(status.to_string()),
        (Some(status), code) => {
            State::Failed(code.map_or_else(|| status.to_string(), |code| format!("{status} code {code}")))
        }
        (None, _) if call.took.is_some() => State::Failed("cut".to_owned()),
        (None, _) => State::Pending,
    };
    let path = call.path.replace("/userservice/management/v1", "");
    let name = format!("{} {path}", call.method);
    Entry {
        id: format!("m{instance}-{index}"),
        at: call.at,
        direction: "bot → Marketo",
        name,
        state,
        took: call.took,
    }
}

/// The details of one entry, as JSON text.
pub(super) fn entry(active: &ActivePlayground, id: &str) -> Option<String> {
    let (kind, index) = id.split_at_checked(1)?;
    let mask = mask(active);
    let details = match kind {
        "s" => signed_details(active.work.sent().get(index.parse::<usize>().ok()?)?),
        "c" => {
            let calls = active.slack.calls();
            let call = calls.get(index.parse::<usize>().ok()?)?;
            json!({ "call": call.method, "arguments": call.body, "status": call.status, "answer": call.answer })
        }
        "m" => {
            let (instance, index) = index.split_once('-')?;
            let calls = active.marketos.get(instance.parse::<usize>().ok()?)?.1.calls();
            let call = calls.get(index.parse::<usize>().ok()?)?;
            json!({
                "call": format!("{} {}", call.method, call.path), "body": call.body, "status": call.status,
                "answer": call.answer,
            })
        }
        _ => return None,
    };
    Some(format!("{:#}", mask.json(&details)))
}

fn signed_details(sent: &Sent) -> Value {
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

fn mask(active: &ActivePlayground) -> Mask {
    let slack = active.slack.setup();
    let marketos = active.marketos.iter().map(|(_, marketo)| marketo.setup().client_secret);
    Mask::of([slack.bot_token, slack.signing_secret].into_iter().chain(marketos))
}
