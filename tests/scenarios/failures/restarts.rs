//! The main scenarios with a restart after each step: people see the same as without. On SQLite, and on PostgreSQL if
//! `TEST_POSTGRES_URL` names a server.

use std::time::Duration;

use marketo_api_user::sim::fault::Fault;
use serde_json::json;

use crate::test_bot::{CARDS, Database, FORM, OPS, RAE, SAM, TestBot, assert_empty_ack, options};

/// What everyone sees at the end, and what Marketo received.
#[derive(Debug, PartialEq)]
struct Ending {
    cards: String,
    announced: String,
    requester: String,
    answer: Vec<String>,
    invites: Vec<serde_json::Value>,
}

/// The steps of one scenario; after each of them the bot may be restarted.
#[derive(Clone, Copy)]
enum Scenario {
    Approve,
    Deny,
    Cancel,
    FailAndRetry,
    EditAndApprove,
    Reduce,
}

const STEPS: usize = 7;

impl Scenario {
    /// Runs step `step`, but not the effects that follow from it.
    async fn step(self, bot: &TestBot, step: usize) {
        match (self, step) {
            (_, 0) => bot.opens_form(&bot.rae, "/marketo-api-user").await,
            (_, 1) => {
                bot.rae.fills(&FORM).await.unwrap();
                assert!(bot.rae.submits().await.unwrap().closed);
            }
            // Run a part of the effects.
            (_, 2) => assert!(bot.playground.step().await.unwrap()),
            (_, 3) => bot.drain().await.unwrap(),
            (Self::Approve, 4) => {
                bot.marketo.faults().script("invite", Fault::AppliedThenCut);
                assert_empty_ack(&bot.ada.clicks(&bot.card(), "Approve").await.unwrap());
            }
            (Self::Deny, 4) => bot.opens_denial(&bot.ada, "Use the old one").await,
            (Self::Deny, 5) => assert!(bot.ada.submits().await.unwrap().closed),
            (Self::Cancel, 4) => {
                assert_empty_ack(&bot.rae.clicks(&bot.request_message(), "Cancel request").await.unwrap());
            }
            (Self::Cancel, 5) => {
                // Sam's screen shows the card as it was.
                assert_empty_ack(&bot.sam.clicks_stale(&pending(bot), "Approve").await.unwrap());
            }
            (Self::FailAndRetry, 4) => {
                let body = json!({"errors": [{"code": 603, "message": "Access denied"}]});
                bot.marketo.faults().script("invite", Fault::Answer { status: 403, body, retry_after: None });
                assert_empty_ack(&bot.ada.clicks(&bot.card(), "Approve").await.unwrap());
                bot.drain().await.unwrap();
            }
            (Self::FailAndRetry, 5) => {
                assert_empty_ack(&bot.sam.clicks(&bot.card(), "Retry").await.unwrap());
            }
            (Self::EditAndApprove, 4) => {
                bot.rae_opens_edit().await;
                bot.rae.fills(&[("First name", "Service"), ("Role", "API Only - EMEA")]).await.unwrap();
            }
            (Self::EditAndApprove, 5) => {
                assert!(bot.rae.submits().await.unwrap().closed);
                assert_empty_ack(&bot.sam.clicks_stale(&pending(bot), "Approve").await.unwrap());
                bot.drain().await.unwrap();
                assert_empty_ack(&bot.ada.clicks(&bot.card(), "Approve").await.unwrap());
            }
            (Self::Reduce, 4) => {
                bot.opens_review(&bot.ada).await;
                let less = [("Access expiration", "2026-12-31"), ("Note", "For a month")];
                bot.ada.fills(&less).await.unwrap();
            }
            (Self::Reduce, 5) => assert!(bot.ada.submits().await.unwrap().closed),
            (_, 6) => bot.advance(90).await,
            _ => assert!(bot.playground.step().await.is_ok()),
        }
    }

    async fn plays(self, database_url: Option<String>, restarts_after: impl Fn(usize) -> bool) -> Ending {
        let mut setup = options();
        setup.database_url = database_url;
        let mut bot = TestBot::with(setup).await;
        for step in 0..STEPS {
            self.step(&bot, step).await;
            if restarts_after(step) {
                bot.playground.restart().await.unwrap();
            }
        }
        Ending {
            cards: bot.slack.transcript(CARDS),
            announced: bot.slack.transcript(OPS),
            requester: bot.direct_messages(RAE),
            answer: bot.ephemerals_to(SAM),
            invites: bot.invite_bodies(),
        }
    }
}

fn pending(bot: &TestBot) -> marketo_api_user::sim::slack::SimMessage {
    let mut card = bot.card();
    let post = bot.slack.calls_to("chat.postMessage").into_iter().find(|call| call.body["channel"] == CARDS);
    card.blocks = post.unwrap().body["blocks"].clone();
    card
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_after_every_step_does_not_change_the_outcome() {
    let scenarios = [
        Scenario::Approve,
        Scenario::Deny,
        Scenario::Cancel,
        Scenario::FailAndRetry,
        Scenario::EditAndApprove,
        Scenario::Reduce,
    ];
    for scenario in scenarios {
        let expected = scenario.plays(None, |_| false).await;
        assert_eq!(expected.cards.lines().filter(|line| *line == "Marketo Bot").count(), 1);
        for database in Database::all() {
            let ending = scenario.plays(database.fresh().await, |_| true).await;
            assert_eq!(ending, expected, "{database:?} after every step");
            for at in [1, 2, 4, 5] {
                let ending = scenario.plays(database.fresh().await, |step| step == at).await;
                assert_eq!(ending, expected, "{database:?} after step {at}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn undecided_requests_expire_after_a_week_of_downtime() {
    let mut bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.playground.stop().await;
    bot.clock.advance(Duration::from_secs(8 * 24 * 3600));
    bot.playground.start().await.unwrap();
    bot.drain().await.unwrap();
    bot.card_says(&["Expired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn redelivery_after_a_restart_acts_once() {
    let mut bot = TestBot::open().await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    let submission = bot.rae.submits().await.unwrap().reply.sent;
    bot.playground.restart().await.unwrap();
    assert_empty_ack(&bot.work.send(&submission).await);
    bot.drain().await.unwrap();
    let click = bot.ada.clicks(&bot.card(), "Approve").await.unwrap().sent;
    bot.playground.restart().await.unwrap();
    assert_empty_ack(&bot.work.send(&click).await);
    bot.drain().await.unwrap();
    bot.card_says(&["The user is created"]);
    assert_eq!((bot.marketo.invites(), bot.slack.ephemerals().len()), (1, 0));
}
