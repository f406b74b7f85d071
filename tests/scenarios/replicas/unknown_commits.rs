//! A connection lost around a COMMIT: whether or not it was committed, nothing is lost and nothing happens twice.

use std::time::Duration;

use marketo_api_user::playground::{Mode, Playground};

use super::{
    cluster::{
        ADA, CARDS, Cluster, OPS, RAE, created_emails, fill_form, marketo_calls, options, postgres, replicas,
        run_clock,
    },
    proxy::{Around, Proxy},
};

/// A cluster with a working network and Rae's form filled in.
async fn cluster_with_open_form() -> Option<(Proxy, Cluster)> {
    let (network, database) = Proxy::before(&postgres().await?).await;
    let options = options(database, Mode::Pumped, "");
    let running = run_clock(&options.clock);
    let all = replicas(options, 0).await;
    drop(running);
    let rae = all[0].person(RAE);
    rae.types(OPS, "/marketo-api-user").await;
    rae.sees_modal().await.expect("the form");
    fill_form(&rae, "svc@example.com").await;
    Some((network, all))
}

/// Runs everything that is due despite database errors, and lets lost leases expire.
async fn work(bot: &Playground) {
    for _ in 0..8 {
        while bot.drain().await.is_err() {}
        bot.clock.advance(Duration::from_secs(31));
    }
    bot.drain().await.expect("the database answers by now");
}

async fn assert_done_once(bot: &Playground, how: &str) {
    assert_eq!((marketo_calls(bot, "invite"), created_emails(bot).len()), (1, 1), "{how}");
    assert_eq!(bot.slack.channel(CARDS).len(), 1, "{how}: {}", bot.slack.transcript(CARDS));
    assert_eq!(bot.slack.channel(OPS).len(), 1, "{how}: {}", bot.slack.transcript(OPS));
    assert_eq!(bot.slack.dm(RAE).len(), 1, "{how}");
    let depth = bot.depth().await.expect("the database answers");
    assert_eq!((depth.due, depth.later, depth.dead_letters), (0, 0, 0), "{how}");
}

#[tokio::test(flavor = "multi_thread")]
async fn submission_with_a_lost_commit_is_stored_once() {
    for around in [Around::Before, Around::After] {
        let Some((network, all)) = cluster_with_open_form().await else { return };
        let bot = &all[0];
        let rae = bot.person(RAE);
        network.cut_at_commit(1, around);
        let submitted = rae.submits().await.expect("the form");
        assert!(!network.is_set());
        // The answer matches what was committed.
        assert_eq!(submitted.closed, around == Around::After, "{:?}", submitted.errors);
        if !submitted.closed {
            assert!(submitted.errors["Email"].starts_with("Nothing was saved"));
            assert!(rae.submits().await.expect("the form").closed);
        }
        work(bot).await;
        assert_eq!(bot.slack.channel(CARDS).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn approval_with_a_lost_commit_creates_one_user() {
    for around in [Around::Before, Around::After] {
        let Some((network, all)) = cluster_with_open_form().await else { return };
        let bot = &all[0];
        assert!(bot.person(RAE).submits().await.expect("the form").closed);
        bot.drain().await.expect("the database answers");
        let card = bot.slack.channel(CARDS).remove(0);
        network.cut_at_commit(1, around);
        let ada = bot.person(ADA);
        assert_eq!(ada.clicks(&card, "Approve").await.expect("the button").status, 503);
        assert!(!network.is_set());
        assert_eq!(ada.clicks(&card, "Approve").await.expect("the button").status, 200);
        work(bot).await;
        assert_done_once(bot, &format!("{around:?}")).await;
        let answer: Vec<_> = bot.slack.ephemerals_for(ADA).into_iter().map(|one| one.text).collect();
        let late = answer.iter().filter(|text| text.contains("already approved by <@U0APPROVE>")).count();
        assert_eq!(late, usize::from(around == Around::After), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_lost_worker_commit_still_creates_one_user_and_posts_once() {
    for around in [Around::After, Around::Before] {
        let mut nth = 0;
        loop {
            nth += 1;
            let Some((network, all)) = cluster_with_open_form().await else { return };
            let bot = &all[0];
            assert!(bot.person(RAE).submits().await.expect("the form").closed);
            bot.drain().await.expect("the database answers");
            let card = bot.slack.channel(CARDS).remove(0);
            assert_eq!(bot.person(ADA).clicks(&card, "Approve").await.expect("the button").status, 200);
            network.cut_at_commit(nth, around);
            work(bot).await;
            let was_reached = !network.is_set();
            assert_done_once(bot, &format!("commit {nth}, {around:?}")).await;
            if !was_reached || nth == 24 {
                break;
            }
        }
        println!("{nth} commits were lost one after the other, {around:?}");
        assert!(nth > 8);
    }
}
