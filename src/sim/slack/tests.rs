//! The simulated Slack refuses what Slack refuses. The tests use plain HTTP, not the bot's client.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    http::{Request, header},
};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};

use super::*;

const HTML: &str = "text/html; charset=utf-8";

struct Caller {
    clock: Clock,
    slack: Arc<SlackSim>,
}

impl Caller {
    async fn new() -> Self {
        let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
        let slack = SlackSim::start(clock.clone(), Setup::default()).await.unwrap();
        Self { clock, slack }
    }

    /// Status, `Retry-After` and body; `None` if the connection was cut.
    async fn raw(
        &self,
        url: &str,
        token: &str,
        kind: &str,
        body: &str,
    ) -> Option<(u16, Option<String>, Value)> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::post(url)
            .header(header::AUTHORIZATION, token)
            .header(header::CONTENT_TYPE, kind)
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        let answer = client.request(request).await.ok()?;
        let status = answer.status().as_u16();
        let after = answer.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(answer.headers().contains_key("x-oauth-scopes"), answer.headers()["content-type"] != HTML);
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        Some((status, after, serde_json::from_slice(&body).unwrap_or_default()))
    }

    async fn json(&self, method: &str, body: Value) -> Value {
        let url = format!("{}/{method}", self.slack.api_url());
        let kind = "application/json; charset=utf-8";
        self.raw(&url, "Bearer xoxb-simulated", kind, &body.to_string()).await.unwrap().2
    }

    async fn form(&self, method: &str, body: &str) -> Value {
        let url = format!("{}/{method}", self.slack.api_url());
        let kind = "application/x-www-form-urlencoded";
        self.raw(&url, "Bearer xoxb-simulated", kind, body).await.unwrap().2
    }

    fn trigger(&self, user: &str) -> String {
        self.slack.change(|state| state.issue_trigger(user, false))
    }
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text })
}

fn view(title: &str) -> Value {
    let name = json!({ "type": "plain_text_input", "action_id": "v" });
    json!({ "type": "modal", "title": plain(title), "submit": plain("Send"), "external_id": title,
        "blocks": [{ "type": "input", "block_id": "name", "label": plain("Name"), "element": name }] })
}

