//! What acts once is delivered again, to another replica, to the letter and signed anew: it acts no more. Commands,
//! submitted forms, approvals and the opening of a form for a denial are told in `at_once`.

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

use crate::support::{
    ADA, CARDS, OPS, RAE, asks, count, created, end, fills, options, postgres, readyz, replicas, runs, settle,
};

/// Two replicas at a time that stands still.
async fn two(second_marketo: Option<Setup>) -> Option<Vec<Playground>> {
    let mut options = options(postgres().await?, Mode::Pumped, "");
    options.second_marketo = second_marketo;
    let running = runs(&options.clock);
    let all = replicas(options, 1).await;
    drop(running);
    Some(all)
}

/// Delivers to the second replica what the first one got: the same, and the same signed a second later.
async fn delivered_again(all: &[Playground], sent: &SignedRequest) -> [Reply; 2] {
    let again = all[1].work.send(sent).await;
    all[0].clock.advance(Duration::from_secs(1));
    let anew = all[1].work.post_signed(&sent.path, &sent.content_type, &sent.body).await;
    settle(all).await;
    assert_eq!((again.status, anew.status), (200, 200));
    [again, anew]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_and_a_cancellation_count_once() {
    let Some(all) = two(None).await else { return };
    let here = &all[0];
    asks(&here.person(RAE), "svc1@example.com").await;
    settle(&all).await;
    let card = here.slack.channel(CARDS).remove(0);
    let ada = here.person(ADA);
    ada.clicks(&card, "Deny").await.expect("the button");
    ada.sees_modal().await.expect("the form for a denial");
    ada.fills(&[("Reason", "not now")]).await.expect("a reason");
    let denied = ada.submits().await.expect("the form");
    settle(&all).await;
    let notes = here.slack.dm(RAE).len();
    for reply in delivered_again(&all, &denied.reply.sent).await {
        assert_eq!(reply.body, "");
    }
    assert_eq!(here.slack.dm(RAE).len(), notes);
    // The other one is taken back by its requester.
    asks(&here.person(RAE), "svc2@example.com").await;
    settle(&all).await;
    let note = here.slack.dm(RAE).pop().expect("a direct message");
    let cancelled = here.person(RAE).clicks(&note, "Cancel request").await.expect("the button");
    settle(&all).await;
    let notes = (here.slack.dm(RAE).len(), here.slack.channel(CARDS).len());
    delivered_again(&all, &cancelled.sent).await;
    assert_eq!((here.slack.dm(RAE).len(), here.slack.channel(CARDS).len()), notes);
    assert!(
        here.slack.ephemerals().is_empty(),
        "nobody is told that it came late: {:?}",
        here.slack.ephemerals()
    );
    assert_eq!(created(here).len(), 0);
    end(all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_counts_once() {
    let Some(all) = two(None).await else { return };
    let here = &all[0];
    asks(&here.person(RAE), "svc@example.com").await;
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
    let invites = count(here, "invite");
    delivered_again(&all, &retried.sent).await;
    assert_eq!((invites, count(here, "invite"), created(here).len()), (2, 2, 0));
    end(all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_in_a_form_is_followed_once() {
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
    delivered_again(&all, &chosen.sent).await;
    assert_eq!(here.slack.calls_to("views.update").len(), updates);
    end(all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_acts_once() {
    let Some(all) = two(None).await else { return };
    let here = &all[0];
    let event = json!({"type": "event_callback", "team_id": "T0001", "event_id": "Ev0001",
        "event": {"type": "subteam_updated", "subteam": {"id": "S0MOPS"}}});
    let sent = here.work.signed("/slack/events", "application/json", &event.to_string());
    assert_eq!(here.work.send(&sent).await.status, 200);
    settle(&all).await;
    let asked = here.slack.calls_to("usergroups.users.list").len();
    delivered_again(&all, &sent).await;
    assert_eq!(here.slack.calls_to("usergroups.users.list").len(), asked);
    let revoked = json!({"type": "event_callback", "team_id": "T0001", "event_id": "Ev0001", "event": {"type": "app_uninstalled"}});
    let sent = here.work.signed("/slack/events", "application/json", &revoked.to_string());
    delivered_again(&all, &sent).await;
    let (_, says) = readyz(all[1].url()).await;
    assert!(!says.contains("uninstalled"), "its id was seen, so it is no new event: {says}");
    end(all).await;
}

/// What stands beside the e-mail of a form that was sent again.
fn beside_email(reply: &Reply) -> String {
    let answer: serde_json::Value = serde_json::from_str(&reply.body).expect("errors");
    answer["errors"]["email"].as_str().expect("an error beside the e-mail").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_form_gets_the_same_errors_on_every_replica() {
    let Some(all) = two(None).await else { return };
    let here = &all[0];
    let (rae, sam) = (here.person(RAE), here.person("U0SECOND"));
    asks(&rae, "svc@example.com").await;
    settle(&all).await;
    // One is refused by what is stored, one before anything is looked up.
    let mut refused = Vec::new();
    for email in ["svc@example.com", "not an e-mail"] {
        sam.types(OPS, "/marketo-api-user").await;
        sam.sees_modal().await.expect("the form");
        fills(&sam, email).await;
        let submitted = sam.submits().await.expect("the form");
        assert!(!submitted.closed);
        refused.push(submitted.reply);
        sam.closes().await.expect("a form to close");
    }
    // What was in the way is gone; the same deliveries are refused as they were.
    let note = here.slack.dm(RAE).pop().expect("a direct message");
    rae.clicks(&note, "Cancel request").await.expect("the button");
    settle(&all).await;
    for first in &refused {
        let here_again = here.work.send(&first.sent).await;
        assert_eq!((here_again.status, &here_again.body), (200, &first.body));
        for again in delivered_again(&all, &first.sent).await {
            assert_eq!(again.body, first.body);
        }
    }
    assert!(beside_email(&refused[0]).contains("open already"), "{}", refused[0].body);
    assert_eq!(here.slack.channel(CARDS).len(), 1, "no second request");
    end(all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_was_accepted_closes_whenever_it_is_submitted_again() {
    let Some(all) = two(None).await else { return };
    let here = &all[0];
    let rae = here.person(RAE);
    rae.types(OPS, "/marketo-api-user").await;
    rae.sees_modal().await.expect("the form");
    fills(&rae, "svc@example.com").await;
    let accepted = rae.submits().await.expect("the form");
    assert!(accepted.closed);
    settle(&all).await;
    let card = here.slack.channel(CARDS).remove(0);
    here.person(ADA).clicks(&card, "Approve").await.expect("the button");
    settle(&all).await;
    assert_eq!(created(here).len(), 1);
    // By now there is a user with this e-mail, but the form is that user's own.
    let sent = accepted.reply.sent;
    let form: Vec<(String, String)> = serde_urlencoded::from_str(&sent.body).expect("a form");
    let mut payload: serde_json::Value = serde_json::from_str(&form[0].1).expect("JSON");
    payload["trigger_id"] = json!("1.2.again");
    let body = serde_urlencoded::to_string([("payload", payload.to_string())]).expect("a form");
    let anew = here.work.signed(&sent.path, &sent.content_type, &body);
    for request in [&sent, &anew] {
        for replica in &all {
            let reply = replica.work.send(request).await;
            assert_eq!((reply.status, reply.body.as_str()), (200, ""));
        }
    }
    settle(&all).await;
    assert_eq!((here.slack.channel(CARDS).len(), created(here).len()), (1, 1));
    end(all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_click_is_told_of_once() {
    let Some(all) = two(None).await else { return };
    let here = &all[0];
    asks(&here.person(RAE), "svc@example.com").await;
    settle(&all).await;
    let card = here.slack.channel(CARDS).remove(0);
    let own = here.person(RAE).clicks(&card, "Approve").await.expect("the button");
    settle(&all).await;
    let told = || here.slack.ephemerals_for(RAE).len() + here.slack.calls_to("response_url").len();
    let before = told();
    assert!(before > 0, "Rae is told that she cannot approve her own request");
    assert_eq!(here.work.send(&own.sent).await.status, 200);
    for reply in delivered_again(&all, &own.sent).await {
        assert_eq!(reply.body, "");
    }
    assert_eq!(told(), before);
    end(all).await;
}
