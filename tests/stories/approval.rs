//! Who decides, how, and what everybody sees of it.

use std::time::Duration;

use insta::assert_snapshot;

use crate::support::{ADA, CARDS, FORM, House, OPS, RAE, SAM, assert_quiet, options, policy};

const PRIVATE: &str = "C0PRIVATE";

#[tokio::test]
async fn a_denial_says_why_to_everybody_and_ends_the_request() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.opens_denial(&house.ada, "Use the *existing* user <@U0SECOND>").await;
    assert_snapshot!("denial_form", house.modal(&house.ada));
    house.card_says(&["[ Approve ] [ Deny ]"]);
    assert!(house.ada.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    assert_snapshot!("card_is_denied", house.slack.transcript(CARDS));
    assert_snapshot!("requester_is_denied", house.direct(RAE));
    assert!(house.slack.channel(OPS).is_empty());
    assert_eq!(house.marketo.invites(), 0);
    // The e-mail is free again.
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    let card = house.slack.channel(CARDS).pop().unwrap();
    assert_quiet(&house.ada.clicks(&card, "Approve").await.unwrap());
    house.ends().await;
}

#[tokio::test]
async fn a_denial_needs_a_reason_of_at_most_a_thousand_characters() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.opens_denial(&house.ada, "  ").await;
    let submitted = house.ada.submits().await.unwrap();
    assert!(!submitted.closed && submitted.errors["Reason"].contains("Explain why"), "{submitted:?}");
    house.ada.fills(&[("Reason", &"x".repeat(1001))]).await.unwrap();
    let submitted = house.ada.submits().await.unwrap();
    assert!(!submitted.closed && submitted.errors["Reason"].contains("1000"), "{submitted:?}");
    house.ada.fills(&[("Reason", &"x".repeat(1000))]).await.unwrap();
    assert!(house.ada.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.card_says(&["Denied"]);
    house.ends().await;
}

#[tokio::test]
async fn a_requester_takes_the_request_back() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.cancels().await;
    assert_snapshot!("card_is_cancelled", house.slack.transcript(CARDS));
    assert_snapshot!("requester_has_cancelled", house.direct(RAE));
    assert_eq!(house.marketo.invites(), 0);
    house.ends().await;
}

#[tokio::test]
async fn nobody_decides_on_a_request_of_their_own_and_an_approver_can_cancel_it() {
    let house = House::open().await;
    house.opens_form(&house.ada, "/marketo-api-user").await;
    house.ada.fills(&FORM).await.unwrap();
    assert!(house.ada.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    assert_snapshot!("own_card", house.slack.transcript(CARDS));
    let before = house.slack.transcript(CARDS);
    house.presses(&house.ada, "Approve").await;
    house.presses(&house.ada, "Deny").await;
    assert!(house.ada.open_view().is_none());
    assert_snapshot!("own_request", house.whispers(ADA));
    assert_eq!(house.slack.transcript(CARDS), before);
    let message = house.slack.dm(ADA).remove(0);
    assert_quiet(&house.ada.clicks(&message, "Cancel request").await.unwrap());
    house.drain().await.unwrap();
    house.card_says(&["Cancelled"]);
    house.ends().await;
}

#[tokio::test]
async fn whoever_is_no_approver_is_told_who_is() {
    let mut setup = options();
    let cards = setup.slack.channels.iter_mut().find(|channel| channel.id == CARDS).unwrap();
    cards.members.extend(["U0GUEST".to_owned(), RAE.to_owned()]);
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    let before = house.slack.transcript(CARDS);
    let gus = house.person("U0GUEST");
    house.presses(&gus, "Approve").await;
    house.presses(&gus, "Deny").await;
    assert!(gus.open_view().is_none());
    assert_snapshot!("no_approver", house.whispers("U0GUEST"));
    assert_eq!(house.slack.transcript(CARDS), before);
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.created().len(), 1);
    house.ends().await;
}

#[tokio::test]
async fn a_member_of_the_approvers_group_approves_also_when_added_a_moment_ago() {
    let mut setup = options();
    setup.slack.groups[0].users = vec![ADA.to_owned()];
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    house.presses(&house.sam, "Approve").await;
    assert!(house.whispers(SAM).contains("Only approvers"), "{}", house.whispers(SAM));
    house.slack.set_group("S0MOPS", &[ADA, SAM]);
    // What was known is too old by now to turn somebody away.
    house.clock.advance(Duration::from_secs(6));
    house.presses(&house.sam, "Approve").await;
    house.card_says(&["Approved by @Sam Second", "created"]);
    assert_eq!(house.created().len(), 1);
    house.ends().await;
}

