//! The system's clock is set back or forward by an hour: nobody is locked out, and nothing waits for it to catch up.

use std::{pin::pin, time::Duration};

use marketo_api_user::sim::{breakpoint::Moment, fault::Fault};
use serde_json::json;

use crate::{
    replicas::cluster::run_clock,
    test_bot::{CARDS, Database, OPS, RAE, TestBot, assert_empty_ack, options, policy},
};

const HOUR: i64 = 3_600_000;

/// Runs a scenario on each database, with a clock that is set back and one that is set forward.
async fn in_both_directions(scenario: impl AsyncFn(TestBot, i64)) {
    for database in Database::all() {
        for by in [-HOUR, HOUR] {
            let mut setup = options();
            setup.database_url = database.fresh().await;
            setup.policy.push_str("\n[limits]\nper_user_per_minute = 6\n");
            scenario(TestBot::with(setup).await, by).await;
        }
    }
}

/// Moves time on by a minute, while the bot may wait for a permit.
async fn a_minute_passes(bot: &TestBot) {
    let running = run_clock(&bot.clock);
    bot.advance(60).await;
    drop(running);
}

fn is_created(bot: &TestBot) {
    bot.card_says(&["The user is created"]);
    assert_eq!((bot.marketo.invites(), bot.created_users().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn back_off_lasts_as_long_as_it_should() {
    in_both_directions(async |bot, by| {
        bot.rae_requests(&[]).await;
        let body = json!({"errors": [{"code": "606", "message": "Max rate limit exceeded"}]});
        bot.marketo.faults().script_many(
            "allusers",
            &Fault::Answer { status: 429, body, retry_after: None },
            3,
        );
        bot.clicks(&bot.ada, "Approve").await;
        bot.clock.set_wall_clock(by);
        a_minute_passes(&bot).await;
        is_created(&bot);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lease_of_a_dead_worker_expires() {
    in_both_directions(async |bot, by| {
        bot.rae_requests(&[]).await;
        let mut looking = bot.marketo.breakpoints().stop("allusers", 1, Moment::Arrived);
        assert_empty_ack(&bot.ada.clicks(&bot.card(), "Approve").await.unwrap());
        {
            let mut dying = pin!(bot.playground.drain());
            tokio::select! {
                _ = &mut dying => panic!("the lookup comes first"),
                reached = looking.reached() => assert!(reached),
            }
        }
        looking.cut();
        bot.clock.set_wall_clock(by);
        a_minute_passes(&bot).await;
        is_created(&bot);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups_after_a_lost_answer_end() {
    in_both_directions(async |bot, by| {
        bot.rae_requests(&[]).await;
        bot.marketo.faults().script("invite", Fault::Cut);
        bot.clicks(&bot.ada, "Approve").await;
        bot.clock.set_wall_clock(by);
        a_minute_passes(&bot).await;
        is_created(&bot);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limit_of_a_person_ends_after_a_minute() {
    in_both_directions(async |bot, by| {
        for _ in 0..8 {
            bot.rae.types(OPS, "/marketo-api-user help").await;
        }
        let limited = bot.rae.types(OPS, "/marketo-api-user help").await;
        assert!(limited.body.contains("too much at once"), "{}", limited.body);
        bot.clock.set_wall_clock(by);
        bot.clock.advance(Duration::from_secs(60));
        let answer = bot.rae.types(OPS, "/marketo-api-user help").await;
        assert!(answer.body.contains("status"), "{}", answer.body);
        bot.drain().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_is_made_and_decided() {
    in_both_directions(async |bot, by| {
        // Permits of the other time count as taken for a while, so time must go on.
        let running = run_clock(&bot.clock);
        bot.clock.set_wall_clock(by);
        bot.rae_requests(&[]).await;
        a_minute_passes(&bot).await;
        bot.clock.set_wall_clock(-by);
        bot.clicks(&bot.ada, "Approve").await;
        drop(running);
        a_minute_passes(&bot).await;
        is_created(&bot);
        assert!(bot.direct_messages(RAE).contains("created"), "{}", bot.direct_messages(RAE));
    })
    .await;
}

/// Escalation, reminders and expiry follow the clock, whatever it said when they were worked out last.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_worked_out_by_the_clock_of_the_moment() {
    for database in Database::all() {
        let lines = "remind_after = \"1d\"\nescalate_after = \"2d\"\nescalate_to = [\"U0OUT\"]\npending_timeout = \"4d\"\n";
        let mut setup = policy(lines);
        setup.database_url = database.fresh().await;
        let bot = TestBot::with(setup).await;
        // The outsider is not in the channel of the card, and is answered by the click's response URL.
        bot.allow_slack_errors(&["user_not_in_channel"]);
        bot.rae_requests(&[]).await;
        bot.clock.set_wall_clock(3 * 24 * HOUR);
        bot.advance(60).await;
        bot.card_says(&["so more people are allowed to decide now"]);
        bot.clock.set_wall_clock(-3 * 24 * HOUR);
        bot.advance(60).await;
        // It was not earned.
        let outsider = bot.person("U0OUT");
        bot.clicks(&outsider, "Approve").await;
        assert!(bot.ephemeral_texts("U0OUT").contains("Only approvers"), "{}", bot.ephemeral_texts("U0OUT"));
        bot.advance(24 * 3600).await;
        assert!(bot.slack.transcript(CARDS).contains("is still waiting for a decision"), "a reminder");
        bot.advance(2 * 24 * 3600).await;
        bot.card_says(&["so more people are allowed to decide now", "[ Approve ]"]);
        bot.advance(24 * 3600).await;
        bot.card_says(&["Expired"]);
    }
}
