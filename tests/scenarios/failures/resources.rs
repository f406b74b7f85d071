//! Slow never blocks quick: nothing on Slack waits for Marketo, and no Marketo instance for another.

use std::time::Duration;

use marketo_api_user::{
    clock::Clock,
    playground::{Mode, Playground},
    sim::{
        breakpoint::{Breakpoint, Moment},
        fault::Fault,
        marketo::MarketoSim,
        render,
        user::User,
    },
};
use serde_json::json;

use crate::{
    replicas::cluster::{ADA, CARDS, Cluster, RAE, readyz, replicas, run_clock, submit_request, wait_until},
    requests::instances::{sandbox, with_sandbox},
    test_bot::{FORM, TestBot, assert_empty_ack, options},
};

const REQUESTS: usize = 24;

/// Pauses every lookup of `sim` from now on, as a Marketo that accepts connections and does not answer.
fn hang(sim: &MarketoSim) -> Vec<Breakpoint> {
    (1..=200).map(|nth| sim.breakpoints().stop("allusers", nth, Moment::Arrived)).collect()
}

/// How many lookups Marketo received, and how many of them have ended.
fn lookups(sim: &MarketoSim) -> (usize, usize) {
    let calls: Vec<_> = sim.calls().into_iter().filter(|call| call.name == "allusers").collect();
    (calls.len(), calls.iter().filter(|call| call.took.is_some()).count())
}

/// The cards on which nobody has decided.
fn cards_with_buttons(bot: &Cluster) -> usize {
    let cards = bot[0].slack.channel(CARDS).into_iter().filter(|message| message.thread_ts.is_none());
    let names = bot[0].slack.names();
    cards.filter(|card| render::message(card, &names).contains("[ Approve ]")).count()
}

/// A bot that works by itself, with `REQUESTS` cards.
async fn many_cards() -> Cluster {
    let mut setup = options();
    setup.mode = Mode::Live;
    let mut bot = Playground::prepare(setup).await.unwrap();
    bot.configure(|config| config.instances[0].max_concurrent = 10);
    bot.start().await.unwrap();
    let bot = Cluster::in_moved_time(vec![bot]);
    let running = run_clock(&bot[0].clock);
    for n in 0..REQUESTS {
        submit_request(&bot[0].person(RAE), &format!("svc{n}@example.com")).await;
    }
    wait_until("every card stands", async || cards_with_buttons(&bot) == REQUESTS).await;
    wait_until("nothing is due", async || bot[0].depth().await.unwrap().due == 0).await;
    drop(running);
    bot[0].clock.advance(Duration::from_secs(10));
    bot
}

