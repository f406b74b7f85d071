//! Presses that come twice, at the same time, too late, or again to the letter.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::sim::user::SignedRequest;
use serde_json::json;
use tokio::join;

use crate::support::{ADA, CARDS, FORM, House, OPS, RAE, SAM, assert_quiet, forged};

/// One approval, one user, one announcement, whoever pressed what.
fn happened_once(house: &House) {
    assert_eq!((house.marketo.invites(), house.created().len()), (1, 1));
    assert_eq!((house.slack.channel(CARDS).len(), house.slack.channel(OPS).len()), (1, 1));
    assert_eq!(house.slack.dm(RAE).len(), 1);
    house.card_says(&["created"]);
}

#[tokio::test]
async fn two_presses_by_one_person_count_as_one() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    let card = house.card();
    let (one, two) =
        join!(house.ada.clicks_stale(&card, "Approve"), house.ada.clicks_stale(&card, "Approve"));
    assert_quiet(&one.unwrap());
    assert_quiet(&two.unwrap());
    house.drain().await.unwrap();
    happened_once(&house);
    assert_snapshot!("pressed_twice", house.whispers(ADA));
    house.ends().await;
}

#[tokio::test]
async fn two_approvers_at_the_same_time_count_as_one_and_the_second_is_told_who_was_first() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    let card = house.card();
    let (one, two) =
        join!(house.ada.clicks_stale(&card, "Approve"), house.sam.clicks_stale(&card, "Approve"));
    assert_quiet(&one.unwrap());
    assert_quiet(&two.unwrap());
    house.drain().await.unwrap();
    happened_once(&house);
    let (ada, sam) = (house.told(ADA), house.told(SAM));
    assert_eq!(ada.len() + sam.len(), 1, "exactly one of them was late: {ada:?} {sam:?}");
    house.ends().await;
}

#[tokio::test]
async fn of_an_approval_and_a_denial_at_the_same_time_one_counts_and_the_other_is_told() {
    for _ in 0..6 {
        let house = House::open().await;
        house.rae_asks(&[]).await;
        let card = house.card();
        house.opens_denial(&house.sam, "Not needed").await;
        let (approve, deny) = join!(house.ada.clicks_stale(&card, "Approve"), house.sam.submits());
        assert_quiet(&approve.unwrap());
        assert!(deny.unwrap().closed);
        house.drain().await.unwrap();
        if house.marketo.invites() == 1 {
            happened_once(&house);
            assert!(
                house.whispers(SAM).contains("already approved by @Ada Approver"),
                "{}",
                house.whispers(SAM)
            );
        } else {
            house.card_says(&["Denied by @Sam Second"]);
            assert!(house.created().is_empty() && house.slack.channel(OPS).is_empty());
            assert!(house.whispers(ADA).contains("already denied by @Sam Second"), "{}", house.whispers(ADA));
        }
        house.ends().await;
    }
}

#[tokio::test]
async fn a_cancellation_and_an_approval_at_the_same_time_end_in_one_outcome() {
    for _ in 0..6 {
        let house = House::open().await;
        house.rae_asks(&[]).await;
        let (card, own) = (house.card(), house.request_message());
        let (approve, cancel) =
            join!(house.ada.clicks_stale(&card, "Approve"), house.rae.clicks_stale(&own, "Cancel request"));
        assert_quiet(&approve.unwrap());
        assert_quiet(&cancel.unwrap());
        house.drain().await.unwrap();
        if house.marketo.invites() == 1 {
            happened_once(&house);
            assert!(house.whispers(RAE).contains("already approved"), "{}", house.whispers(RAE));
        } else {
            house.card_says(&["Cancelled"]);
            assert!(house.whispers(ADA).contains("cancelled"), "{}", house.whispers(ADA));
        }
        house.ends().await;
    }
}

#[tokio::test]
async fn a_stale_card_tells_what_happened() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    let (stale, own) = (house.card(), house.request_message());
    house.denies(&house.sam, "Not needed").await;
    let after = house.card_text();
    for label in ["Approve", "Deny"] {
        assert_quiet(&house.ada.clicks_stale(&stale, label).await.unwrap());
        house.drain().await.unwrap();
    }
    assert!(house.ada.open_view().is_none());
    assert_quiet(&house.rae.clicks_stale(&own, "Cancel request").await.unwrap());
    house.drain().await.unwrap();
    assert_snapshot!("late_for_a_denial", [house.whispers(ADA), house.whispers(RAE)].join("\n"));
    assert_eq!((house.card_text(), house.marketo.invites()), (after, 0));
    house.ends().await;
}

