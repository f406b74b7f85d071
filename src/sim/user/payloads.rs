//! The payloads that Slack sends: commands, actions, submitted and closed views, option searches. It builds them from
//! the workspace's state and must not send them.

use serde_json::{Value, json};

use crate::sim::slack::{
    SimMessage, SimView,
    state::{Conversation, SlackState},
};

/// The fields of a slash command; `response_url` is where it may be answered.
pub(super) fn command(
    state: &mut SlackState,
    user: &str,
    channel: &str,
    line: &str,
    response_url: &str,
) -> Vec<(&'static str, String)> {
    let line = line.trim();
    let (command, text) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let trigger_id = state.issue_trigger(user, false);
    let user_name = state.user(user).map(|user| user.name.clone()).unwrap_or_default();
    vec![
        ("token", "deprecated".to_owned()),
        ("team_id", state.setup.team_id.clone()),
        ("team_domain", state.setup.team_name.clone()),
        ("enterprise_id", state.setup.enterprise_id.clone().unwrap_or_default()),
        ("channel_id", channel.to_owned()),
        ("channel_name", channel_name(state, channel)),
        ("user_id", user.to_owned()),
        ("user_name", user_name),
        ("command", command.to_owned()),
        ("text", text.trim_start().to_owned()),
        ("api_app_id", state.setup.app_id.clone()),
        ("is_enterprise_install", "false".to_owned()),
        ("response_url", response_url.to_owned()),
        ("trigger_id", trigger_id),
    ]
}

/// Slack names only public channels in payloads.
fn channel_name(state: &SlackState, id: &str) -> String {
    match state.conversation(id) {
        Some(Conversation::Channel(channel)) if !channel.is_private => channel.name,
        Some(Conversation::Direct { .. }) => "directmessage".to_owned(),
        _ if id.starts_with('D') => "directmessage".to_owned(),
        _ => "privategroup".to_owned(),
    }
}

/// The common fields of all interactive payloads.
fn base(state: &SlackState, user: &str, kind: &str) -> Value {
    let name = state.user(user).map(|user| user.name.clone()).unwrap_or_default();
    json!({
        "type": kind,
        "user": { "id": user, "username": name, "name": name, "team_id": state.team_of(user) },
        "api_app_id": state.setup.app_id,
        "token": "deprecated",
        "team": { "id": state.setup.team_id, "domain": state.setup.team_name },
        "enterprise": state.setup.enterprise_id.as_ref().map(|id| json!({ "id": id, "name": "Example" })),
        "is_enterprise_install": false,
    })
}

/// A clicked button or a changed field, as an entry of `actions`.
pub(super) fn action(state: &mut SlackState, block: &Value, element: &Value, value: Option<Value>) -> Value {
    let mut action = json!({
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": state.new_ts(),
    });
    for name in ["text", "value", "style", "url"] {
        if let Some(value) = element.get(name) {
            action[name] = value.clone();
        }
    }
    for (name, value) in value.as_ref().and_then(Value::as_object).into_iter().flatten() {
        action[name] = value.clone();
    }
    action
}

/// An action in a message.
pub(super) fn message_action(
    state: &mut SlackState,
    user: &str,
    message: &SimMessage,
    action: Value,
    response_url: &str,
) -> Value {
    let mut payload = base(state, user, "block_actions");
    let (channel, ts) = (&message.channel, &message.ts);
    payload["container"] =
        json!({ "type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": false });
    payload["trigger_id"] = json!(state.issue_trigger(user, false));
    payload["channel"] = json!({ "id": channel, "name": channel_name(state, channel) });
    payload["message"] = state.message_json(message, false);
    payload["state"] = json!({ "values": {} });
    payload["response_url"] = json!(response_url);
    payload["actions"] = json!([action]);
    payload
}

/// An action in a modal.
pub(super) fn view_action(state: &mut SlackState, view: &SimView, action: Value) -> Value {
    let mut payload = base(state, &view.user, "block_actions");
    payload["container"] = json!({ "type": "view", "view_id": view.id });
    payload["trigger_id"] = json!(state.issue_trigger(&view.user, true));
    payload["view"] = view.json(&state.setup, true);
    payload["actions"] = json!([action]);
    payload
}

/// A view submission.
pub(super) fn submission(state: &mut SlackState, view: &SimView) -> Value {
    let mut payload = base(state, &view.user, "view_submission");
    payload["trigger_id"] = json!(state.issue_trigger(&view.user, true));
    payload["view"] = view.json(&state.setup, true);
    payload["response_urls"] = json!([]);
    payload
}

/// A closed view, without its input.
pub(super) fn closed(state: &SlackState, view: &SimView) -> Value {
    let mut payload = base(state, &view.user, "view_closed");
    payload["view"] = view.json(&state.setup, false);
    payload["is_cleared"] = json!(false);
    payload
}

/// A search in an external select.
pub(super) fn suggestion(
    state: &SlackState,
    view: &SimView,
    block: &Value,
    element: &Value,
    typed: &str,
) -> Value {
    let mut payload = base(state, &view.user, "block_suggestion");
    payload["container"] = json!({ "type": "view", "view_id": view.id });
    payload["action_id"] = element["action_id"].clone();
    payload["block_id"] = block["block_id"].clone();
    payload["value"] = json!(typed);
    payload["view"] = view.json(&state.setup, true);
    payload
}