#[tokio::test]
async fn the_token_and_the_content_type_are_checked_before_anything_else() {
    let caller = Caller::new().await;
    let json_type = "application/json; charset=utf-8";
    let form_type = "application/x-www-form-urlencoded";
    let good = "Bearer xoxb-simulated";
    let cases = [
        ("auth.test", "", json_type, "{}", "not_authed"),
        ("auth.test", "Basic abc", json_type, "{}", "not_authed"),
        ("auth.test", "Bearer xoxb-other", json_type, "{}", "invalid_auth"),
        ("auth.test", "", json_type, r#"{"token":"xoxb-simulated"}"#, "not_authed"),
        ("auth.tset", "", json_type, "{}", "unknown_method"),
        ("chat.postMessage", good, json_type, "{", "invalid_json"),
        ("chat.postMessage", good, json_type, "[]", "json_not_object"),
        ("chat.postMessage", good, "text/plain", "{}", "invalid_post_type"),
        ("chat.postMessage", good, json_type, "{}", "invalid_arguments"),
        ("users.info", good, json_type, r#"{"user":"U0REQ"}"#, "invalid_arguments"),
        ("users.info", good, form_type, "user=U0NOBODY", "user_not_found"),
        ("conversations.info", good, json_type, r#"{"channel":"C0OPS"}"#, "invalid_arguments"),
        ("conversations.members", good, json_type, r#"{"channel":"C0OPS"}"#, "invalid_arguments"),
        ("usergroups.users.list", good, json_type, r#"{"usergroup":"S0MOPS"}"#, "invalid_arguments"),
    ];
    for (method, token, kind, body, error) in cases {
        let url = format!("{}/{method}", caller.slack.api_url());
        let (status, _, answer) = caller.raw(&url, token, kind, body).await.unwrap();
        assert_eq!((status, &answer["error"]), (200, &json!(error)), "{method} {body}");
    }
    assert!(!format!("{:?}", caller.slack.calls()).contains("xoxb"));
    assert_eq!(caller.form("auth.test", "").await["user_id"], "UB0T");
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let caller = Caller::new().await;
    caller.slack.set_scopes(&["commands"]);
    let cases = [
        ("users.info", "user=U0REQ", "users:read"),
        ("usergroups.users.list", "usergroup=S0MOPS", "usergroups:read"),
        ("conversations.info", "channel=C0OPS", "channels:read"),
        ("conversations.members", "channel=C0PRIVATE", "groups:read"),
        ("conversations.history", "channel=C0OPS", "channels:history"),
        ("conversations.open", "users=U0REQ", "im:write"),
        ("chat.postMessage", "channel=C0OPS&text=a", "chat:write"),
        ("chat.update", "channel=C0OPS&ts=1.1&text=a", "chat:write"),
        ("chat.postEphemeral", "channel=C0OPS&user=U0REQ&text=a", "chat:write"),
    ];
    for (method, body, needed) in cases {
        let answer = caller.form(method, body).await;
        assert_eq!((&answer["error"], &answer["needed"]), (&json!("missing_scope"), &json!(needed)));
        assert_eq!(answer["provided"], "commands");
    }
}

#[tokio::test]
async fn users_groups_and_channels_are_read() {
    let caller = Caller::new().await;
    let user = caller.form("users.info", "user=U0SECOND").await["user"].clone();
    assert_eq!((&user["tz"], &user["tz_offset"]), (&json!("Asia/Kolkata"), &json!(19_800)));
    assert_eq!(caller.form("users.info", "user=U0GUEST").await["user"]["is_restricted"], true);
    let stranger = caller.form("users.info", "user=U0OUT").await["user"].clone();
    assert_eq!((&stranger["is_stranger"], &stranger["team_id"]), (&json!(true), &json!("T0999")));
    caller.slack.set_group("S0MOPS", &["U0REQ"]);
    assert_eq!(caller.form("usergroups.users.list", "usergroup=S0MOPS").await["users"], json!(["U0REQ"]));
    assert_eq!(caller.form("usergroups.users.list", "usergroup=S1").await["error"], "no_such_subteam");
    assert_eq!(caller.form("conversations.info", "channel=C0PRIVATE").await["error"], "channel_not_found");
    assert_eq!(caller.form("conversations.info", "channel=C0OPS").await["channel"]["is_member"], true);
    let mut cursor = String::new();
    let mut members = Vec::new();
    loop {
        let page =
            caller.form("conversations.members", &format!("channel=C0OPS&limit=4&cursor={cursor}")).await;
        members.extend(page["members"].as_array().unwrap().clone());
        cursor = page["response_metadata"]["next_cursor"].as_str().unwrap().to_owned();
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(members, ["U0REQ", "U0APPROVE", "U0SECOND", "U0GUEST", "U0OUT", "UB0T"]);
    assert_eq!(
        caller.form("conversations.members", "channel=C0OPS&cursor=x").await["error"],
        "invalid_cursor"
    );
    assert_eq!(
        caller.json("conversations.open", json!({ "users": "U0REQ" })).await["channel"]["id"],
        "D0REQ"
    );
    assert_eq!(caller.form("conversations.open", "users=UB0T").await["error"], "cannot_dm_bot");
}

#[tokio::test]
async fn posts_are_refused_where_slack_refuses_them() {
    let caller = Caller::new().await;
    let away = SimChannel { bot_is_member: false, ..SimChannel::public("C0AWAY", "away", &[]) };
    let old = SimChannel { archived: true, ..SimChannel::public("C0OLD", "old", &[]) };
    caller.slack.set_channel(away);
    caller.slack.set_channel(old);
    caller.slack.set_scopes(&["chat:write"]);
    let bad = json!([{ "type": "header", "text": plain("") }]);
    let cases = [
        (json!({ "channel": "C0NONE", "text": "a" }), "channel_not_found"),
        (json!({ "channel": "C0PRIVATE", "text": "a" }), "channel_not_found"),
        (json!({ "channel": "D0REQ", "text": "a" }), "channel_not_found"),
        (json!({ "channel": "C0AWAY", "text": "a" }), "not_in_channel"),
        (json!({ "channel": "C0OLD", "text": "a" }), "is_archived"),
        (json!({ "channel": "C0OPS" }), "no_text"),
        (json!({ "channel": "C0OPS", "text": "", "blocks": [] }), "no_text"),
        (json!({ "channel": "C0OPS", "blocks": bad }), "invalid_blocks"),
        (json!({ "channel": "C0OPS", "blocks": "{" }), "invalid_blocks_format"),
        (json!({ "channel": "C0OPS", "blocks": {} }), "invalid_blocks_format"),
        (json!({ "channel": "C0OPS", "text": "a", "thread_ts": "1.2" }), "cannot_reply_to_message"),
        (
            json!({ "channel": "C0OPS", "text": "a", "metadata": { "event_type": "x" } }),
            "invalid_metadata_format",
        ),
    ];
    for (body, error) in cases {
        assert_eq!(caller.json("chat.postMessage", body.clone()).await["error"], error, "{body}");
    }
    let answer = caller.json("chat.postMessage", json!({ "channel": "C0OPS", "blocks": bad })).await;
    let message = answer["response_metadata"]["messages"][0].as_str().unwrap();
    assert_eq!(message, "[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]");
    assert_eq!(caller.slack.channel("C0OPS"), []);
    caller.slack.set_scopes(&["chat:write", "chat:write.public"]);
    assert_eq!(
        caller.json("chat.postMessage", json!({ "channel": "C0AWAY", "text": "a" })).await["ok"],
        true
    );
}

#[tokio::test]
async fn messages_are_posted_updated_and_read() {
    let caller = Caller::new().await;
    let metadata = json!({ "event_type": "card", "event_payload": { "request": "1" } });
    let blocks = json!([{ "type": "divider", "block_id": "line" }]);
    let first = json!({ "channel": "U0REQ", "text": "one", "blocks": blocks, "metadata": metadata });
    let posted = caller.json("chat.postMessage", first).await;
    assert_eq!(posted["channel"], "D0REQ");
    let ts = posted["ts"].as_str().unwrap().to_owned();
    let reply = json!({ "channel": "D0REQ", "text": "reply", "thread_ts": ts });
    assert_eq!(caller.json("chat.postMessage", reply).await["ok"], true);
    let second = caller.json("chat.postMessage", json!({ "channel": "D0REQ", "text": "two" })).await;
    assert!(second["ts"].as_str().unwrap() > ts.as_str());

    caller.slack.set_scopes(&[]);
    let link = async |channel: &str, ts: &str| {
        caller.form("chat.getPermalink", &format!("channel={channel}&message_ts={ts}")).await
    };
    let place = format!("https://example.slack.com/archives/D0REQ/p{}", ts.replace('.', ""));
    assert_eq!(link("D0REQ", &ts).await["permalink"], place);
    let reply_ts = caller.slack.dm("U0REQ")[1].ts.clone();
    let of_reply = link("D0REQ", &reply_ts).await["permalink"].as_str().unwrap().to_owned();
    assert!(of_reply.ends_with(&format!("?thread_ts={ts}&cid=D0REQ")), "{of_reply}");
    for (channel, error) in [("D0REQ", "message_not_found"), ("C0PRIVATE", "channel_not_found")] {
        assert_eq!(link(channel, "1.2").await["error"], error);
    }
    let as_json = json!({ "channel": "D0REQ", "message_ts": ts });
    assert_eq!(caller.json("chat.getPermalink", as_json).await["error"], "invalid_arguments");
    caller.slack.set_scopes(&["chat:write", "im:history"]);

    let update = |channel: &str, ts: &str| json!({ "channel": channel, "ts": ts, "text": "new" });
    assert_eq!(caller.json("chat.update", update("U0REQ", &ts)).await["error"], "channel_not_found");
    assert_eq!(caller.json("chat.update", update("D0REQ", "1.2")).await["error"], "message_not_found");
    let long = json!({ "channel": "D0REQ", "ts": ts, "text": "a".repeat(4001) });
    assert_eq!(caller.json("chat.update", long).await["error"], "msg_too_long");
    assert_eq!(caller.json("chat.update", update("D0REQ", &ts)).await["ok"], true);
    caller.slack.change(|state| state.messages[0].bot_id = Some("B0OTHER".to_owned()));
    assert_eq!(caller.json("chat.update", update("D0REQ", &ts)).await["error"], "cant_update_message");

    let message = caller.slack.dm("U0REQ")[0].clone();
    assert_eq!((message.text.as_str(), message.blocks, message.edits), ("new", json!([]), 1));
    let history = caller.form("conversations.history", "channel=D0REQ&include_all_metadata=true").await;
    let texts: Vec<&Value> = history["messages"].as_array().unwrap().iter().map(|m| &m["text"]).collect();
    assert_eq!(texts, ["two", "new"], "newest first, and replies stay in their thread");
    assert_eq!(history["messages"][1]["metadata"], metadata);
    let page = caller.form("conversations.history", &format!("channel=D0REQ&oldest={ts}")).await;
    assert_eq!(page["messages"].as_array().unwrap().len(), 1);
    assert_eq!(page["messages"][0].get("metadata"), None);
    let thread = caller.form("conversations.replies", &format!("channel=D0REQ&ts={ts}")).await;
    let texts: Vec<&Value> = thread["messages"].as_array().unwrap().iter().map(|m| &m["text"]).collect();
    assert_eq!(texts, ["new", "reply"]);
    let gone = caller.form("conversations.replies", "channel=D0REQ&ts=1.2").await;
    assert_eq!(gone["error"], "thread_not_found");
    let page = caller.form("conversations.history", "channel=D0REQ&limit=1").await;
    assert_eq!((&page["has_more"], &page["messages"][0]["text"]), (&json!(true), &json!("two")));
}

#[tokio::test]
async fn ephemeral_messages_reach_only_channel_members() {
    let caller = Caller::new().await;
    let to = |channel: &str, user: &str| json!({ "channel": channel, "user": user, "text": "psst" });
    let cases = [
        (to("C0APPROVE", "U0REQ"), "user_not_in_channel"),
        (to("C0PRIVATE", "U0REQ"), "channel_not_found"),
        (json!({ "channel": "C0OPS", "user": "U0REQ" }), "no_text"),
        (json!({ "channel": "C0OPS", "text": "a" }), "invalid_arguments"),
    ];
    for (body, error) in cases {
        assert_eq!(caller.json("chat.postEphemeral", body).await["error"], error);
    }
    assert!(caller.json("chat.postEphemeral", to("C0OPS", "U0REQ")).await["message_ts"].is_string());
    assert_eq!(caller.slack.ephemerals_for("U0REQ")[0].text, "psst");
    assert_eq!(caller.slack.ephemerals_for("U0SECOND"), []);
}

#[tokio::test]
async fn a_trigger_opens_one_view_within_three_seconds() {
    let caller = Caller::new().await;
    let open = |trigger: &str, title: &str| json!({ "trigger_id": trigger, "view": view(title) });
    assert_eq!(caller.json("views.open", open("1.2.3", "A")).await["error"], "invalid_trigger_id");
    let trigger = caller.trigger("U0REQ");
    let mut bad = open(&trigger, "A");
    bad["view"]["submit"] = Value::Null;
    assert_eq!(caller.json("views.open", bad).await["error"], "invalid_arguments");
    assert_eq!(caller.json("views.open", open(&trigger, "A")).await["ok"], true);
    assert_eq!(caller.json("views.open", open(&trigger, "B")).await["error"], "exchanged_trigger_id");
    let again = caller.trigger("U0REQ");
    assert_eq!(caller.json("views.open", open(&again, "A")).await["error"], "duplicate_external_id");
    assert_eq!(caller.json("views.push", open(&again, "B")).await["error"], "invalid_trigger_id");
    let late = caller.trigger("U0REQ");
    caller.clock.advance(Duration::from_millis(3001));
    assert_eq!(caller.json("views.open", open(&late, "B")).await["error"], "expired_trigger_id");
    for title in ["B", "C"] {
        let inside = caller.slack.change(|state| state.issue_trigger("U0REQ", true));
        assert_eq!(caller.json("views.push", open(&inside, title)).await["ok"], true);
    }
    let inside = caller.slack.change(|state| state.issue_trigger("U0REQ", true));
    assert_eq!(caller.json("views.push", open(&inside, "D")).await["error"], "push_limit_reached");
    let top = caller.slack.open_view("U0REQ").unwrap();
    assert_eq!((top.title(), top.previous_id.is_some()), ("C", true));
}

#[tokio::test]
async fn an_update_keeps_input_where_the_ids_stay() {
    let caller = Caller::new().await;
    let open = json!({ "trigger_id": caller.trigger("U0REQ"), "view": view("A") });
    let opened = caller.json("views.open", open).await["view"].clone();
    assert_eq!(opened["state"]["values"]["name"]["v"]["value"], Value::Null);
    let key = ("name".to_owned(), "v".to_owned());
    caller.slack.change(|state| state.top("U0REQ").unwrap().typed.insert(key, json!("Ada")));

    let update = |hash: &Value, view: Value| json!({ "external_id": "A", "hash": hash, "view": view });
    let kept = caller.json("views.update", update(&opened["hash"], view("A"))).await;
    assert_eq!(kept["view"]["state"]["values"]["name"]["v"]["value"], "Ada");
    let stale = caller.json("views.update", update(&opened["hash"], view("A"))).await;
    assert_eq!(stale["error"], "hash_conflict");
    let mut renamed = view("A");
    renamed["blocks"][0]["element"]["action_id"] = json!("w");
    let lost = caller.json("views.update", json!({ "view_id": opened["id"], "view": renamed })).await;
    assert_eq!(lost["view"]["state"]["values"]["name"]["w"]["value"], Value::Null);
    let none = caller.json("views.update", json!({ "view_id": "V9", "view": view("A") })).await;
    assert_eq!(none["error"], "not_found");
    assert_eq!(caller.json("views.update", json!({ "view": view("A") })).await["error"], "invalid_arguments");
}

#[tokio::test]
async fn a_response_url_works_five_times_and_for_half_an_hour() {
    let caller = Caller::new().await;
    let url = || {
        let id = caller.slack.change(|state| state.issue_response("U0REQ", "C0PRIVATE", None));
        caller.slack.response_url(&id)
    };
    let first = url();
    let respond = async |url: &str, body: &str| {
        let (status, _, answer) = caller.raw(url, "", "application/json", body).await.unwrap();
        (status, answer["error"].as_str().map(str::to_owned))
    };
    for _ in 0..4 {
        assert_eq!(respond(&first, r#"{"text":"psst"}"#).await, (200, None));
    }
    assert_eq!(respond(&first, r#"{"text":"all","response_type":"in_channel"}"#).await, (200, None));
    assert_eq!(respond(&first, r#"{"text":"a"}"#).await, (404, Some("used_url".to_owned())));
    assert_eq!(caller.slack.ephemerals_for("U0REQ").len(), 4);
    assert_eq!(caller.slack.channel("C0PRIVATE").len(), 1);
    let late = url();
    assert_eq!(respond(&late, "{}").await, (400, Some("no_text".to_owned())));
    caller.clock.advance(Duration::from_secs(30 * 60 + 1));
    assert_eq!(respond(&late, r#"{"text":"a"}"#).await, (404, Some("expired_url".to_owned())));
    let posted = caller.slack.calls_to("response_url").len();
    assert_eq!(posted, 8);
}

#[tokio::test]
async fn scripted_faults_affect_the_call_they_were_scripted_for() {
    let caller = Caller::new().await;
    let url = format!("{}/chat.postMessage", caller.slack.api_url());
    let post = async || {
        let body = r#"{"channel":"C0OPS","text":"a"}"#;
        caller.raw(&url, "Bearer xoxb-simulated", "application/json; charset=utf-8", body).await
    };
    let faults = caller.slack.faults();
    caller.slack.rate_limit("chat.postMessage", 30);
    faults.script("chat.postMessage", Fault::AppliedThenAnswer { status: 500, body: json!({}) });
    faults.script("chat.postMessage", Fault::Html);
    faults.script("chat.postMessage", Fault::AppliedThenCut);
    faults.script("chat.postMessage", Fault::Cut);
    let (status, after, body) = post().await.unwrap();
    assert_eq!((status, after.as_deref(), &body["error"]), (429, Some("30"), &json!("ratelimited")));
    assert_eq!(post().await.unwrap().0, 500);
    assert_eq!(post().await.unwrap().2, Value::Null);
    assert_eq!(post().await, None);
    assert_eq!(post().await, None);
    assert_eq!(caller.slack.channel("C0OPS").len(), 2);
    let statuses: Vec<Option<u16>> = caller.slack.calls().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [Some(429), Some(500), Some(200), None, None]);

    faults.script("chat.postMessage", Fault::Hang);
    let timed_out = tokio::time::timeout(Duration::from_millis(50), post()).await;
    assert!(timed_out.is_err());
    faults.script("chat.postMessage", Fault::Slow(Duration::from_secs(5)));
    let (answer, ()) = tokio::join!(post(), async {
        assert!(caller.slack.wait_for(|slack| slack.calls().len() == 7).await);
        caller.clock.advance(Duration::from_secs(5));
    });
    assert_eq!(answer.unwrap().2["ok"], true);
    caller.slack.set_down(true);
    assert_eq!(post().await, None);
    caller.slack.set_down(false);
    assert_eq!(post().await.unwrap().2["ok"], true);
}
