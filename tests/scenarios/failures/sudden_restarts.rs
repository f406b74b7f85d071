//! On SQLite, a bot that is killed and started again goes on at once: nobody waits for the leases of the killed process.

use marketo_api_user::{
    playground::{Mode, Playground},
    sim::breakpoint::Moment,
};

use crate::{
    replicas::cluster::{ADA, CARDS, Cluster, RAE, created_emails, submit_request, wait_until},
    test_bot::{assert_empty_ack, options},
};

/// A bot whose clock stands still, so that no lease expires.
async fn bot() -> Playground {
    let mut setup = options();
    setup.mode = Mode::Apart;
    Playground::open(setup).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn card_comes_at_once_after_a_kill_and_a_start() {
    let mut bot = bot().await;
    let mut posting = bot.slack.breakpoints().stop("chat.postMessage", 1, Moment::Arrived);
    submit_request(&bot.person(RAE), "svc@example.com").await;
    assert!(posting.reached().await);
    bot.kill().await;
    posting.cut();
    bot.start().await.unwrap();
    let bot = Cluster::in_moved_time(vec![bot]);
    wait_until("the card is there", async || bot[0].slack.channel(CARDS).len() == 1).await;
    wait_until("the requester has a message", async || bot[0].slack.dm(RAE).len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn user_is_created_at_once_after_a_kill_and_a_start() {
    let mut bot = bot().await;
    submit_request(&bot.person(RAE), "svc@example.com").await;
    wait_until("the card is there", async || bot.slack.channel(CARDS).len() == 1).await;
    let mut looking = bot.marketo.breakpoints().stop("allusers", 1, Moment::Arrived);
    let card = bot.slack.channel(CARDS).remove(0);
    assert_empty_ack(&bot.person(ADA).clicks(&card, "Approve").await.unwrap());
    assert!(looking.reached().await);
    bot.kill().await;
    looking.cut();
    bot.start().await.unwrap();
    let bot = Cluster::in_moved_time(vec![bot]);
    wait_until("the user is created", async || created_emails(&bot[0]).len() == 1).await;
    assert_eq!(bot[0].marketo.invites(), 1);
}
