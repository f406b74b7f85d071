//! Marketo's rate limits apply to the instance: three replicas together respect them as one does.

use std::time::Duration;

use marketo_api_user::{playground::Mode, sim::fault::Fault};

use super::cluster::{
    ADA, CARDS, RAE, click_until_accepted, created_emails, marketo_calls, options, postgres, replicas,
    run_clock, submit_request, wait_until,
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

/// Runs the scenario and returns the load that Marketo saw.
async fn stays_within_the_limits(database: String, bots: usize) -> String {
    let mut options = options(database, Mode::Live, LIMITS);
    options.marketo.visible_after = Duration::ZERO;
    let clock = options.clock.clone();
    // The clock must already run: startup may have to wait for a permit.
    let running = run_clock(&clock);
    let all = replicas(options, bots - 1).await;
    drop(running);
    let bot = &all[0];
    for n in 0..REQUESTS {
        submit_request(&all[n % bots].person(RAE), &format!("svc{n:02}@example.com")).await;
    }
    let running = run_clock(&clock);
    wait_until("every card is there", async || bot.slack.channel(CARDS).len() == REQUESTS).await;
    bot.marketo.faults().script_many("allusers", &Fault::Slow(Duration::from_millis(300)), REQUESTS);
    let cards = bot.slack.channel(CARDS);
    let mut clicks = tokio::task::JoinSet::new();
    for (n, card) in cards.into_iter().enumerate() {
        let ada = all[n % bots].person(ADA);
        clicks.spawn(async move { click_until_accepted(&ada, &card, "Approve").await });
    }
    assert_eq!(clicks.join_all().await, vec![200; REQUESTS]);
    wait_until("every user is created", async || created_emails(bot).len() == REQUESTS).await;
    wait_until("nothing is left to do", async || {
        bot.depth().await.expect("the database answers").due == 0
            && bot.depth().await.expect("the database answers").later == 0
    })
    .await;
    drop(running);
    let (peak, at_once) = (bot.marketo.peak_20s(), bot.marketo.peak_concurrency());
    let seen = format!("{peak} calls in 20 s, {at_once} at once, {} in all", bot.marketo.calls().len());
    assert!(peak <= 40, "{peak} calls in 20 s");
    assert!(peak > 20, "the limit was not reached, so nothing is proven: {peak}");
    assert_eq!(at_once, 3, "as many at once as may be, and no more");
    assert_eq!(marketo_calls(bot, "invite"), REQUESTS, "one invite each");
    seen
}
