//! What changes between a request and its end: days pass, others ask for the same, roles go.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::sim::{fault::Fault, marketo::SimRole};
use serde_json::json;

use crate::support::{ADA, CARDS, FORM, House, OPS, RAE, assert_quiet};

fn refused(code: u32) -> Fault {
    let body = json!({"errors": [{"code": code, "message": format!("Marketo says {code}")}]});
    Fault::Answer { status: 403, body, retry_after: None }
}

#[tokio::test]
async fn a_request_whose_last_day_is_over_is_not_approved() {
    let house = House::open().await;
    house.rae_asks(&[("Access expiration", "2026-11-26")]).await;
    // In Los Angeles the 26th ends at eight in the morning of the 27th, UTC.
    house.waits(3 * 24 * 3600 - 2 * 3600 - 1).await;
    house.waits(1).await;
    house.presses(&house.ada, "Approve").await;
    assert_snapshot!("last_day_is_over", house.whispers(ADA));
    assert_eq!(house.marketo.invites(), 0);
    house.cancels().await;
    house.card_says(&["Cancelled"]);
    house.ends().await;
}

#[tokio::test]
async fn a_request_is_approved_in_the_last_second_of_its_last_day() {
    let house = House::open().await;
    house.rae_asks(&[("Access expiration", "2026-11-26")]).await;
    house.waits(3 * 24 * 3600 - 2 * 3600 - 2).await;
    house.presses(&house.ada, "Approve").await;
    house.card_says(&["The user is created"]);
    house.ends().await;
}

#[tokio::test]
async fn a_last_day_that_ends_while_marketo_is_waited_for_ends_the_request() {
    let house = House::open().await;
    house.rae_asks(&[("Access expiration", "2026-11-24")]).await;
    // The quota lasts until midnight in Chicago, long after the day that ends at midnight in Los Angeles.
    house.waits(21 * 3600).await;
    house.marketo.faults().script("invite", refused(607));
    house.presses(&house.ada, "Approve").await;
    house.card_says(&["daily API quota is used up", "2026-11-26 06:00 UTC"]);
    house.waits(24 * 3600).await;
    assert_snapshot!("last_day_ended_meanwhile", house.slack.transcript(CARDS));
    assert_eq!((house.marketo.invites(), house.slack.channel(OPS).len()), (0, 0));
    house.ends().await;
}

#[tokio::test]
async fn a_failed_request_is_not_retried_while_another_one_for_the_same_user_is_open() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.marketo.faults().script("invite", refused(603));
    house.presses(&house.ada, "Approve").await;
    house.card_says(&["Failed", "[ Retry ]"]);
    let first = house.card();
    house.opens_form(&house.sam, "/marketo-api-user").await;
    house.sam.fills(&FORM).await.unwrap();
    assert!(house.sam.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    assert_quiet(&house.ada.clicks(&first, "Retry").await.unwrap());
    house.drain().await.unwrap();
    assert_snapshot!("another_is_open", house.whispers(ADA));
    assert_eq!(house.marketo.invites(), 0);
    let second = house.slack.channel(CARDS).pop().unwrap();
    assert_quiet(&house.ada.clicks(&second, "Approve").await.unwrap());
    house.drain().await.unwrap();
    assert_eq!(house.marketo.invites(), 1);
    // The same again, once membership is no longer known and has to be asked for first.
    house.clock.advance(Duration::from_secs(61));
    assert_quiet(&house.sam.clicks(&first, "Retry").await.unwrap());
    house.drain().await.unwrap();
    let cards = house.slack.transcript(CARDS);
    assert!(cards.contains("Someone else added a Marketo user with this email"), "{cards}");
    assert_eq!((house.marketo.invites(), house.created().len()), (1, 1));
    house.ends().await;
}

#[tokio::test]
async fn a_role_that_is_gone_when_the_request_is_approved_is_told() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.marketo.set_roles(vec![SimRole::new(102, "API Only - EMEA")]);
    house.presses(&house.ada, "Approve").await;
    house.card_says(&["Failed", "Marketo rejected these values", "Role 101 does not exist"]);
    assert!(house.direct(RAE).contains("Role 101 does not exist"));
    house.ends().await;
}

#[tokio::test]
async fn a_failure_tells_the_requester_again_when_it_happens_again() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.marketo.set_permissions(false);
    house.presses(&house.ada, "Approve").await;
    house.presses(&house.ada, "Retry").await;
    house.card_says(&["Failed", "[ Retry ]"]);
    assert_eq!(house.slack.dm(RAE).len(), 3, "{}", house.direct(RAE));
    house.marketo.set_permissions(true);
    house.presses(&house.ada, "Retry").await;
    house.card_says(&["The user is created"]);
    assert_eq!(house.slack.dm(RAE).len(), 3, "{}", house.direct(RAE));
    house.ends().await;
}