async fn approve_all(bot: &Cluster, ada: &User) {
    for card in bot[0].slack.channel(CARDS).iter().filter(|message| message.thread_ts.is_none()) {
        assert_empty_ack(&ada.clicks(card, "Approve").await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_on_slack_waits_while_marketo_hangs() {
    let bot = many_cards().await;
    let (_, ended) = lookups(&bot[0].marketo);
    let hanging = hang(&bot[0].marketo);
    let watch = Clock::system().stopwatch();
    approve_all(&bot, &bot[0].person(ADA)).await;
    wait_until("every pressed card loses its buttons", async || cards_with_buttons(&bot) == 0).await;
    println!("{REQUESTS} cards lost their buttons in {} ms", watch.millis());
    submit_request(&bot[0].person(RAE), "new@example.com").await;
    wait_until("a new card stands", async || cards_with_buttons(&bot) == 1).await;
    println!("a new card stood after {} ms", watch.millis());
    assert_eq!(lookups(&bot[0].marketo).1, ended, "Marketo still hangs");
    drop(hanging);
    let running = run_clock(&bot[0].clock);
    wait_until("every user is created", async || bot[0].marketo.invites() == REQUESTS).await;
    drop(running);
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_slots_are_not_reported_as_dead_workers() {
    let bot = many_cards().await;
    let (_, ended) = lookups(&bot[0].marketo);
    let hanging = hang(&bot[0].marketo);
    approve_all(&bot, &bot[0].person(ADA)).await;
    // As many as an instance has slots.
    wait_until("all slots are taken", async || lookups(&bot[0].marketo).0 >= ended + 8).await;
    bot[0].clock.advance(Duration::from_secs(90));
    wait_until("it is ready", async || readyz(bot[0].url()).await.0 == 200).await;
    assert_eq!(lookups(&bot[0].marketo).1, ended, "Marketo still hangs");
    drop(hanging);
    let running = run_clock(&bot[0].clock);
    wait_until("every user is created", async || bot[0].marketo.invites() == REQUESTS).await;
    drop(running);
}

/// Rae's request for a user of the sandbox, approved.
async fn approved_in_sandbox(bot: &TestBot) {
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae_chooses("sandbox").await;
    bot.rae.fills(&[("Role", "API Only"), ("Workspace", "Default")]).await.unwrap();
    bot.rae_sends().await;
    bot.clicks(&bot.ada, "Approve").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exhausted_budget_of_another_instance_delays_nothing() {
    let bot = with_sandbox(sandbox()).await;
    bot.rae_requests(&[]).await;
    let body = json!({"requestId": "1#1", "success": false,
                      "errors": [{"code": "606", "message": "Max rate limit exceeded"}]});
    bot.sandbox().faults().persist("allusers", Fault::Answer { status: 200, body, retry_after: None });
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["created", "Marketo instance: production"]);
    assert_eq!(bot.created_users().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn quota_of_an_instance_delays_only_that_instance() {
    let bot = with_sandbox(sandbox()).await;
    let body = json!({"errors": [{"code": "607", "message": "Daily quota reached"}]});
    bot.sandbox().faults().persist("allusers", Fault::Answer { status: 403, body, retry_after: None });
    approved_in_sandbox(&bot).await;
    bot.card_says(&["daily API quota is used up", "Marketo instance: sandbox"]);
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae.fills(&[("Email", "svc-other@example.com")]).await.unwrap();
    bot.rae_sends().await;
    let card = bot.slack.channel(CARDS).into_iter().rfind(|message| message.thread_ts.is_none()).unwrap();
    assert_empty_ack(&bot.ada.clicks(&card, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    assert_eq!((bot.marketo.invites(), bot.sandbox().invites()), (1, 0));
    bot.sandbox().faults().clear();
    bot.advance(24 * 3600).await;
    assert_eq!((bot.marketo.invites(), bot.sandbox().invites()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn instance_creates_while_another_one_hangs() {
    let mut setup = options();
    setup.mode = Mode::Live;
    setup.second_marketo = Some(sandbox());
    let bot = replicas(setup, 0).await;
    let sim = bot[0].second_marketo.clone().unwrap();
    let rae = bot[0].person(RAE);
    // More requests for the sandbox than an instance has slots, then one for production.
    for n in 0..12 {
        rae.types(crate::replicas::cluster::OPS, "/marketo-api-user").await;
        rae.sees_modal().await.unwrap();
        rae.fills(&[
            ("Email", format!("svc{n}@example.com").as_str()),
            ("First name", "A"),
            ("Last name", "B"),
        ])
        .await
        .unwrap();
        rae.fills(&[("Marketo instance", "sandbox")]).await.unwrap();
        bot[0].drain().await.unwrap();
        rae.fills(&[("Role", "API Only"), ("Workspace", "Default")]).await.unwrap();
        assert!(rae.submits().await.unwrap().closed);
    }
    let running = run_clock(&bot[0].clock);
    wait_until("every card stands", async || cards_with_buttons(&bot) == 12).await;
    drop(running);
    let (_, ended) = lookups(&sim);
    let hanging = hang(&sim);
    approve_all(&bot, &bot[0].person(ADA)).await;
    wait_until("the sandbox hangs", async || lookups(&sim).0 - ended >= 5).await;
    wait_until("every pressed card loses its buttons", async || cards_with_buttons(&bot) == 0).await;
    bot[0].clock.advance(Duration::from_secs(5));
    let (before, _) = lookups(&bot[0].marketo);
    submit_request(&rae, "new@example.com").await;
    wait_until("its card stands", async || cards_with_buttons(&bot) == 1).await;
    let card = bot[0].slack.channel(CARDS).into_iter().rfind(|message| message.thread_ts.is_none()).unwrap();
    assert_empty_ack(&bot[0].person(ADA).clicks(&card, "Approve").await.unwrap());
    wait_until("production reads", async || lookups(&bot[0].marketo).0 > before).await;
    // It does not wait long for a lookup on the sandbox, whose last known users decide.
    wait_until("production creates", async || {
        bot[0].clock.advance(Duration::from_millis(10));
        bot[0].marketo.invites() == 1
    })
    .await;
    assert_eq!(lookups(&sim).1, ended, "the sandbox still hangs");
    drop(hanging);
    let running = run_clock(&bot[0].clock);
    wait_until("every user is created", async || sim.invites() == 12).await;
    drop(running);
}
