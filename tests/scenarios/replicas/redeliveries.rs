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
    ADA, CARDS, Cluster, OPS, RAE, created_emails, marketo_calls, options, postgres, readyz, replicas,
    run_clock, settle, submit_request,
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
