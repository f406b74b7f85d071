//! Redeliveries to another replica, byte-identical and signed anew, have no second effect. Commands, submitted forms,
//! approvals and opening a denial form are covered in `simultaneous_actions`.

use std::time::Duration;

use marketo_api_user::{
    playground::{Mode, Playground},
    sim::{
        fault::Fault,
        marketo::{Setup, SimRole, SimWorkspace},
        user::{Reply, SignedRequest},
    },
};
use serde_json::json;

use super::cluster::{
    ADA, CARDS, Cluster, OPS, RAE, created_emails, fill_form, marketo_calls, options, postgres, readyz,
    replicas, run_clock, settle, submit_request,
};

/// Two replicas with a stopped clock.
async fn two(second_marketo: Option<Setup>) -> Option<Cluster> {
    let mut options = options(postgres().await?, Mode::Pumped, "");
    options.second_marketo = second_marketo;
    let running = run_clock(&options.clock);
    let all = replicas(options, 1).await;
    drop(running);
    Some(all)
}

/// Delivers to the second replica what the first received: byte-identical, then signed a second later.
async fn redeliver(all: &[Playground], sent: &SignedRequest) -> [Reply; 2] {
    let again = all[1].work.send(sent).await;
    all[0].clock.advance(Duration::from_secs(1));
    let anew = all[1].work.post_signed(&sent.path, &sent.content_type, &sent.body).await;
    settle(all).await;
    assert_eq!((again.status, anew.status), (200, 200));
    [again, anew]
}

