//! The client against a loopback server that responds as Slack does, or worse.

mod size_limit;

use std::sync::{Arc, Mutex};

use axum::{
    body::Body,
    http::{Request, Response},
};
use serde_json::json;

use super::*;
use crate::{
    domain::people::ChannelId,
    sim::server::{Cut, Server},
    slack::{error::Class, replies, views},
};

const TOKEN: &str = "xoxb-secret-token";

/// A request that the server received: method and path with query, two headers, and the body.
#[derive(Clone, Debug)]
struct Received {
    call: String,
    auth: Option<String>,
    content_type: Option<String>,
    body: Value,
}

enum Reply {
    Json(Value),
    Raw(u16, &'static [(&'static str, &'static str)], &'static str),
    Hang,
    Cut,
}

struct Slack {
    server: Server,
    received: Arc<Mutex<Vec<Received>>>,
    client: Client,
}

impl Slack {
    /// A server that gives these replies in order, then `ok: true`.
    async fn replying(replies: Vec<Reply>) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let replies = Arc::new(Mutex::new(replies.into_iter()));
        let log = Arc::clone(&received);
        let server = Server::start(move |request: Request<axum::body::Bytes>| {
            let header = |name: &str| request.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
            log.lock().unwrap().push(Received {
                call: format!("{} {}", request.method(), request.uri()),
                auth: header("authorization"),
                content_type: header("content-type"),
                body: serde_json::from_slice(request.body()).unwrap_or_default(),
            });
            let reply = replies.lock().unwrap().next().unwrap_or(Reply::Json(json!({ "ok": true })));
            async move {
                let builder = Response::builder();
                Ok(match reply {
                    Reply::Json(body) => builder
                        .header("content-type", "application/json; charset=utf-8")
                        .body(Body::from(body.to_string())),
                    Reply::Raw(status, headers, body) => headers
                        .iter()
                        .fold(builder.status(status), |builder, (name, value)| builder.header(*name, *value))
                        .body(Body::from(body)),
                    Reply::Hang => std::future::pending().await,
                    Reply::Cut => return Err(Cut),
                }
                .unwrap())
            }
        })
        .await
        .unwrap();
        let client = client(&format!("{}/api/", server.url()));
        Self { server, received, client }
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

fn client(api_url: &str) -> Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let settings =
        Settings { api_url: api_url.to_owned(), token: TOKEN.into(), timeout: Duration::from_millis(1500) };
    Client::new(settings, Clock::system(), tls)
}

fn key() -> MessageKey {
    MessageKey { request: "req-1".into(), name: "card".to_owned() }
}

fn error<T>(result: Result<T, Error>) -> Error {
    result.err().expect("an error")
}

#[tokio::test]
async fn post_sends_json_with_token_and_message_key() {
    let slack = Slack::replying(vec![Reply::Json(
        json!({ "ok": true, "channel": "C0REAL", "ts": "1.2", "message": { "text": "…" }, "warning": "x" }),
    )])
    .await;
    let message = replies::starting();
    let posted = slack.client.post("U0APPROVE", &message, &key(), Some("1.1")).await.unwrap();
    assert_eq!(posted, Posted { channel: "C0REAL".into(), ts: "1.2".to_owned() });
    let received = slack.received().remove(0);
    assert_eq!(received.call, "POST /api/chat.postMessage");
    assert_eq!(received.auth.as_deref(), Some("Bearer xoxb-secret-token"));
    assert_eq!(received.content_type.as_deref(), Some("application/json; charset=utf-8"));
    let expected = json!({
        "channel": "U0APPROVE",
        "text": message.text,
        "blocks": message.blocks,
        "thread_ts": "1.1",
        "unfurl_links": false,
        "unfurl_media": false,
        "metadata": {
            "event_type": "marketo_api_user",
            "event_payload": { "request": "req-1", "part": "card" },
        },
    });
    assert_eq!(received.body, expected);
}

