//! The HTTP edge over raw connections: what it accepts, how it refuses, and what it reports to operators.

use std::{net::SocketAddr, time::Duration};

use marketo_api_user::{
    clock::Clock,
    playground::{Mode, Options, POLICY, Playground},
    sim::{slack::Setup, user::sign},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::load::{self, Shared};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const LIMIT: usize = 256 * 1024;

struct Edge {
    playground: Playground,
    secret: String,
    _machine: Shared,
}

impl Edge {
    async fn open() -> Self {
        Self::with(POLICY.to_owned()).await
    }

    async fn with(policy: String) -> Self {
        let clock = Clock::manual("2026-11-24T10:00:00Z".parse().expect("a time"));
        Self::with_options(Options { policy, ..Options::new(clock, Mode::Live) }).await
    }

    async fn with_options(options: Options) -> Self {
        let machine = load::shared().await;
        let playground = Playground::open(options).await.expect("a playground");
        Self { playground, secret: Setup::default().signing_secret, _machine: machine }
    }

    fn now(&self) -> String {
        self.playground.clock.now().as_second().to_string()
    }

    fn signed(&self, body: &str) -> Vec<(&'static str, String)> {
        let stamp = self.now();
        let signature = sign(&self.secret, &stamp, body);
        vec![("X-Slack-Request-Timestamp", stamp), ("X-Slack-Signature", signature)]
    }

    async fn connect(&self) -> TcpStream {
        let address: SocketAddr =
            self.playground.url().trim_start_matches("http://").parse().expect("an address");
        TcpStream::connect(address).await.expect("the bot listens")
    }

    /// Sends a request as text and reads the whole answer.
    async fn raw(&self, head: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(head.as_bytes()).await.expect("sent");
        // The bot may answer and close before it has read everything.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
        let _ = read.expect("an answer in time");
        Answer::read(&answer)
    }

    async fn post(&self, path: &str, content_type: &str, headers: &[(&str, String)], body: &str) -> Answer {
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nHost: bot\r\nConnection: close\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        self.raw(&(head + "\r\n"), body.as_bytes()).await
    }

    async fn post_signed(&self, path: &str, content_type: &str, body: &str) -> Answer {
        self.post(path, content_type, &self.signed(body), body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n"), b"").await
    }

    /// The value of a metric whose line begins with `name`.
    async fn counted(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await.body;
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok()).unwrap_or(0)
    }
}

#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    fn is(&self, status: u16, body: &str) -> bool {
        self.status == status && self.body == body
    }
}

fn command(fields: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let known = [
        ("team_id", "T0001"),
        ("api_app_id", "A0001"),
        ("channel_id", "C0OPS"),
        ("user_id", "U0REQ"),
        ("command", "/marketo-api-user"),
        ("text", "help"),
        ("trigger_id", "1.2.three"),
    ];
    for (name, value) in known {
        if !fields.iter().any(|(changed, _)| *changed == name) {
            form.append_pair(name, value);
        }
    }
    for (name, value) in fields {
        form.append_pair(name, value);
    }
    form.finish()
}

fn interaction(payload: &serde_json::Value) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish()
}

#[tokio::test]
async fn signed_command_is_answered_even_when_not_percent_encoded() {
    let edge = Edge::open().await;
    let answer = edge.post_signed("/slack/commands", FORM, &command(&[])).await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: application/json"));
    let message: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(message["response_type"], "ephemeral");
    assert!(message["text"].as_str().expect("text").contains("/marketo-api-user svc@example.com"));
    let plain = command(&[]).replace("%2F", "/");
    assert_eq!(edge.post_signed("/slack/commands", FORM, &plain).await.status, 200);
}

