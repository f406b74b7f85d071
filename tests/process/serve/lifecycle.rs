//! `serve` from its start to its end, and `healthcheck`.

use std::time::Duration;

use marketo_api_user::sim::fault::Fault;
use serde_json::Value;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::host::{Host, Running};

const RAE: &str = "U0REQ";
const ADA: &str = "U0APPROVE";

/// Rae opens the form and fills it in.
pub(crate) async fn rae_fills(host: &Host) {
    let rae = host.work.person(RAE);
    assert_eq!(rae.types("C0OPS", "/marketo-api-user svc-crm@example.com").await.status, 200);
    rae.sees_modal().await.unwrap();
    rae.fills(&[("First name", "Svc"), ("Last name", "Crm"), ("Role", "API Only")]).await.unwrap();
}

/// Rae submits, and the modal closes.
pub(crate) async fn rae_submits(host: &Host) {
    let submitted = host.work.person(RAE).submits().await.unwrap();
    assert!(submitted.closed, "{submitted:?}");
}

/// The card appears.
pub(crate) async fn card_appears(host: &Host, running: &Running) {
    let appears = host.slack.wait_for(|slack| slack.channel("C0APPROVE").len() == 1).await;
    assert!(appears, "no card: {:#?}", running.log());
}

/// Waits for a log line that contains all of `words`.
async fn log_says(host: &Host, running: &Running, words: &[&str]) {
    for _ in 0..1000 {
        if running.log().iter().any(|line| words.iter().all(|word| line.contains(word))) {
            return;
        }
        host.clock.sleep(Duration::from_millis(5)).await;
    }
    panic!("{words:?} is not in {:#?}", running.log());
}

/// Waits until an attempt of `effect` was rescheduled, in the log and then in the database.
async fn is_put_off(host: &Host, running: &Running, effect: &str) {
    log_says(host, running, &[" postponed", "\"request\":", effect, "\"attempt\":"]).await;
    host.clock.sleep(Duration::from_millis(200)).await;
}

#[tokio::test]
async fn serve_becomes_ready_answers_and_exits() {
    let mut host = Host::open().await;
    let running = host.serve().await;
    assert_eq!(running.get("/healthz").await, (200, "ok\n".to_owned()));
    running.becomes_ready().await;
    assert_eq!(running.get("/readyz").await, (200, "ready\n".to_owned()));
    let reply = host.work.person(RAE).types("C0OPS", "/marketo-api-user help").await;
    assert_eq!(reply.status, 200);
    assert!(reply.body.contains("/marketo-api-user"), "{reply:?}");
    host.set("BIND", &running.address.to_string());
    host.run(&["healthcheck"]).await.is_good();
    let address = running.address;
    let ended = running.stops().await;
    ended.is_good();
    assert!(ended.seconds < 2.0, "nothing was under way: {ended:?}");
    for line in ended.stdout.lines() {
        let line: Value = serde_json::from_str(line).expect("a log of JSON lines");
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string());
    }
    host.assert_no_secret(&ended.stdout);
    let lines = host.run(&["healthcheck"]).await.fails_with(&[&address.to_string()]);
    assert!(lines[0].contains("refused"), "{lines:?}");
}

#[tokio::test]
async fn trace_log_contains_no_secret() {
    let mut host = Host::open().await;
    host.set("RUST_LOG", "trace");
    let running = host.serve_ready().await;
    rae_fills(&host).await;
    rae_submits(&host).await;
    card_appears(&host, &running).await;
    running.signal("INT");
    let ended = running.ends().await;
    ended.is_good();
    assert!(ended.stdout.contains("TRACE"), "{}", ended.stdout);
    host.assert_no_secret(&ended.stdout);
}

#[tokio::test]
async fn serve_continues_when_nobody_reads_its_log() {
    let mut host = Host::open().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    host.set("BIND", &free.to_string());
    let running = host.serve_unread().await;
    running.becomes_ready().await;
    running.stops().await.is_good();
}

