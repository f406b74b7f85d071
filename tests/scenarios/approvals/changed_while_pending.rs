//! Changes between a request and its end: days pass, others request the same user, roles are deleted.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::sim::{fault::Fault, marketo::SimRole};
use serde_json::json;

use crate::test_bot::{ADA, CARDS, FORM, OPS, RAE, TestBot, assert_empty_ack};

fn refused(code: u32) -> Fault {
    let body = json!({"errors": [{"code": code, "message": format!("Marketo says {code}")}]});
    Fault::Answer { status: 403, body, retry_after: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_access_cannot_be_approved() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[("Access expiration", "2026-11-26")]).await;
    // In Los Angeles the 26th ends at 08:00 UTC on the 27th.
    bot.advance(3 * 24 * 3600 - 2 * 3600 - 1).await;
    bot.advance(1).await;
    bot.clicks(&bot.ada, "Approve").await;
    assert_snapshot!("access_expired", bot.ephemeral_texts(ADA));
    assert_eq!(bot.marketo.invites(), 0);
    bot.rae_cancels().await;
    bot.card_says(&["Cancelled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn approval_works_until_the_last_second_of_access() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[("Access expiration", "2026-11-26")]).await;
    bot.advance(3 * 24 * 3600 - 2 * 3600 - 2).await;
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["The user is created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn access_expiring_while_waiting_for_marketo_ends_the_request() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[("Access expiration", "2026-11-24")]).await;
    // The quota lasts until midnight in Chicago, long after the day that ends at midnight in Los Angeles.
    bot.advance(21 * 3600).await;
    bot.marketo.faults().script("invite", refused(607));
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["daily API quota is used up", "2026-11-26 06:00 UTC"]);
    bot.advance(24 * 3600).await;
    assert_snapshot!("access_expired_while_waiting", bot.slack.transcript(CARDS));
    assert_eq!((bot.marketo.invites(), bot.slack.channel(OPS).len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_is_refused_while_another_request_for_the_email_is_open() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.marketo.faults().script("invite", refused(603));
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["Failed", "[ Retry ]"]);
    let first = bot.card();
    bot.opens_form(&bot.sam, "/marketo-api-user").await;
    bot.sam.fills(&FORM).await.unwrap();
    assert!(bot.sam.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    assert_empty_ack(&bot.ada.clicks(&first, "Retry").await.unwrap());
    bot.drain().await.unwrap();
    assert_snapshot!("another_request_is_open", bot.ephemeral_texts(ADA));
    assert_eq!(bot.marketo.invites(), 0);
    let second = bot.slack.channel(CARDS).pop().unwrap();
    assert_empty_ack(&bot.ada.clicks(&second, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    assert_eq!(bot.marketo.invites(), 1);
    // The same again, once membership is outdated and has to be fetched first.
    bot.clock.advance(Duration::from_secs(61));
    assert_empty_ack(&bot.sam.clicks(&first, "Retry").await.unwrap());
    bot.drain().await.unwrap();
    let cards = bot.slack.transcript(CARDS);
    assert!(cards.contains("Someone else added a Marketo user with this email"), "{cards}");
    assert_eq!((bot.marketo.invites(), bot.created_users().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_role_is_reported_after_approval() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.marketo.set_roles(vec![SimRole::new(102, "API Only - EMEA")]);
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["Failed", "Marketo rejected these values", "Role 101 does not exist"]);
    assert!(bot.direct_messages(RAE).contains("Role 101 does not exist"));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_failure_notifies_the_requester_again() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.marketo.set_permissions(false);
    bot.clicks(&bot.ada, "Approve").await;
    bot.clicks(&bot.ada, "Retry").await;
    bot.card_says(&["Failed", "[ Retry ]"]);
    assert_eq!(bot.slack.dm(RAE).len(), 3, "{}", bot.direct_messages(RAE));
    bot.marketo.set_permissions(true);
    bot.clicks(&bot.ada, "Retry").await;
    bot.card_says(&["The user is created"]);
    assert_eq!(bot.slack.dm(RAE).len(), 3, "{}", bot.direct_messages(RAE));
}
