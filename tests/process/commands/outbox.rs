//! `outbox`: next to a running bot, with only the database URL.

use marketo_api_user::sim::fault::Fault;
use serde_json::json;

use crate::{
    host::Host,
    serve::lifecycle::{card_appears, rae_fills, rae_submits},
};

#[tokio::test]
async fn operators_see_what_slack_refuses_and_try_it_again() {
    let host = Host::open().await;
    let running = host.serve_ready().await;
    let empty = host.run(&["outbox", "list"]).await;
    empty.is_good();
    assert_eq!(empty.stdout, "The outbox is empty.\n");
    rae_fills(&host).await;
    let body = json!({ "ok": false, "error": "a_code_of_tomorrow" });
    host.slack.faults().persist("chat.postMessage", Fault::Answer { status: 200, body, retry_after: None });
    rae_submits(&host).await;
    let refused = |stdout: &str| {
        let line = stdout.lines().find(|line| line.contains("/card ") && line.contains("a_code_of_tomorrow"));
        line.map(|line| line.split(' ').next().unwrap().to_owned())
    };
    let id = loop {
        let listed = host.run(&["outbox", "list"]).await;
        listed.is_good();
        if let Some(id) = refused(&listed.stdout) {
            break id;
        }
    };
    let checked = host.run(&["check"]).await;
    assert!(checked.stdout.contains("FAILED outbox: 0 given up, "), "{}", checked.stdout);
    host.slack.faults().lift();
    let retried = host.run(&["outbox", "retry", &id]).await;
    retried.is_good();
    assert_eq!(retried.stdout, "1 of 1 will be tried again.\n");
    card_appears(&host, &running).await;
    let unknown = host.run(&["outbox", "retry", "nothing/card"]).await;
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), "0 of 1 will be tried again.\n"));
    assert!(unknown.stderr.contains("no such item"), "{}", unknown.stderr);
    running.stops().await.is_good();
}