#[tokio::test]
async fn other_messages_and_modals_send_the_expected_bodies() {
    let view = views::loading_modal("{}");
    let opened = || Reply::Json(json!({ "ok": true, "view": { "id": "V1", "hash": "h1", "state": [] } }));
    let ok = || Reply::Json(json!({ "ok": true }));
    let slack = Slack::replying(vec![
        opened(),
        opened(),
        ok(),
        ok(),
        Reply::Json(json!({ "ok": true, "channel": { "id": "D1" } })),
    ])
    .await;
    let client = &slack.client;
    let opened = OpenedView { id: "V1".to_owned(), hash: Some("h1".to_owned()) };
    assert_eq!(client.open_view("1.2.x", &view).await.unwrap(), opened);
    assert_eq!(client.update_view("V1", Some("h1"), &view).await.unwrap(), opened);
    let message = replies::starting();
    client.update(&"C1".into(), "1.2", &message).await.unwrap();
    client.post_ephemeral(&"C1".into(), &"U1".into(), &message).await.unwrap();
    assert_eq!(client.open_dm(&"U1".into()).await.unwrap(), ChannelId::from("D1"));
    let (text, blocks) = (&message.text, &message.blocks);
    let bodies: Vec<Value> = slack.received().into_iter().map(|received| received.body).collect();
    assert_eq!(
        bodies,
        [
            json!({ "trigger_id": "1.2.x", "view": view }),
            json!({ "view_id": "V1", "hash": "h1", "view": view }),
            json!({ "channel": "C1", "ts": "1.2", "text": text, "blocks": blocks, "parse": "none" }),
            json!({ "channel": "C1", "user": "U1", "text": text, "blocks": blocks }),
            json!({ "users": "U1" }),
        ]
    );
}

#[tokio::test]
async fn reads_send_queries_and_ignore_other_fields() {
    let slack = Slack::replying(vec![
        Reply::Json(json!({ "ok": true, "team_id": "T1", "user_id": "UB0T", "bot_id": "B1", "url": "https://x" })),
        Reply::Json(json!({ "ok": true, "user": {
            "id": "U1", "team_id": "T1", "tz": "Asia/Kolkata", "tz_offset": 19800, "is_ultra_restricted": true,
            "profile": { "email": "ada@example.com" },
        } })),
        Reply::Json(json!({ "ok": true, "users": ["U1", "U2"] })),
        Reply::Json(json!({ "ok": true, "channel": { "id": "C1", "name": "ops", "is_member": true } })),
        Reply::Json(json!({ "ok": true, "channel": "C1", "permalink": "https://x.slack.com/archives/C1/p10001" })),
        Reply::Json(json!({ "ok": true, "channel": "C1", "permalink": "slack://channel" })),
    ])
    .await;
    let client = &slack.client;
    assert_eq!(client.auth_test().await.unwrap().user_id, "UB0T".into());
    let profile = client.user(&"U1".into()).await.unwrap();
    assert_eq!((profile.zone.name(), profile.is_guest, profile.is_bot), ("Asia/Kolkata", true, false));
    assert_eq!(client.group_members(&"S1".into()).await.unwrap(), ["U1".into(), "U2".into()]);
    let channel = client.channel(&"C1".into()).await.unwrap();
    assert!(channel.is_member && !channel.is_archived && channel.name.as_deref() == Some("ops"));
    let link = client.permalink(&"C1".into(), "1.0001").await.unwrap();
    assert_eq!(link.as_str(), "https://x.slack.com/archives/C1/p10001");
    assert_eq!(error(client.permalink(&"C1".into(), "1.0001").await).code, "unreadable");
    let calls: Vec<String> = slack.received().into_iter().map(|received| received.call).collect();
    assert_eq!(
        calls,
        [
            "GET /api/auth.test?",
            "GET /api/users.info?user=U1",
            "GET /api/usergroups.users.list?usergroup=S1",
            "GET /api/conversations.info?channel=C1",
            "GET /api/chat.getPermalink?channel=C1&message_ts=1.0001",
            "GET /api/chat.getPermalink?channel=C1&message_ts=1.0001",
        ]
    );
    assert!(
        slack.received().iter().all(|received| received.auth.is_some() && received.content_type.is_none())
    );
}

#[tokio::test]
async fn member_lists_are_complete_or_an_error() {
    let page = |user: &str, next: &str| {
        Reply::Json(json!({ "ok": true, "members": [user], "response_metadata": { "next_cursor": next } }))
    };
    let slack = Slack::replying(vec![page("U1", "dXNlcjo="), page("U2", "")]).await;
    let members = slack.client.channel_members(&"C1".into()).await.unwrap();
    assert_eq!(members, ["U1".into(), "U2".into()]);
    assert_eq!(
        slack.received()[1].call,
        "GET /api/conversations.members?channel=C1&limit=500&cursor=dXNlcjo%3D"
    );
    let slack = Slack::replying((0..30).map(|_| page("U1", "more")).collect()).await;
    assert_eq!(error(slack.client.channel_members(&"C1".into()).await).code, "too_many_members");
    assert_eq!(slack.received().len(), 20);
}