#[tokio::test]
async fn a_form_for_a_denial_that_is_sent_after_the_approval_tells_so() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.opens_denial(&house.sam, "Not needed").await;
    house.presses(&house.ada, "Approve").await;
    assert!(house.sam.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    happened_once(&house);
    assert_snapshot!("late_denial", house.whispers(SAM));
    house.ends().await;
}

#[tokio::test]
async fn a_cancellation_after_the_approval_comes_too_late() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    let own = house.request_message();
    house.presses(&house.ada, "Approve").await;
    assert_quiet(&house.rae.clicks_stale(&own, "Cancel request").await.unwrap());
    house.drain().await.unwrap();
    happened_once(&house);
    assert_snapshot!("late_cancellation", house.whispers(RAE));
    house.ends().await;
}

#[tokio::test]
async fn an_expired_request_can_neither_be_approved_nor_cancelled() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    let (stale, own) = (house.card(), house.request_message());
    // Nobody carried out the timer yet, as when the bot was down for the week.
    house.clock.advance(Duration::from_secs(7 * 24 * 3600));
    assert_quiet(&house.ada.clicks_stale(&stale, "Approve").await.unwrap());
    house.drain().await.unwrap();
    house.card_says(&["Expired"]);
    assert_quiet(&house.rae.clicks_stale(&own, "Cancel request").await.unwrap());
    house.drain().await.unwrap();
    assert_snapshot!("late_for_the_week", [house.whispers(ADA), house.whispers(RAE)].join("\n"));
    assert_eq!(house.marketo.invites(), 0);
    house.ends().await;
}

#[tokio::test]
async fn what_is_delivered_again_to_the_letter_has_no_second_effect() {
    let house = House::open().await;
    let command = house.rae.types(OPS, "/marketo-api-user").await;
    house.rae.sees_modal().await.unwrap();
    assert_quiet(&house.work.send(&command.sent).await);
    house.drain().await.unwrap();
    assert_eq!(house.slack.calls_to("views.open").len(), 1);
    house.rae.fills(&FORM).await.unwrap();
    let submission = house.rae.submits().await.unwrap().reply.sent;
    assert_quiet(&house.work.send(&submission).await);
    house.drain().await.unwrap();
    assert_quiet(&house.work.send(&submission).await);
    house.drain().await.unwrap();
    let click = house.ada.clicks(&house.card(), "Approve").await.unwrap().sent;
    assert_quiet(&house.work.send(&click).await);
    house.drain().await.unwrap();
    assert_quiet(&house.work.send(&click).await);
    assert_quiet(&house.work.send(&submission).await);
    house.drain().await.unwrap();
    happened_once(&house);
    assert!(house.slack.ephemerals().is_empty());
    house.ends().await;
}

/// Delivers something again a second later, signed anew: the same trigger, view or event.
async fn anew(house: &House, sent: &SignedRequest) {
    house.clock.advance(Duration::from_secs(1));
    assert_quiet(&house.work.post_signed(&sent.path, &sent.content_type, &sent.body).await);
    house.drain().await.unwrap();
}

#[tokio::test]
async fn what_is_delivered_again_with_another_signature_has_no_second_effect() {
    let house = House::open().await;
    let command = house.rae.types(OPS, "/marketo-api-user").await.sent;
    house.rae.sees_modal().await.unwrap();
    anew(&house, &command).await;
    assert_eq!(house.slack.calls_to("views.open").len(), 1);
    house.rae.fills(&FORM).await.unwrap();
    let submission = house.rae.submits().await.unwrap().reply.sent;
    anew(&house, &submission).await;
    assert_eq!(house.slack.channel(CARDS).len(), 1);
    let click = house.ada.clicks(&house.card(), "Approve").await.unwrap().sent;
    for sent in [&click, &submission, &click] {
        anew(&house, sent).await;
    }
    happened_once(&house);
    assert!(house.slack.ephemerals().is_empty(), "{:?}", house.slack.ephemerals());
    house.ends().await;
}