#[tokio::test]
async fn unsigned_requests_are_rejected_without_a_reason() {
    let edge = Edge::open().await;
    let body = command(&[]);
    let good = edge.signed(&body);
    let stamp = |seconds: i64| {
        let stamp = (edge.playground.clock.now().as_second() + seconds).to_string();
        let signature = sign(&edge.secret, &stamp, &body);
        vec![("X-Slack-Request-Timestamp", stamp), ("X-Slack-Signature", signature)]
    };
    let twice = |name: &str| {
        let mut headers = good.clone();
        headers.extend(good.iter().filter(|(own, _)| *own == name).cloned());
        headers
    };
    let changed = |name: &str, value: String| {
        good.iter().map(|(own, old)| (*own, if *own == name { value.clone() } else { old.clone() })).collect()
    };
    let (timestamp, signature) = ("X-Slack-Request-Timestamp", "X-Slack-Signature");
    let cases: Vec<(&str, Vec<(&'static str, String)>)> = vec![
        ("no header", Vec::new()),
        ("no signature", good.iter().take(1).cloned().collect()),
        ("no timestamp", good.iter().skip(1).cloned().collect()),
        ("too old", stamp(-301)),
        ("too new", stamp(301)),
        ("two timestamps", twice(timestamp)),
        ("two signatures", twice(signature)),
        ("a timestamp in words", changed(timestamp, "now".to_owned())),
        ("a signature with a tail", changed(signature, format!("{}=zzz", good[1].1))),
        ("a signature in capitals", changed(signature, good[1].1.to_uppercase())),
        ("another secret", changed(signature, sign("other", &edge.now(), &body))),
    ];
    for route in ["/slack/commands", "/slack/interactions", "/slack/options", "/slack/events"] {
        for (what, headers) in &cases {
            let answer = edge.post(route, FORM, headers, &body).await;
            assert!(answer.is(401, ""), "{what} on {route}: {answer:?}");
        }
        let tampered = edge.post(route, FORM, &good, &body.replace("help", "hulp")).await;
        assert!(tampered.is(401, ""), "{tampered:?}");
    }
    assert!(edge.post("/slack/commands", FORM, &stamp(-300), &body).await.status == 200);
    assert!(edge.post("/slack/commands", FORM, &stamp(300), &body).await.status == 200);
}

#[tokio::test]
async fn unsigned_ssl_check_is_answered_without_effect() {
    let edge = Edge::open().await;
    assert!(edge.post("/slack/commands", FORM, &[], "ssl_check=1&token=x").await.is(200, ""));
    for body in ["ssl_check=0", "ssl_check=1&ssl_check=1", "{\"ssl_check\":1}", ""] {
        assert!(edge.post("/slack/commands", FORM, &[], body).await.is(401, ""), "{body}");
    }
    assert!(edge.post("/slack/interactions", FORM, &[], "ssl_check=1").await.is(401, ""));
    assert!(edge.post_signed("/slack/commands", FORM, "ssl_check=1&token=x").await.is(200, ""));
}

#[tokio::test]
async fn oversized_body_is_rejected_before_it_is_read() {
    let edge = Edge::open().await;
    for route in ["/slack/commands", "/slack/interactions", "/slack/options", "/slack/events"] {
        // With a Content-Length: refused although no byte of it is sent.
        let head = format!(
            "POST {route} HTTP/1.1\r\nHost: bot\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            LIMIT + 1
        );
        assert_eq!(edge.raw(&head, b"").await.status, 413, "{route}");
        // Without a Content-Length: refused at the first byte over the limit.
        let (stamp, body) = (edge.now(), "x".repeat(LIMIT + 1));
        let signature = sign(&edge.secret, &stamp, &body);
        let head = format!(
            "POST {route} HTTP/1.1\r\nHost: bot\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
             X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: {signature}\r\n\r\n"
        );
        let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        assert_eq!(edge.raw(&head, chunked.as_bytes()).await.status, 413, "{route}");
    }
    // A body at the limit is accepted, and unreadable as a command.
    let body = format!("text={}", "x".repeat(LIMIT - 5));
    assert_eq!(edge.post_signed("/slack/commands", FORM, &body).await.status, 400);
}

#[tokio::test]
async fn signed_but_unreadable_body_is_400() {
    let edge = Edge::open().await;
    for (route, body) in [
        ("/slack/commands", ""),
        ("/slack/commands", "text=help"),
        ("/slack/commands", "{\"command\":\"/x\"}"),
        ("/slack/commands", "command=/a&command=/b&user_id=U1"),
        ("/slack/interactions", ""),
        ("/slack/interactions", "payload="),
        ("/slack/interactions", "payload=%7B"),
        ("/slack/interactions", "payload=[1]"),
        ("/slack/options", "payload=nonsense"),
        ("/slack/events", ""),
        ("/slack/events", "\u{0}"),
        ("/slack/events", "\"text\""),
    ] {
        let answer = edge.post_signed(route, FORM, body).await;
        assert!(answer.is(400, ""), "{route} {body:?}: {answer:?}");
    }
}

#[tokio::test]
async fn foreign_and_unknown_deliveries_get_an_empty_200() {
    let policy = format!(
        "[slack]\nteam_ids = [\"T0001\", \"E0001\"]\napp_id = \"A0001\"\n{}",
        POLICY.replace("[slack]\n", "")
    );
    let edge = Edge::with(policy).await;
    for body in [
        command(&[("team_id", "T0999"), ("text", "")]),
        command(&[("api_app_id", "A0999"), ("text", "")]),
        command(&[("api_app_id", ""), ("text", "")]),
    ] {
        assert!(edge.post_signed("/slack/commands", FORM, &body).await.is(200, ""), "{body}");
    }
    let ours = json!({"team": {"id": "T0001"}, "api_app_id": "A0001", "user": {"id": "U0REQ"}});
    let with = |fields: serde_json::Value| {
        let mut payload = ours.clone();
        for (name, value) in fields.as_object().expect("fields") {
            payload[name] = value.clone();
        }
        interaction(&payload)
    };
    for (what, body) in [
        ("another team", with(json!({"type": "block_actions", "team": {"id": "T0999"}}))),
        ("another app", with(json!({"type": "block_actions", "api_app_id": "A0999"}))),
        ("an unknown kind", with(json!({"type": "interactive_message"}))),
        ("a shortcut", with(json!({"type": "shortcut", "callback_id": "x"}))),
        ("a closed view", with(json!({"type": "view_closed", "view": {"callback_id": "marketo_api_user"}}))),
        (
            "an unknown view",
            with(json!({"type": "view_submission", "view": {"callback_id": "feedback", "state": []}})),
        ),
        ("an unknown button", with(json!({"type": "block_actions", "actions": [{"action_id": "dance"}]}))),
        ("no button at all", with(json!({"type": "block_actions"}))),
        (
            "an org-wide install of another organization",
            with(json!({"type": "block_actions", "team": null, "enterprise": {"id": "E9"}})),
        ),
        ("nothing but braces", interaction(&json!({}))),
    ] {
        let answer = edge.post_signed("/slack/interactions", FORM, &body).await;
        assert!(answer.is(200, ""), "{what}: {answer:?}");
    }
    let event = json!({"type": "event_callback", "team_id": "T0999", "api_app_id": "A0001", "event": {"type": "app_uninstalled"}});
    assert!(edge.post_signed("/slack/events", JSON, &event.to_string()).await.is(200, ""));
    assert_eq!(edge.get("/readyz").await.status, 200, "another team's uninstall is not ours");
    edge.playground.drain().await.expect("drained");
    let unexpected: Vec<String> = edge
        .playground
        .slack
        .calls()
        .into_iter()
        .map(|call| call.method)
        .filter(|method| method.starts_with("views") || method.starts_with("chat"))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
}

#[tokio::test]
async fn signed_url_verification_is_answered() {
    let edge = Edge::open().await;
    let body = json!({"token": "x", "challenge": "3eZbrw1aB", "type": "url_verification"}).to_string();
    assert!(edge.post_signed("/slack/events", JSON, &body).await.is(200, "3eZbrw1aB"));
    assert!(edge.post("/slack/events", JSON, &[], &body).await.is(401, ""));
}

#[tokio::test]
async fn uninstalled_app_is_not_ready() {
    let edge = Edge::open().await;
    assert!(edge.get("/readyz").await.is(200, "ready\n"));
    let event = |kind: &str, more: serde_json::Value| {
        let mut event = json!({"type": kind});
        event["tokens"] = more;
        json!({"type": "event_callback", "team_id": "T0001", "event": event}).to_string()
    };
    let users_only = event("tokens_revoked", json!({"oauth": ["U1"], "bot": []}));
    edge.post_signed("/slack/events", JSON, &users_only).await;
    assert_eq!(edge.get("/readyz").await.status, 200, "a person's token is not the bot's");
    let revoked = event("tokens_revoked", json!({"oauth": [], "bot": ["U0BOT"]}));
    assert!(edge.post_signed("/slack/events", JSON, &revoked).await.is(200, ""));
    let answer = edge.get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("SLACK_BOT_TOKEN") && !answer.body.contains("xoxb"), "{}", answer.body);
    assert!(edge.get("/healthz").await.is(200, "ok\n"));
}

