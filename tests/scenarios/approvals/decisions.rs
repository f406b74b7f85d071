//! Who decides, how, and what everyone sees.

use std::time::Duration;

use insta::assert_snapshot;

use crate::test_bot::{ADA, CARDS, FORM, OPS, RAE, SAM, TestBot, assert_empty_ack, options, policy};

const PRIVATE: &str = "C0PRIVATE";

#[tokio::test(flavor = "multi_thread")]
async fn denial_shows_its_reason_and_ends_the_request() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.opens_denial(&bot.ada, "Use the *existing* user <@U0SECOND>").await;
    assert_snapshot!("denial_form", bot.modal_text(&bot.ada));
    bot.card_says(&["[ Approve ] [ Deny ]"]);
    assert!(bot.ada.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    assert_snapshot!("card_is_denied", bot.slack.transcript(CARDS));
    assert_snapshot!("requester_is_denied", bot.direct_messages(RAE));
    assert!(bot.slack.channel(OPS).is_empty());
    assert_eq!(bot.marketo.invites(), 0);
    // The email is free again.
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    let card = bot.slack.channel(CARDS).pop().unwrap();
    assert_empty_ack(&bot.ada.clicks(&card, "Approve").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn denial_reason_is_required_and_limited_to_1000_characters() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.opens_denial(&bot.ada, "  ").await;
    let submitted = bot.ada.submits().await.unwrap();
    assert!(!submitted.closed && submitted.errors["Reason"].contains("Explain why"), "{submitted:?}");
    bot.ada.fills(&[("Reason", &"x".repeat(1001))]).await.unwrap();
    let submitted = bot.ada.submits().await.unwrap();
    assert!(!submitted.closed && submitted.errors["Reason"].contains("1000"), "{submitted:?}");
    bot.ada.fills(&[("Reason", &"x".repeat(1000))]).await.unwrap();
    assert!(bot.ada.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.card_says(&["Denied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requester_can_cancel_a_pending_request() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.rae_cancels().await;
    assert_snapshot!("card_is_cancelled", bot.slack.transcript(CARDS));
    assert_snapshot!("requester_has_cancelled", bot.direct_messages(RAE));
    assert_eq!(bot.marketo.invites(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn requesters_cannot_decide_their_own_request_but_can_cancel_it() {
    let bot = TestBot::open().await;
    bot.opens_form(&bot.ada, "/marketo-api-user").await;
    bot.ada.fills(&FORM).await.unwrap();
    assert!(bot.ada.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    assert_snapshot!("own_card", bot.slack.transcript(CARDS));
    let before = bot.slack.transcript(CARDS);
    bot.clicks(&bot.ada, "Approve").await;
    bot.clicks(&bot.ada, "Deny").await;
    assert!(bot.ada.open_view().is_none());
    assert_snapshot!("own_request", bot.ephemeral_texts(ADA));
    assert_eq!(bot.slack.transcript(CARDS), before);
    let message = bot.slack.dm(ADA).remove(0);
    assert_empty_ack(&bot.ada.clicks(&message, "Cancel request").await.unwrap());
    bot.drain().await.unwrap();
    bot.card_says(&["Cancelled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn non_approver_is_told_who_can_approve() {
    let mut setup = options();
    let cards = setup.slack.channels.iter_mut().find(|channel| channel.id == CARDS).unwrap();
    cards.members.extend(["U0GUEST".to_owned(), RAE.to_owned()]);
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    let before = bot.slack.transcript(CARDS);
    let gus = bot.person("U0GUEST");
    bot.clicks(&gus, "Approve").await;
    bot.clicks(&gus, "Deny").await;
    assert!(gus.open_view().is_none());
    assert_snapshot!("no_approver", bot.ephemeral_texts("U0GUEST"));
    assert_eq!(bot.slack.transcript(CARDS), before);
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.created_users().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_group_member_can_approve_at_once() {
    let mut setup = options();
    setup.slack.groups[0].users = vec![ADA.to_owned()];
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.sam, "Approve").await;
    assert!(bot.ephemeral_texts(SAM).contains("Only approvers"), "{}", bot.ephemeral_texts(SAM));
    bot.slack.set_group("S0MOPS", &[ADA, SAM]);
    // The known membership is too old to refuse anyone.
    bot.clock.advance(Duration::from_secs(6));
    bot.clicks(&bot.sam, "Approve").await;
    bot.card_says(&["Approved by @Sam Second", "created"]);
    assert_eq!(bot.created_users().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn former_group_member_is_refused_at_the_click() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.slack.set_group("S0MOPS", &[ADA]);
    bot.clock.advance(Duration::from_secs(61));
    bot.clicks(&bot.sam, "Approve").await;
    assert!(bot.ephemeral_texts(SAM).contains("Only approvers"), "{}", bot.ephemeral_texts(SAM));
    assert_eq!(bot.marketo.invites(), 0);
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approval_that_creates_asks_slack_who_the_members_are() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.slack.set_group("S0MOPS", &[ADA]);
    bot.clock.advance(Duration::from_secs(11));
    bot.clicks(&bot.sam, "Approve").await;
    assert!(bot.ephemeral_texts(SAM).contains("Only approvers"), "{}", bot.ephemeral_texts(SAM));
    assert_eq!(bot.marketo.invites(), 0);
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approval_does_not_wait_for_a_slack_that_does_not_answer() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["internal_error"]);
    bot.rae_requests(&[]).await;
    bot.clock.advance(Duration::from_secs(11));
    bot.slack.refuse("usergroups.users.list", "internal_error");
    bot.clicks(&bot.sam, "Approve").await;
    bot.card_says(&["Approved by @Sam Second", "created"]);
    assert!(bot.ephemeral_texts(SAM).is_empty(), "{}", bot.ephemeral_texts(SAM));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_group_membership_blocks_the_decision() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["internal_error"]);
    bot.rae_requests(&[]).await;
    bot.clock.advance(Duration::from_secs(61));
    for _ in 0..2 {
        bot.slack.refuse("usergroups.users.list", "internal_error");
    }
    let before = bot.slack.transcript(CARDS);
    bot.clicks(&bot.sam, "Approve").await;
    bot.clicks(&bot.sam, "Deny").await;
    assert!(bot.sam.open_view().is_none());
    assert_snapshot!("cannot_check", bot.ephemeral_texts(SAM));
    assert_eq!((bot.slack.transcript(CARDS), bot.marketo.invites()), (before, 0));
    bot.clicks(&bot.sam, "Approve").await;
    bot.card_says(&["Approved by @Sam Second", "created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_without_approval_creates_the_user_on_submission() {
    let bot = TestBot::with(policy("approval = \"none\"\n")).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    assert_snapshot!("form_without_approval", bot.modal_text(&bot.rae));
    bot.rae.fills(&FORM).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    assert_eq!(bot.created_users().len(), 1);
    assert!(bot.slack.channel(CARDS).is_empty());
    assert_snapshot!("created_without_approval", bot.slack.transcript(OPS));
    assert_snapshot!("requester_without_approval", bot.direct_messages(RAE));
}

#[tokio::test(flavor = "multi_thread")]
async fn requester_retries_what_needed_no_approval() {
    let bot = TestBot::with(policy("approval = \"none\"\n")).await;
    // Sam is not in Rae's direct message, so that he is answered there by the click's response URL.
    bot.allow_slack_errors(&["user_not_in_channel"]);
    bot.marketo.set_permissions(false);
    bot.rae_requests(&[]).await;
    assert_snapshot!("failed_without_approval", bot.direct_messages(RAE));
    let message = bot.request_message();
    assert_empty_ack(&bot.sam.clicks(&message, "Retry").await.unwrap());
    bot.drain().await.unwrap();
    assert!(bot.ephemeral_texts(SAM).contains("Only approvers are allowed to do this"));
    bot.marketo.set_permissions(true);
    assert_empty_ack(&bot.rae.clicks(&message, "Retry").await.unwrap());
    bot.drain().await.unwrap();
    assert_eq!(bot.created_users().len(), 1);
    let message = bot.request_message();
    assert!(bot.rae.clicks(&message, "Retry").await.is_err(), "{}", bot.direct_messages(RAE));
}

#[tokio::test(flavor = "multi_thread")]
async fn undecided_request_is_reminded_after_a_day_and_expires_after_a_week() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.advance(24 * 3600 - 1).await;
    assert_eq!(bot.slack.channel(CARDS).len(), 1);
    bot.advance(1).await;
    assert_snapshot!("reminder", bot.slack.transcript(CARDS));
    bot.advance(6 * 24 * 3600 - 1).await;
    bot.card_says(&["[ Approve ] [ Deny ]"]);
    bot.advance(1).await;
    assert_snapshot!("card_has_expired", bot.slack.transcript(CARDS));
    assert_snapshot!("requester_has_expired", bot.direct_messages(RAE));
    assert_eq!(bot.marketo.invites(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn decided_request_gets_no_reminder() {
    let bot = TestBot::with(policy("remind_after = \"1h\"\npending_timeout = \"2h\"\n")).await;
    bot.rae_requests(&[]).await;
    bot.advance(600).await;
    bot.clicks(&bot.ada, "Approve").await;
    bot.advance(3 * 3600).await;
    assert_eq!(bot.slack.channel(CARDS).len(), 1);
    bot.card_says(&["created"]);
}

/// Options without an approval channel.
fn where_typed() -> marketo_api_user::playground::Options {
    let mut setup = options();
    setup.policy = setup.policy.replace("approval_channel = \"C0APPROVE\"", "");
    setup
}

#[tokio::test(flavor = "multi_thread")]
async fn card_goes_to_the_command_channel_without_an_approval_channel() {
    let bot = TestBot::with(where_typed()).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    let card = bot.slack.channel(OPS).remove(0);
    assert_empty_ack(&bot.ada.clicks(&card, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    assert_snapshot!("card_in_the_command_channel", bot.slack.transcript(OPS));
    assert!(bot.slack.channel(CARDS).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn requester_hears_that_the_card_could_not_be_posted() {
    let bot = TestBot::with(where_typed()).await;
    bot.allow_slack_errors(&["channel_not_found"]);
    assert_empty_ack(&bot.rae.types(PRIVATE, "/marketo-api-user").await);
    bot.rae.fills(&FORM).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    assert!(bot.slack.channel(PRIVATE).is_empty());
    assert_snapshot!("no_card", bot.direct_messages(RAE));
}