#[tokio::test(flavor = "multi_thread")]
async fn denial_and_cancellation_count_once() {
    let Some(all) = two(None).await else { return };
    let here = &all[0];
    submit_request(&here.person(RAE), "svc1@example.com").await;
    settle(&all).await;
    let card = here.slack.channel(CARDS).remove(0);
    let ada = here.person(ADA);
    ada.clicks(&card, "Deny").await.expect("the button");
    ada.sees_modal().await.expect("the form for a denial");
    ada.fills(&[("Reason", "not now")]).await.expect("a reason");
    let denied = ada.submits().await.expect("the form");
    settle(&all).await;
    let notes = here.slack.dm(RAE).len();
    for reply in redeliver(&all, &denied.reply.sent).await {
        assert_eq!(reply.body, "");
    }
    assert_eq!(here.slack.dm(RAE).len(), notes);
    // The requester cancels the other one.
    submit_request(&here.person(RAE), "svc2@example.com").await;
    settle(&all).await;
    let note = here.slack.dm(RAE).pop().expect("a direct message");
    let cancelled = here.person(RAE).clicks(&note, "Cancel request").await.expect("the button");
    settle(&all).await;
    let notes = (here.slack.dm(RAE).len(), here.slack.channel(CARDS).len());
    redeliver(&all, &cancelled.sent).await;
    assert_eq!((here.slack.dm(RAE).len(), here.slack.channel(CARDS).len()), notes);
    assert!(here.slack.ephemerals().is_empty(), "no message that it was late: {:?}", here.slack.ephemerals());
    assert_eq!(created_emails(here).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_counts_once() {
    let Some(all) = two(None).await else { return };
    let here = &all[0];
    submit_request(&here.person(RAE), "svc@example.com").await;
    settle(&all).await;
    let refusal = || {
        let body = json!({"errors": [{"code": 603, "message": "Access denied"}]});
        Fault::Answer { status: 403, body, retry_after: None }
    };
    here.marketo.faults().script("invite", refusal());
    here.marketo.faults().script("invite", refusal());
    let card = here.slack.channel(CARDS).remove(0);
    here.person(ADA).clicks(&card, "Approve").await.expect("the button");
    settle(&all).await;
    let card = here.slack.channel(CARDS).remove(0);
    let retried = here.person(ADA).clicks(&card, "Retry").await.expect("the button");
    settle(&all).await;
    let invites = marketo_calls(here, "invite");
    redeliver(&all, &retried.sent).await;
    assert_eq!((invites, marketo_calls(here, "invite"), created_emails(here).len()), (2, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn instance_choice_is_followed_once() {
    let sandbox = Setup {
        client_id: "client-of-the-sandbox".to_owned(),
        client_secret: "secret-of-the-sandbox".to_owned(),
        roles: vec![SimRole::new(501, "API Only")],
        workspaces: vec![SimWorkspace::new(1, "Default"), SimWorkspace::new(9, "Playground")],
        users: Vec::new(),
        ..Setup::default()
    };
    let Some(all) = two(Some(sandbox)).await else { return };
    let here = &all[0];
    let rae = here.person(RAE);
    rae.types(OPS, "/marketo-api-user").await;
    rae.sees_modal().await.expect("the form");
    let chosen = rae.fills(&[("Marketo instance", "sandbox")]).await.expect("the choice").remove(0);
    settle(&all).await;
    let updates = here.slack.calls_to("views.update").len();
    assert!(updates > 0);
    redeliver(&all, &chosen.sent).await;
    assert_eq!(here.slack.calls_to("views.update").len(), updates);
}

#[tokio::test(flavor = "multi_thread")]
async fn event_acts_once() {
    let Some(all) = two(None).await else { return };
    let here = &all[0];
    let event = json!({"type": "event_callback", "team_id": "T0001", "event_id": "Ev0001",
        "event": {"type": "subteam_updated", "subteam": {"id": "S0MOPS"}}});
    let sent = here.work.signed("/slack/events", "application/json", &event.to_string());
    assert_eq!(here.work.send(&sent).await.status, 200);
    settle(&all).await;
    let calls = here.slack.calls_to("usergroups.users.list").len();
    redeliver(&all, &sent).await;
    assert_eq!(here.slack.calls_to("usergroups.users.list").len(), calls);
    let revoked = json!({"type": "event_callback", "team_id": "T0001", "event_id": "Ev0001", "event": {"type": "app_uninstalled"}});
    let sent = here.work.signed("/slack/events", "application/json", &revoked.to_string());
    redeliver(&all, &sent).await;
    let (_, says) = readyz(all[1].url()).await;
    assert!(!says.contains("uninstalled"), "its id was seen, so it is no new event: {says}");
}

/// The error of the email field in the answer to a form.
fn email_error(reply: &Reply) -> String {
    let answer: serde_json::Value = serde_json::from_str(&reply.body).expect("errors");
    answer["errors"]["email"].as_str().expect("an error of the email field").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_form_gets_the_same_errors_on_every_replica() {
    let Some(all) = two(None).await else { return };
    let here = &all[0];
    let (rae, sam) = (here.person(RAE), here.person("U0SECOND"));
    submit_request(&rae, "svc@example.com").await;
    settle(&all).await;
    // One is refused by what is stored, one before any lookup.
    let mut refused = Vec::new();
    for email in ["svc@example.com", "not an e-mail"] {
        sam.types(OPS, "/marketo-api-user").await;
        sam.sees_modal().await.expect("the form");
        fill_form(&sam, email).await;
        let submitted = sam.submits().await.expect("the form");
        assert!(!submitted.closed);
        refused.push(submitted.reply);
        sam.closes().await.expect("a form to close");
    }
    // Once the other request is gone, the same deliveries are still refused.
    let note = here.slack.dm(RAE).pop().expect("a direct message");
    rae.clicks(&note, "Cancel request").await.expect("the button");
    settle(&all).await;
    for first in &refused {
        let here_again = here.work.send(&first.sent).await;
        assert_eq!((here_again.status, &here_again.body), (200, &first.body));
        for again in redeliver(&all, &first.sent).await {
            assert_eq!(again.body, first.body);
        }
    }
    assert!(email_error(&refused[0]).contains("already open"), "{}", refused[0].body);
    assert_eq!(here.slack.channel(CARDS).len(), 1, "no second request");
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_form_closes_when_submitted_again() {
    let Some(all) = two(None).await else { return };
    let here = &all[0];
    let rae = here.person(RAE);
    rae.types(OPS, "/marketo-api-user").await;
    rae.sees_modal().await.expect("the form");
    fill_form(&rae, "svc@example.com").await;
    let accepted = rae.submits().await.expect("the form");
    assert!(accepted.closed);
    settle(&all).await;
    let card = here.slack.channel(CARDS).remove(0);
    here.person(ADA).clicks(&card, "Approve").await.expect("the button");
    settle(&all).await;
    assert_eq!(created_emails(here).len(), 1);
    // By now there is a user with this email, created by this very form.
    let sent = accepted.reply.sent;
    let form: Vec<(String, String)> = serde_urlencoded::from_str(&sent.body).expect("a form");
    let mut payload: serde_json::Value = serde_json::from_str(&form[0].1).expect("JSON");
    payload["trigger_id"] = json!("1.2.again");
    let body = serde_urlencoded::to_string([("payload", payload.to_string())]).expect("a form");
    let anew = here.work.signed(&sent.path, &sent.content_type, &body);
    for request in [&sent, &anew] {
        for replica in all.iter() {
            let reply = replica.work.send(request).await;
            assert_eq!((reply.status, reply.body.as_str()), (200, ""));
        }
    }
    settle(&all).await;
    assert_eq!((here.slack.channel(CARDS).len(), created_emails(here).len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_click_is_reported_once() {
    let Some(all) = two(None).await else { return };
    let here = &all[0];
    submit_request(&here.person(RAE), "svc@example.com").await;
    settle(&all).await;
    let card = here.slack.channel(CARDS).remove(0);
    let own = here.person(RAE).clicks(&card, "Approve").await.expect("the button");
    settle(&all).await;
    let messages = || here.slack.ephemerals_for(RAE).len() + here.slack.calls_to("response_url").len();
    let before = messages();
    assert!(before > 0, "Rae is told that she cannot approve her own request");
    assert_eq!(here.work.send(&own.sent).await.status, 200);
    for reply in redeliver(&all, &own.sent).await {
        assert_eq!(reply.body, "");
    }
    assert_eq!(messages(), before);
}
