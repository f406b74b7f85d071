//! Marketo's limits hold for the instance: three replicas together keep what one alone keeps.

use std::time::Duration;

use marketo_api_user::{playground::Mode, sim::fault::Fault};

use super::cluster::{
    ADA, CARDS, RAE, asks, count, created, end, insists, options, postgres, replicas, runs, until,
};

const REQUESTS: usize = 60;
const LIMITS: &str = "\n[marketo]\ncalls_per_20s = 40\nmax_concurrent = 3\n\n[replicas]\nlease = \"10m\"\n\n[limits]\nper_user_per_minute = 0\n";

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_share_the_marketo_rate_limit() {
    let Some(database) = postgres().await else { return };
    println!("{}", stays_within_the_limits(database, 3).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bot_on_sqlite_respects_the_marketo_rate_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = format!("sqlite:{}", folder.path().join("bot.db").display());
    println!("{}", stays_within_the_limits(database, 1).await);
}

/// Plays it, and answers with what Marketo saw.
async fn stays_within_the_limits(database: String, bots: usize) -> String {
    let mut options = options(database, Mode::Live, LIMITS);
    options.marketo.visible_after = Duration::ZERO;
    let clock = options.clock.clone();
    // Time has to run already: the start may have to wait for its place.
    let running = runs(&clock);
    let all = replicas(options, bots - 1).await;
    drop(running);
    let play = &all[0];
    for n in 0..REQUESTS {
        asks(&all[n % bots].person(RAE), &format!("svc{n:02}@example.com")).await;
    }
    let running = runs(&clock);
    until("every card is there", async || play.slack.channel(CARDS).len() == REQUESTS).await;
    play.marketo.faults().script_many("allusers", &Fault::Slow(Duration::from_millis(300)), REQUESTS);
    let cards = play.slack.channel(CARDS);
    let mut clicks = tokio::task::JoinSet::new();
    for (n, card) in cards.into_iter().enumerate() {
        let ada = all[n % bots].person(ADA);
        clicks.spawn(async move { insists(&ada, &card, "Approve").await });
    }
    assert_eq!(clicks.join_all().await, vec![200; REQUESTS]);
    until("every user is created", async || created(play).len() == REQUESTS).await;
    until("nothing is left to do", async || {
        play.depth().await.expect("the database answers").due == 0
            && play.depth().await.expect("the database answers").later == 0
    })
    .await;
    drop(running);
    let (peak, at_once) = (play.marketo.peak_20s(), play.marketo.peak_concurrency());
    let seen = format!("{peak} calls in 20 s, {at_once} at once, {} in all", play.marketo.calls().len());
    assert!(peak <= 40, "{peak} calls in 20 s");
    assert!(peak > 20, "the limit was not reached, so nothing is proven: {peak}");
    assert_eq!(at_once, 3, "as many at once as may be, and no more");
    assert_eq!(count(play, "invite"), REQUESTS, "one invite each");
    end(all).await;
    seen
}