#[tokio::test]
async fn wrong_path_is_404_and_wrong_method_is_405() {
    let edge = Edge::open().await;
    assert_eq!(edge.get("/slack/commands").await.status, 405);
    assert_eq!(edge.get("/").await.status, 404);
    assert_eq!(edge.post_signed("/slack/elsewhere", FORM, "a=b").await.status, 404);
}

#[tokio::test]
async fn both_signing_secrets_work_during_rotation() {
    let slack = Setup { signing_secret: "old-secret, new-secret".to_owned(), ..Setup::default() };
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().expect("a time"));
    let mut edge = Edge::with_options(Options { slack, ..Options::new(clock, Mode::Live) }).await;
    for (secret, status) in
        [("old-secret", 200), ("new-secret", 200), ("other", 401), ("old-secret, new-secret", 401)]
    {
        edge.secret = secret.to_owned();
        assert_eq!(edge.post_signed("/slack/commands", FORM, &command(&[])).await.status, status, "{secret}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_outcome() {
    let edge = Edge::open().await;
    let help = "slack_requests_total{route=\"commands\",outcome=\"help\"}";
    let before = edge.counted(help).await;
    edge.post_signed("/slack/commands", FORM, &command(&[])).await;
    assert!(edge.counted(help).await > before);
    let text = edge.get("/metrics").await.body;
    for metric in [
        "slack_ack_seconds_bucket",
        "slack_calls_total",
        "marketo_calls_total",
        "outbox_due",
        "outbox_dead_letters",
        "outbox_failing_messages",
        "outbox_oldest_due_seconds",
    ] {
        assert!(text.contains(metric), "{metric} is missing");
    }
}