#[tokio::test]
async fn open_connections_do_not_delay_shutdown() {
    let host = Host::open().await;
    let running = host.serve_ready().await;
    let mut used = TcpStream::connect(running.address).await.unwrap();
    used.write_all(b"GET /healthz HTTP/1.1\r\nHost: bot\r\n\r\n").await.unwrap();
    used.readable().await.unwrap();
    let unused = TcpStream::connect(running.address).await.unwrap();
    let ended = running.stops().await;
    ended.is_good();
    assert!(ended.seconds < 2.0, "{ended:?}");
    drop((used, unused));
}

#[tokio::test]
async fn hung_calls_do_not_delay_shutdown() {
    let host = Host::open().await;
    let running = host.serve_ready().await;
    rae_fills(&host).await;
    host.slack.faults().script_many("chat.postMessage", &Fault::Hang, 8);
    rae_submits(&host).await;
    host.slack.faults().script("users.info", Fault::Hang);
    assert_eq!(host.work.person(ADA).types("C0OPS", "/marketo-api-user").await.status, 200);
    let hang = |slack: &marketo_api_user::sim::slack::SlackSim| {
        let hung = |method: &str| slack.calls_to(method).iter().any(|call| call.status.is_none());
        hung("users.info") && hung("chat.postMessage")
    };
    assert!(host.slack.wait_for(hang).await);
    let mut half = TcpStream::connect(running.address).await.unwrap();
    half.write_all(b"POST /slack/commands HTTP/1.1\r\nHost: bot\r\n").await.unwrap();
    let ended = running.stops().await;
    ended.is_good();
    assert!(ended.seconds < 10.0, "{ended:?}");
}

#[tokio::test]
async fn accepted_work_survives_a_shutdown() {
    for signal in ["TERM", "KILL"] {
        let host = Host::open().await;
        let running = host.serve_ready().await;
        rae_fills(&host).await;
        host.slack.set_down(true);
        rae_submits(&host).await;
        is_put_off(&host, &running, "\"card\"").await;
        running.signal(signal);
        let ended = running.ends().await;
        assert_eq!(ended.code, (signal == "TERM").then_some(0), "{ended:?}");
        host.slack.set_down(false);

        let running = host.serve_ready().await;
        card_appears(&host, &running).await;
        host.marketo.set_down(true);
        let card = host.slack.channel("C0APPROVE").remove(0);
        let reply = host.work.person(ADA).clicks(&card, "Approve").await.unwrap();
        assert_eq!(reply.status, 200);
        is_put_off(&host, &running, "\"apply\"").await;
        running.signal(signal);
        running.ends().await;
        host.marketo.set_down(false);

        let running = host.serve_ready().await;
        let is_told = |slack: &marketo_api_user::sim::slack::SlackSim| {
            slack.channel("C0OPS").iter().any(|message| message.text.contains("svc-crm@example.com"))
        };
        assert!(host.slack.wait_for(is_told).await, "{}: {:?}", signal, running.log());
        assert_eq!((host.marketo.invites(), host.slack.channel("C0APPROVE").len()), (1, 1), "{signal}");
        running.stops().await.is_good();
    }
}

#[tokio::test]
async fn startup_waits_for_marketo_and_reports_it() {
    let host = Host::open().await;
    host.marketo.set_down(true);
    let running = host.serve().await;
    log_says(&host, &running, &["Marketo"]).await;
    let (status, body) = running.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(body.lines().any(|line| line.contains("Marketo instance production")), "{body}");
    host.assert_no_secret(&body);
    assert_eq!(running.get("/healthz").await.0, 200);
    host.marketo.set_down(false);
    running.becomes_ready().await;
    host.assert_no_secret(&running.stops().await.stdout);
}

#[tokio::test]
async fn startup_waits_for_slack_and_reports_it() {
    let host = Host::open().await;
    host.slack.set_down(true);
    let running = host.serve().await;
    log_says(&host, &running, &["could not be checked"]).await;
    let (status, body) = running.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains("SLACK_BOT_TOKEN"), "{body}");
    host.assert_no_secret(&body);
    host.slack.set_down(false);
    running.becomes_ready().await;
    host.assert_no_secret(&running.stops().await.stdout);
}