#[tokio::test]
async fn a_change_of_a_group_that_is_told_again_finds_who_is_in_it_and_nothing_else() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.slack.set_group("S0MOPS", &[RAE]);
    let event = json!({
        "type": "event_callback", "team_id": "T0001", "api_app_id": "A0001", "event_id": "Ev1",
        "event": {"type": "subteam_members_changed", "subteam_id": "S0MOPS"},
    });
    let reply = house.work.post_signed("/slack/events", "application/json", &event.to_string()).await;
    assert_quiet(&house.work.send(&reply.sent).await);
    anew(&house, &reply.sent).await;
    let card = house.card_text();
    house.presses(&house.sam, "Approve").await;
    assert!(house.whispers(SAM).contains("Only approvers"), "{}", house.whispers(SAM));
    assert_eq!((house.card_text(), house.slack.ephemerals().len()), (card, 1));
    house.presses(&house.ada, "Approve").await;
    happened_once(&house);
    house.ends().await;
}

#[tokio::test]
async fn a_denial_and_a_refusal_that_are_delivered_again_have_no_second_effect() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    let refused = house.rae.clicks(&house.card(), "Approve").await.unwrap().sent;
    assert_quiet(&house.work.send(&refused).await);
    let button = house.ada.clicks(&house.card(), "Deny").await.unwrap().sent;
    house.ada.sees_modal().await.unwrap();
    assert_quiet(&house.work.send(&button).await);
    house.ada.fills(&[("Reason", "Not needed")]).await.unwrap();
    let denial = house.ada.submits().await.unwrap().reply.sent;
    assert_quiet(&house.work.send(&denial).await);
    house.drain().await.unwrap();
    assert_quiet(&house.work.send(&denial).await);
    house.drain().await.unwrap();
    house.card_says(&["Denied by @Ada Approver"]);
    assert_eq!((house.slack.dm(RAE).len(), house.slack.calls_to("views.open").len()), (2, 2));
    assert!(house.told(ADA).is_empty(), "{:?}", house.told(ADA));
    house.ends_despite(&["user_not_in_channel"]).await;
}

#[tokio::test]
async fn a_refused_form_that_is_delivered_again_gets_the_same_errors() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.opens_form(&house.sam, "/marketo-api-user").await;
    house.sam.fills(&FORM).await.unwrap();
    let taken = house.sam.submits().await.unwrap();
    assert!(taken.errors["Email"].contains("open already"), "{taken:?}");
    house.sam.fills(&[("Email", "wrong")]).await.unwrap();
    let wrong = house.sam.submits().await.unwrap();
    assert!(wrong.errors["Email"].contains("Enter an e-mail address"), "{wrong:?}");
    // What was in the way is gone, and the form is accepted in the end.
    house.cancels().await;
    house.sam.fills(&FORM).await.unwrap();
    let accepted = house.sam.submits().await.unwrap();
    assert!(accepted.closed, "{:?}", accepted.errors);
    house.drain().await.unwrap();
    for first in [&taken.reply, &wrong.reply, &accepted.reply] {
        let again = house.work.send(&first.sent).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
    }
    house.clock.advance(Duration::from_secs(1));
    for first in [&taken.reply, &wrong.reply, &accepted.reply] {
        let sent = &first.sent;
        let anew = house.work.post_signed(&sent.path, &sent.content_type, &sent.body).await;
        assert_eq!((anew.status, &anew.body), (200, &first.body));
    }
    house.drain().await.unwrap();
    assert_eq!(house.slack.channel(CARDS).len(), 2, "Rae's card and Sam's");
    let own = house.slack.dm(SAM).pop().unwrap();
    assert_quiet(&house.sam.clicks(&own, "Cancel request").await.unwrap());
    house.ends().await;
}

#[tokio::test]
async fn an_accepted_form_that_is_submitted_again_is_no_second_request_and_no_error() {
    let house = House::open().await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    let sent = house.rae.submits().await.unwrap().reply.sent;
    house.drain().await.unwrap();
    let again = |trigger: &str| forged(&house, &sent, |payload| payload["trigger_id"] = json!(trigger));
    assert_quiet(&house.work.send(&again("1.2.pending")).await);
    house.presses(&house.ada, "Approve").await;
    assert_quiet(&house.work.send(&again("1.2.created")).await);
    house.drain().await.unwrap();
    happened_once(&house);
    house.ends().await;
}

#[tokio::test]
async fn a_refused_click_that_is_delivered_again_is_told_of_once() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    let own = house.rae.clicks(&house.card(), "Approve").await.unwrap().sent;
    house.drain().await.unwrap();
    let told = || house.slack.ephemerals_for(RAE).len() + house.slack.calls_to("response_url").len();
    let before = told();
    assert!(before > 0);
    assert_quiet(&house.work.send(&own).await);
    anew(&house, &own).await;
    assert_eq!(told(), before);
    house.cancels().await;
    house.ends_despite(&["user_not_in_channel"]).await;
}
