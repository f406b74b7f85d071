//! Log lines of a delivery carry its key and the id of its request.

use serde_json::{Value, json};

use crate::host::{Host, Running};

/// The first line of the log with this message.
async fn line(host: &Host, running: &Running, message: &str) -> Value {
    for _ in 0..500 {
        let lines = running.log().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        if let Some(line) = lines.into_iter().find(|line| line["message"] == message) {
            return line;
        }
        host.clock.sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no {message:?} in {:#?}", running.log());
}

#[tokio::test]
async fn log_lines_of_a_delivery_carry_its_key_and_its_request() {
    let mut host = Host::open().await;
    host.set("LOG_FORMAT", "json");
    let running = host.serve_ready().await;
    let (rae, ada) = (host.work.person("U0REQ"), host.work.person("U0APPROVE"));
    assert_eq!(rae.types("C0OPS", "/marketo-api-user").await.status, 200);
    rae.sees_modal().await.unwrap();
    let fields =
        [("Email", "svc@example.com"), ("First name", "Svc"), ("Last name", "Crm"), ("Role", "API Only")];
    rae.fills(&fields).await.unwrap();
    assert!(rae.submits().await.unwrap().closed);
    let submitted = line(&host, &running, "request submitted").await;
    let span = &submitted["spans"][0];
    assert_eq!(
        [&span["name"], &span["kind"], &span["key"]],
        [&json!("delivery"), &json!("view_submission"), &json!("view")],
        "{submitted}"
    );
    assert!(span["id"].as_str().is_some_and(|id| id.starts_with('V')), "{span}");
    assert!(host.slack.wait_for(|slack| slack.channel("C0APPROVE").len() == 1).await);
    // The form opens in the background, and its log lines are the delivery's all the same.
    let card = host.slack.channel("C0APPROVE").remove(0);
    assert_eq!(ada.clicks(&card, "Deny").await.unwrap().status, 200);
    let handled = line(&host, &running, "action handled").await;
    let span = &handled["spans"][0];
    assert_eq!([&span["kind"], &span["key"]], [&json!("block_actions"), &json!("action")], "{handled}");
    assert_eq!(span["request"], submitted["request"], "{handled}");
    assert_eq!(running.stops().await.code, Some(0));
}
