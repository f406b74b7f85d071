//! A replica that loses PostgreSQL says so, promises nothing, and goes on by itself when it is back.

use marketo_api_user::{
    clock::Clock,
    demo::Mode,
    domain::people::RequestId,
    store::{Entry, Store},
};

use crate::{
    proxy::{Line, Proxy},
    support::{
        ADA, CARDS, OPS, RAE, asks, count, created, end, fills, in_time, options, postgres, readyz, replicas,
        runs, says_that_nothing_is_stored, until,
    },
};

async fn is_lost_and_comes_back(line: Line) {
    let Some(database) = postgres().await else { return };
    let (network, database) = Proxy::before(&database).await;
    let options = options(database, Mode::Live, "");
    let running = runs(&options.clock);
    let all = replicas(options, 0).await;
    let play = &all[0];
    until("it is ready", async || readyz(play.url()).await.0 == 200).await;
    drop(running);
    let (rae, ada) = (play.person(RAE), play.person(ADA));
    asks(&rae, "svc1@example.com").await;
    let running = runs(&play.clock);
    until("the card is there", async || play.slack.channel(CARDS).len() == 1).await;
    drop(running);
    let card = play.slack.channel(CARDS).remove(0);
    rae.types(OPS, "/marketo-api-user").await;
    rae.sees_modal().await.expect("the form");
    fills(&rae, "svc2@example.com").await;

    network.set(line);
    says_that_nothing_is_stored(&rae, async { ada.clicks(&card, "Approve").await.expect("the button") })
        .await;
    // Again, with connections of which it is known by now that they are of no use.
    says_that_nothing_is_stored(&rae, async { ada.clicks(&card, "Approve").await.expect("the button") })
        .await;
    let (status, why) = in_time(readyz(play.url())).await;
    assert!(status == 503 && why.contains("the database takes nothing"), "{status} {why}");
    until("the approver is told", async || !play.slack.ephemerals_for(ADA).is_empty()).await;
    let told = play.slack.ephemerals_for(ADA);
    assert!(told.iter().all(|one| one.text.to_lowercase().contains("try again")), "{told:?}");
    // The command opens its form nevertheless.
    let sam = play.person("U0SECOND");
    in_time(sam.types(OPS, "/marketo-api-user")).await;
    sam.sees_modal().await.expect("the form");

    network.set(Line::Up);
    until("it is ready again", async || readyz(play.url()).await.0 == 200).await;
    let submitted = in_time(rae.submits()).await.expect("the same form");
    assert!(submitted.closed, "{:?}", submitted.errors);
    assert_eq!(in_time(ada.clicks(&card, "Approve")).await.expect("the button").status, 200);
    let running = runs(&play.clock);
    until("everything is done", async || {
        let depth = play.depth().await.expect("the database answers");
        created(play) == ["svc1@example.com"] && depth.due == 0 && play.slack.channel(CARDS).len() == 2
    })
    .await;
    drop(running);
    assert_eq!(count(play, "invite"), 1);
    end(all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut() {
    is_lost_and_comes_back(Line::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything() {
    is_lost_and_comes_back(Line::Hung).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_cut_off_in_a_transaction_keeps_nothing_locked_from_the_other() {
    let Some(database) = postgres().await else { return };
    let (network, through) = Proxy::before(&database).await;
    let store = Store::open(&database).await.expect("the database");
    let cut_off = Store::open(&through).await.expect("the database");
    let (real, id) = (Clock::system(), RequestId("none".to_owned()));
    let entry = || Entry { at: real.now(), request: &id, actor: "bot", name: "noted", body: "{}" };
    // It has locked the head of the ledger when the network swallows everything.
    let mut held = cut_off.begin().await.expect("a transaction");
    held.append(&entry()).await.expect("an entry");
    network.set(Line::Hung);
    let since = real.millis();
    until("the other one can write", async || {
        let mut tx = store.begin().await.expect("a transaction");
        tx.append(&entry()).await.is_ok()
    })
    .await;
    let after = real.millis() - since;
    assert!(after < 9_000, "{after} ms");
    drop(held);
    network.set(Line::Up);
    cut_off.probe(real.now()).await.expect("it comes back");
}