#[tokio::test]
async fn a_member_who_left_the_approvers_group_is_refused_at_the_click() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.slack.set_group("S0MOPS", &[ADA]);
    house.clock.advance(Duration::from_secs(61));
    house.presses(&house.sam, "Approve").await;
    assert!(house.whispers(SAM).contains("Only approvers"), "{}", house.whispers(SAM));
    assert_eq!(house.marketo.invites(), 0);
    house.cancels().await;
    house.ends().await;
}

#[tokio::test]
async fn where_slack_does_not_tell_who_is_in_the_group_nothing_changes_until_it_does() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.clock.advance(Duration::from_secs(61));
    for _ in 0..2 {
        house.slack.refuse("usergroups.users.list", "internal_error");
    }
    let before = house.slack.transcript(CARDS);
    house.presses(&house.sam, "Approve").await;
    house.presses(&house.sam, "Deny").await;
    assert!(house.sam.open_view().is_none());
    assert_snapshot!("cannot_check", house.whispers(SAM));
    assert_eq!((house.slack.transcript(CARDS), house.marketo.invites()), (before, 0));
    house.presses(&house.sam, "Approve").await;
    house.card_says(&["Approved by @Sam Second", "created"]);
    house.ends_despite(&["internal_error"]).await;
}

#[tokio::test]
async fn without_approval_the_user_is_created_as_soon_as_the_form_is_sent() {
    let house = House::with(policy("approval = \"none\"\n")).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    assert_snapshot!("form_without_approval", house.modal(&house.rae));
    house.rae.fills(&FORM).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    assert_eq!(house.created().len(), 1);
    assert!(house.slack.channel(CARDS).is_empty());
    assert_snapshot!("created_without_approval", house.slack.transcript(OPS));
    assert_snapshot!("requester_without_approval", house.direct(RAE));
    house.ends().await;
}

#[tokio::test]
async fn a_request_that_nobody_decides_is_recalled_after_a_day_and_expires_after_a_week() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.waits(24 * 3600 - 1).await;
    assert_eq!(house.slack.channel(CARDS).len(), 1);
    house.waits(1).await;
    assert_snapshot!("reminder", house.slack.transcript(CARDS));
    house.waits(6 * 24 * 3600 - 1).await;
    house.card_says(&["[ Approve ] [ Deny ]"]);
    house.waits(1).await;
    assert_snapshot!("card_has_expired", house.slack.transcript(CARDS));
    assert_snapshot!("requester_has_expired", house.direct(RAE));
    assert_eq!(house.marketo.invites(), 0);
    house.ends().await;
}

#[tokio::test]
async fn a_request_that_is_decided_is_not_recalled() {
    let house = House::with(policy("remind_after = \"1h\"\npending_timeout = \"2h\"\n")).await;
    house.rae_asks(&[]).await;
    house.waits(600).await;
    house.presses(&house.ada, "Approve").await;
    house.waits(3 * 3600).await;
    assert_eq!(house.slack.channel(CARDS).len(), 1);
    house.card_says(&["created"]);
    house.ends().await;
}

/// Settings without a channel for approvals.
fn where_typed() -> marketo_api_user::playground::Options {
    let mut setup = options();
    setup.policy = setup.policy.replace("approval_channel = \"C0APPROVE\"", "");
    setup
}

#[tokio::test]
async fn without_an_approval_channel_the_card_is_where_the_command_was_typed() {
    let house = House::with(where_typed()).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    let card = house.slack.channel(OPS).remove(0);
    assert_quiet(&house.ada.clicks(&card, "Approve").await.unwrap());
    house.drain().await.unwrap();
    assert_snapshot!("card_where_typed", house.slack.transcript(OPS));
    assert!(house.slack.channel(CARDS).is_empty());
    house.ends().await;
}

#[tokio::test]
async fn a_card_that_cannot_be_posted_is_told_to_the_requester() {
    let house = House::with(where_typed()).await;
    assert_quiet(&house.rae.types(PRIVATE, "/marketo-api-user").await);
    house.rae.fills(&FORM).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    assert!(house.slack.channel(PRIVATE).is_empty());
    assert_snapshot!("no_card", house.direct(RAE));
    house.ends_despite(&["channel_not_found"]).await;
}