#[tokio::test]
async fn scopes_come_from_the_response_header() {
    let headers = &[("x-oauth-scopes", "chat:write, users:read"), ("content-type", "application/json")];
    let slack = Slack::replying(vec![
        Reply::Raw(200, headers, r#"{"ok":true}"#),
        Reply::Raw(200, headers, r#"{"ok":false,"error":"invalid_auth"}"#),
        Reply::Json(json!({ "ok": true })),
    ])
    .await;
    assert_eq!(slack.client.granted_scopes().await.unwrap(), ["chat:write", "users:read"]);
    assert_eq!(error(slack.client.granted_scopes().await).class, Class::Revoked);
    assert_eq!(error(slack.client.granted_scopes().await).code, "unreadable");
    assert_eq!(slack.received()[0].auth.as_deref(), Some("Bearer xoxb-secret-token"));
}

#[tokio::test]
async fn failures_are_classified() {
    const JSON: (&str, &str) = ("content-type", "application/json");
    const HTML: (&str, &str) = ("content-type", "text/html");
    let wait = |seconds| Class::RateLimited { after: Duration::from_secs(seconds) };
    let cases = vec![
        (
            Reply::Raw(429, &[("retry-after", "7"), JSON], r#"{"ok":false,"error":"ratelimited"}"#),
            wait(7),
            "ratelimited",
        ),
        (Reply::Raw(429, &[("retry-after", "0"), HTML], ""), wait(1), "ratelimited"),
        (Reply::Raw(429, &[("retry-after", "99999"), HTML], ""), wait(3600), "ratelimited"),
        (Reply::Raw(429, &[HTML], ""), wait(30), "ratelimited"),
        (Reply::Json(json!({ "ok": false, "error": "ratelimited" })), wait(1), "ratelimited"),
        (Reply::Json(json!({ "ok": false, "error": "not_in_channel" })), Class::Refused, "not_in_channel"),
        (Reply::Json(json!({ "ok": false, "error": "fatal_error" })), Class::Unknown, "fatal_error"),
        (Reply::Json(json!({ "ok": false, "error": "token_revoked" })), Class::Revoked, "token_revoked"),
        (
            Reply::Json(
                json!({ "ok": false, "error": "missing_scope", "needed": "chat:write", "provided": "x" }),
            ),
            Class::MissingScope { needed: "chat:write".to_owned() },
            "missing_scope",
        ),
        (Reply::Raw(200, &[HTML], "<html>log in</html>"), Class::Unknown, "unreadable"),
        (Reply::Raw(200, &[JSON], ""), Class::Unknown, "unreadable"),
        (Reply::Raw(200, &[JSON], "[]"), Class::Unknown, "unreadable"),
        (Reply::Raw(200, &[JSON], r#"{"ok":false}"#), Class::Unknown, "unreadable"),
        (Reply::Raw(200, &[JSON], r#"{"ok":true,"ts":7}"#), Class::Unknown, "unreadable"),
        (Reply::Raw(204, &[], ""), Class::Unknown, "unreadable"),
        (Reply::Raw(502, &[], "bad gateway"), Class::Unknown, "http_502"),
        (Reply::Raw(302, &[("location", "http://127.0.0.1:1/")], ""), Class::Unknown, "http_302"),
        (Reply::Raw(404, &[], "no"), Class::Refused, "http_404"),
        (Reply::Hang, Class::Unknown, "timeout"),
        (Reply::Cut, Class::Unknown, "cut"),
    ];
    for (reply, class, code) in cases {
        let slack = Slack::replying(vec![reply]).await;
        let error = error(slack.client.post("C1", &replies::starting(), &key(), None).await);
        assert_eq!((error.method, &error.class, error.code.as_str()), ("chat.postMessage", &class, code));
        assert_eq!(slack.received().len(), 1, "{code}: nothing is repeated");
    }
    let nowhere = client("http://127.0.0.1:1/api");
    assert_eq!(error(nowhere.auth_test().await).class, Class::Unreachable);
    assert_eq!(error(nowhere.granted_scopes().await).class, Class::Unreachable);
}

#[tokio::test]
async fn messages_are_found_by_their_metadata() {
    let said = |request: &str, part: &str, ts: &str| {
        json!({ "type": "message", "text": "x", "ts": ts, "metadata": {
            "event_type": "marketo_api_user", "event_payload": { "request": request, "part": part, "n": 1 },
        } })
    };
    let page = |messages: Value, next: &str| {
        Reply::Json(json!({ "ok": true, "messages": messages, "response_metadata": { "next_cursor": next } }))
    };
    let others = json!([{ "type": "message", "ts": "9" }, said("req-1", "announcement", "8"), said("req-2", "card", "7")]);
    let slack = Slack::replying(vec![
        page(others.clone(), "next"),
        page(json!([said("req-1", "card", "6.5")]), ""),
        Reply::Json(json!({ "ok": true, "messages": others.clone(), "response_metadata": null })),
        page(json!([said("req-1", "card", "6.6")]), ""),
    ])
    .await;
    let since = "2026-11-24T10:00:00Z".parse().unwrap();
    let found = slack.client.find_posted(&"C1".into(), since, &key()).await.unwrap();
    assert_eq!(found, [Posted { channel: "C1".into(), ts: "6.5".to_owned() }]);
    assert_eq!(slack.client.find_posted(&"C1".into(), since, &key()).await.unwrap(), []);
    let reply = slack.client.find_reply(&"C1".into(), "5.5", since, &key()).await.unwrap();
    assert_eq!(reply[0].ts, "6.6");
    let calls: Vec<String> = slack.received().into_iter().map(|received| received.call).collect();
    let oldest = "oldest=1795514340&include_all_metadata=true&limit=200";
    assert_eq!(calls[0], format!("GET /api/conversations.history?channel=C1&{oldest}"));
    assert_eq!(calls[1], format!("GET /api/conversations.history?channel=C1&{oldest}&cursor=next"));
    assert_eq!(calls[3], format!("GET /api/conversations.replies?channel=C1&ts=5.5&{oldest}"));
    let endless = Slack::replying((0..9).map(|_| page(others.clone(), "next")).collect()).await;
    let unsure = error(endless.client.find_posted(&"C1".into(), since, &key()).await);
    assert_eq!((unsure.code.as_str(), endless.received().len()), ("too_many_messages", 5));
}

#[tokio::test]
async fn response_url_is_used_for_slack_hosts_only_and_without_the_token() {
    let slack = Slack::replying(vec![
        Reply::Raw(200, &[("content-type", "text/html")], "ok"),
        Reply::Raw(404, &[("content-type", "application/json")], r#"{"ok":false,"error":"used_url"}"#),
    ])
    .await;
    let (base, message) = (slack.server.url(), replies::starting());
    slack.client.respond(&format!("{base}/actions/T1/1/x"), &message).await.unwrap();
    let received = slack.received().remove(0);
    assert_eq!((received.call.as_str(), received.auth), ("POST /actions/T1/1/x", None));
    let expected = json!({
        "response_type": "ephemeral", "replace_original": false, "text": message.text, "blocks": message.blocks,
    });
    assert_eq!(received.body, expected);
    let used = error(slack.client.respond(&format!("{base}/actions/T1/1/x"), &message).await);
    assert_eq!((used.class, used.code.as_str()), (Class::Refused, "http_404"));

    for good in [
        "https://hooks.slack.com/actions/T1/1/x",
        "https://slack.com/x",
        "https://HOOKS.SLACK.COM/x",
        "https://hooks.slack-gov.com/commands/x",
        "https://hooks.slack.com:443/x",
        // URL parsers take the backslash for a slash, so this is a path of hooks.slack.com.
        "https://hooks.slack.com\\@evil.example/x",
    ] {
        assert!(slack.client.allowed_response_url(good).is_some(), "{good}");
    }
    for bad in [
        "http://hooks.slack.com/x",
        "https://hooks.slack.com:8443/x",
        "https://hooks.slack.com@evil.example/x",
        "https://user:pass@hooks.slack.com/x",
        "https://evilslack.com/x",
        "https://slack.com.evil.example/x",
        "https://hooks.slack.com./x",
        "https://evil.example\\.slack.com/x",
        "https://evil.example/.slack.com",
        "https://evil.example#.slack.com",
        "https://evil.example?.slack.com",
        "https://slack.com\t.evil.example/x",
        "https://slack.com%2eevil.example/x",
        "https://slack.com%00.evil.example/x",
        "https://hooks.\u{455}lack.com/x",
        "https://hooks.xn--lack-hpd.com/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://2130706433/x",
        "wss://hooks.slack.com/x",
        "https://127.0.0.1/x",
        &base.replace("http:", "https:"),
        &base.replace("127.0.0.1", "localhost"),
        "http://127.0.0.1:1/x",
        "file:///etc/passwd",
        "hooks.slack.com/x",
        "",
    ] {
        let refused = error(slack.client.respond(bad, &message).await);
        assert_eq!((refused.class, refused.code.as_str()), (Class::Refused, "foreign_host"), "{bad}");
    }
    assert_eq!(slack.received().len(), 2);
}

#[tokio::test]
async fn debug_output_has_neither_token_nor_bodies() {
    let slack = Slack::replying(vec![Reply::Json(
        json!({ "ok": false, "error": "invalid_blocks", "response_metadata": { "messages": ["[ERROR] ada@example.com"] } }),
    )])
    .await;
    let error = error(slack.client.post("C1", &replies::starting(), &key(), None).await);
    let shown = format!("{:?} {error:?} {error}", slack.client);
    assert!(!shown.contains("secret") && !shown.contains("ada@"), "{shown}");
    assert!(shown.contains("Slack's chat.postMessage failed: invalid_blocks"), "{shown}");
    let settings = Settings { api_url: String::new(), token: TOKEN.into(), timeout: Duration::ZERO };
    assert!(!format!("{settings:?}").contains("secret"));
}
