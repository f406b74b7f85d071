//! The main stories with a restart after each step: what people see is the same as without. On SQLite, and on
//! PostgreSQL where `TEST_POSTGRES_URL` names a server.

use std::time::Duration;

use marketo_api_user::sim::fault::Fault;
use serde_json::json;

use crate::support::{CARDS, Database, FORM, House, OPS, RAE, SAM, assert_quiet, options};

/// What everybody saw in the end, and what Marketo received.
#[derive(Debug, PartialEq)]
struct Ending {
    cards: String,
    announced: String,
    requester: String,
    told: Vec<String>,
    invites: Vec<serde_json::Value>,
}

/// The steps of one story; after each of them the bot may be restarted.
#[derive(Clone, Copy)]
enum Story {
    Approve,
    Deny,
    Cancel,
    FailAndRetry,
    EditAndApprove,
    Narrow,
}

const STEPS: usize = 7;

impl Story {
    /// What happens in step `step`; nothing is carried out yet when it returns.
    async fn step(self, house: &House, step: usize) {
        match (self, step) {
            (_, 0) => house.opens_form(&house.rae, "/marketo-api-user").await,
            (_, 1) => {
                house.rae.fills(&FORM).await.unwrap();
                assert!(house.rae.submits().await.unwrap().closed);
            }
            // Only a part is carried out.
            (_, 2) => assert!(house.play.step().await.unwrap()),
            (_, 3) => house.drain().await.unwrap(),
            (Self::Approve, 4) => {
                house.marketo.faults().script("invite", Fault::AppliedThenCut);
                assert_quiet(&house.ada.clicks(&house.card(), "Approve").await.unwrap());
            }
            (Self::Deny, 4) => house.opens_denial(&house.ada, "Use the old one").await,
            (Self::Deny, 5) => assert!(house.ada.submits().await.unwrap().closed),
            (Self::Cancel, 4) => {
                assert_quiet(&house.rae.clicks(&house.request_message(), "Cancel request").await.unwrap());
            }
            (Self::Cancel, 5) => {
                // Sam's screen shows the card as it was.
                assert_quiet(&house.sam.clicks_stale(&pending(house), "Approve").await.unwrap());
            }
            (Self::FailAndRetry, 4) => {
                let body = json!({"errors": [{"code": 603, "message": "Access denied"}]});
                house
                    .marketo
                    .faults()
                    .script("invite", Fault::Answer { status: 403, body, retry_after: None });
                assert_quiet(&house.ada.clicks(&house.card(), "Approve").await.unwrap());
                house.drain().await.unwrap();
            }
            (Self::FailAndRetry, 5) => {
                assert_quiet(&house.sam.clicks(&house.card(), "Retry").await.unwrap());
            }
            (Self::EditAndApprove, 4) => {
                house.opens_edit().await;
                house.rae.fills(&[("First name", "Service"), ("Role", "API Only - EMEA")]).await.unwrap();
            }
            (Self::EditAndApprove, 5) => {
                assert!(house.rae.submits().await.unwrap().closed);
                assert_quiet(&house.sam.clicks_stale(&pending(house), "Approve").await.unwrap());
                house.drain().await.unwrap();
                assert_quiet(&house.ada.clicks(&house.card(), "Approve").await.unwrap());
            }
            (Self::Narrow, 4) => {
                house.opens_review(&house.ada).await;
                let less = [("Access expiration", "2026-12-31"), ("Note", "For a month")];
                house.ada.fills(&less).await.unwrap();
            }
            (Self::Narrow, 5) => assert!(house.ada.submits().await.unwrap().closed),
            (_, 6) => house.waits(90).await,
            _ => assert!(house.play.step().await.is_ok()),
        }
    }

    async fn plays(self, database_url: Option<String>, restarts_after: impl Fn(usize) -> bool) -> Ending {
        let mut setup = options();
        setup.database_url = database_url;
        let mut house = House::with(setup).await;
        for step in 0..STEPS {
            self.step(&house, step).await;
            if restarts_after(step) {
                house.play.restart().await.unwrap();
            }
        }
        let ending = Ending {
            cards: house.slack.transcript(CARDS),
            announced: house.slack.transcript(OPS),
            requester: house.direct(RAE),
            told: house.told(SAM),
            invites: house.invites(),
        };
        house.ends().await;
        ending
    }
}

fn pending(house: &House) -> marketo_api_user::sim::slack::SimMessage {
    let mut card = house.card();
    let post =
        house.slack.calls_to("chat.postMessage").into_iter().find(|call| call.body["channel"] == CARDS);
    card.blocks = post.unwrap().body["blocks"].clone();
    card
}

#[tokio::test]
async fn a_story_with_restarts_ends_as_the_one_without() {
    let stories = [
        Story::Approve,
        Story::Deny,
        Story::Cancel,
        Story::FailAndRetry,
        Story::EditAndApprove,
        Story::Narrow,
    ];
    for story in stories {
        let expected = story.plays(None, |_| false).await;
        assert_eq!(expected.cards.lines().filter(|line| *line == "Marketo Bot").count(), 1);
        for database in Database::all() {
            let ending = story.plays(database.fresh().await, |_| true).await;
            assert_eq!(ending, expected, "{database:?} after every step");
            for at in [1, 2, 4, 5] {
                let ending = story.plays(database.fresh().await, |step| step == at).await;
                assert_eq!(ending, expected, "{database:?} after step {at}");
            }
        }
    }
}

#[tokio::test]
async fn a_bot_that_was_down_for_a_week_closes_what_nobody_decided() {
    let mut house = House::open().await;
    house.rae_asks(&[]).await;
    house.play.stop().await;
    house.clock.advance(Duration::from_secs(8 * 24 * 3600));
    house.play.start().await.unwrap();
    house.drain().await.unwrap();
    house.card_says(&["Expired"]);
    house.ends().await;
}

#[tokio::test]
async fn what_was_delivered_before_a_restart_has_no_second_effect_after_it() {
    let mut house = House::open().await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    let submission = house.rae.submits().await.unwrap().reply.sent;
    house.play.restart().await.unwrap();
    assert_quiet(&house.work.send(&submission).await);
    house.drain().await.unwrap();
    let click = house.ada.clicks(&house.card(), "Approve").await.unwrap().sent;
    house.play.restart().await.unwrap();
    assert_quiet(&house.work.send(&click).await);
    house.drain().await.unwrap();
    house.card_says(&["The user is created"]);
    assert_eq!((house.marketo.invites(), house.slack.ephemerals().len()), (1, 0));
    house.ends().await;
}
