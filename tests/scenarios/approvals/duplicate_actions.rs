//! Actions that arrive twice, at the same time, too late, or redelivered.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::sim::user::SignedRequest;
use serde_json::json;
use tokio::join;

use crate::test_bot::{ADA, CARDS, FORM, OPS, RAE, SAM, TestBot, assert_empty_ack, forged};

/// Asserts one approval, one user and one announcement.
fn happened_once(bot: &TestBot) {
    assert_eq!((bot.marketo.invites(), bot.created_users().len()), (1, 1));
    assert_eq!((bot.slack.channel(CARDS).len(), bot.slack.channel(OPS).len()), (1, 1));
    assert_eq!(bot.slack.dm(RAE).len(), 1);
    bot.card_says(&["created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn double_click_counts_once() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    let card = bot.card();
    let (one, two) = join!(bot.ada.clicks_stale(&card, "Approve"), bot.ada.clicks_stale(&card, "Approve"));
    assert_empty_ack(&one.unwrap());
    assert_empty_ack(&two.unwrap());
    bot.drain().await.unwrap();
    happened_once(&bot);
    assert_snapshot!("clicked_twice", bot.ephemeral_texts(ADA));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_approvals_count_once_and_the_second_is_told() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    let card = bot.card();
    let (one, two) = join!(bot.ada.clicks_stale(&card, "Approve"), bot.sam.clicks_stale(&card, "Approve"));
    assert_empty_ack(&one.unwrap());
    assert_empty_ack(&two.unwrap());
    bot.drain().await.unwrap();
    happened_once(&bot);
    let (ada, sam) = (bot.ephemerals_to(ADA), bot.ephemerals_to(SAM));
    assert_eq!(ada.len() + sam.len(), 1, "exactly one of them was late: {ada:?} {sam:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_approval_and_denial_have_one_outcome() {
    for _ in 0..6 {
        let bot = TestBot::open().await;
        bot.rae_requests(&[]).await;
        let card = bot.card();
        bot.opens_denial(&bot.sam, "Not needed").await;
        let (approve, deny) = join!(bot.ada.clicks_stale(&card, "Approve"), bot.sam.submits());
        assert_empty_ack(&approve.unwrap());
        let deny = deny.unwrap();
        bot.drain().await.unwrap();
        if bot.marketo.invites() == 1 {
            happened_once(&bot);
            assert!(deny.errors["Reason"].contains("already approved"), "{:?}", deny.errors);
        } else {
            assert!(deny.closed);
            bot.card_says(&["Denied by @Sam Second"]);
            assert!(bot.created_users().is_empty() && bot.slack.channel(OPS).is_empty());
            assert!(
                bot.ephemeral_texts(ADA).contains("already denied by @Sam Second"),
                "{}",
                bot.ephemeral_texts(ADA)
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_cancellation_and_approval_have_one_outcome() {
    for _ in 0..6 {
        let bot = TestBot::open().await;
        bot.rae_requests(&[]).await;
        let (card, own) = (bot.card(), bot.request_message());
        let (approve, cancel) =
            join!(bot.ada.clicks_stale(&card, "Approve"), bot.rae.clicks_stale(&own, "Cancel request"));
        assert_empty_ack(&approve.unwrap());
        assert_empty_ack(&cancel.unwrap());
        bot.drain().await.unwrap();
        if bot.marketo.invites() == 1 {
            happened_once(&bot);
            assert!(bot.ephemeral_texts(RAE).contains("already approved"), "{}", bot.ephemeral_texts(RAE));
        } else {
            bot.card_says(&["Cancelled"]);
            assert!(bot.ephemeral_texts(ADA).contains("cancelled"), "{}", bot.ephemeral_texts(ADA));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_card_click_reports_the_decision() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    let (stale, own) = (bot.card(), bot.request_message());
    bot.denies(&bot.sam, "Not needed").await;
    let after = bot.card_text();
    for label in ["Approve", "Deny"] {
        assert_empty_ack(&bot.ada.clicks_stale(&stale, label).await.unwrap());
        bot.drain().await.unwrap();
    }
    assert!(bot.ada.open_view().is_none());
    assert_empty_ack(&bot.rae.clicks_stale(&own, "Cancel request").await.unwrap());
    bot.drain().await.unwrap();
    assert_snapshot!("late_after_denial", [bot.ephemeral_texts(ADA), bot.ephemeral_texts(RAE)].join("\n"));
    assert_eq!((bot.card_text(), bot.marketo.invites()), (after, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn denial_submitted_after_approval_is_refused() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.opens_denial(&bot.sam, "Not needed").await;
    bot.clicks(&bot.ada, "Approve").await;
    let refused = bot.sam.submits().await.unwrap();
    assert!(!refused.closed, "the form says why");
    bot.drain().await.unwrap();
    happened_once(&bot);
    assert_snapshot!("late_denial", bot.modal_text(&bot.sam));
    assert!(bot.ephemerals_to(SAM).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn cancellation_after_approval_is_refused() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    let own = bot.request_message();
    bot.clicks(&bot.ada, "Approve").await;
    assert_empty_ack(&bot.rae.clicks_stale(&own, "Cancel request").await.unwrap());
    bot.drain().await.unwrap();
    happened_once(&bot);
    assert_snapshot!("late_cancellation", bot.ephemeral_texts(RAE));
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_request_cannot_be_approved_or_cancelled() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    let (stale, own) = (bot.card(), bot.request_message());
    // The timer has not run yet, as when the bot was down for the week.
    bot.clock.advance(Duration::from_secs(7 * 24 * 3600));
    assert_empty_ack(&bot.ada.clicks_stale(&stale, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    bot.card_says(&["Expired"]);
    assert_empty_ack(&bot.rae.clicks_stale(&own, "Cancel request").await.unwrap());
    bot.drain().await.unwrap();
    assert_snapshot!("late_after_timeout", [bot.ephemeral_texts(ADA), bot.ephemeral_texts(RAE)].join("\n"));
    assert_eq!(bot.marketo.invites(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn byte_identical_redelivery_acts_once() {
    let bot = TestBot::open().await;
    let command = bot.rae.types(OPS, "/marketo-api-user").await;
    bot.rae.sees_modal().await.unwrap();
    assert_empty_ack(&bot.work.send(&command.sent).await);
    bot.drain().await.unwrap();
    assert_eq!(bot.slack.calls_to("views.open").len(), 1);
    bot.rae.fills(&FORM).await.unwrap();
    let submission = bot.rae.submits().await.unwrap().reply.sent;
    assert_empty_ack(&bot.work.send(&submission).await);
    bot.drain().await.unwrap();
    assert_empty_ack(&bot.work.send(&submission).await);
    bot.drain().await.unwrap();
    let click = bot.ada.clicks(&bot.card(), "Approve").await.unwrap().sent;
    assert_empty_ack(&bot.work.send(&click).await);
    bot.drain().await.unwrap();
    assert_empty_ack(&bot.work.send(&click).await);
    assert_empty_ack(&bot.work.send(&submission).await);
    bot.drain().await.unwrap();
    happened_once(&bot);
    assert!(bot.slack.ephemerals().is_empty());
}

/// Redelivers a second later with a new signature: the same trigger, view or event.
async fn anew(bot: &TestBot, sent: &SignedRequest) {
    bot.clock.advance(Duration::from_secs(1));
    assert_empty_ack(&bot.work.post_signed(&sent.path, &sent.content_type, &sent.body).await);
    bot.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn redelivery_with_a_new_signature_acts_once() {
    let bot = TestBot::open().await;
    let command = bot.rae.types(OPS, "/marketo-api-user").await.sent;
    bot.rae.sees_modal().await.unwrap();
    anew(&bot, &command).await;
    assert_eq!(bot.slack.calls_to("views.open").len(), 1);
    bot.rae.fills(&FORM).await.unwrap();
    let submission = bot.rae.submits().await.unwrap().reply.sent;
    anew(&bot, &submission).await;
    assert_eq!(bot.slack.channel(CARDS).len(), 1);
    let click = bot.ada.clicks(&bot.card(), "Approve").await.unwrap().sent;
    for sent in [&click, &submission, &click] {
        anew(&bot, sent).await;
    }
    happened_once(&bot);
    assert!(bot.slack.ephemerals().is_empty(), "{:?}", bot.slack.ephemerals());
}

#[tokio::test(flavor = "multi_thread")]
async fn redelivered_group_event_only_refreshes_members() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.slack.set_group("S0MOPS", &[RAE]);
    let event = json!({
        "type": "event_callback", "team_id": "T0001", "api_app_id": "A0001", "event_id": "Ev1",
        "event": {"type": "subteam_members_changed", "subteam_id": "S0MOPS"},
    });
    let reply = bot.work.post_signed("/slack/events", "application/json", &event.to_string()).await;
    assert_empty_ack(&bot.work.send(&reply.sent).await);
    anew(&bot, &reply.sent).await;
    let card = bot.card_text();
    bot.clicks(&bot.sam, "Approve").await;
    assert!(bot.ephemeral_texts(SAM).contains("Only approvers"), "{}", bot.ephemeral_texts(SAM));
    assert_eq!((bot.card_text(), bot.slack.ephemerals().len()), (card, 1));
    bot.clicks(&bot.ada, "Approve").await;
    happened_once(&bot);
}

#[tokio::test(flavor = "multi_thread")]
async fn redelivered_denial_and_refusal_act_once() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["user_not_in_channel"]);
    bot.rae_requests(&[]).await;
    let refused = bot.rae.clicks(&bot.card(), "Approve").await.unwrap().sent;
    assert_empty_ack(&bot.work.send(&refused).await);
    let button = bot.ada.clicks(&bot.card(), "Deny").await.unwrap().sent;
    bot.ada.sees_modal().await.unwrap();
    assert_empty_ack(&bot.work.send(&button).await);
    bot.ada.fills(&[("Reason", "Not needed")]).await.unwrap();
    let denial = bot.ada.submits().await.unwrap().reply.sent;
    assert_empty_ack(&bot.work.send(&denial).await);
    bot.drain().await.unwrap();
    assert_empty_ack(&bot.work.send(&denial).await);
    bot.drain().await.unwrap();
    bot.card_says(&["Denied by @Ada Approver"]);
    assert_eq!((bot.slack.dm(RAE).len(), bot.slack.calls_to("views.open").len()), (2, 2));
    assert!(bot.ephemerals_to(ADA).is_empty(), "{:?}", bot.ephemerals_to(ADA));
}

#[tokio::test(flavor = "multi_thread")]
async fn redelivered_invalid_form_gets_the_same_errors() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.opens_form(&bot.sam, "/marketo-api-user").await;
    bot.sam.fills(&FORM).await.unwrap();
    let taken = bot.sam.submits().await.unwrap();
    assert!(taken.errors["Email"].contains("already open"), "{taken:?}");
    bot.sam.fills(&[("Email", "wrong")]).await.unwrap();
    let wrong = bot.sam.submits().await.unwrap();
    assert!(wrong.errors["Email"].contains("Enter an email address"), "{wrong:?}");
    // Once the other request is gone, the form is accepted.
    bot.rae_cancels().await;
    bot.sam.fills(&FORM).await.unwrap();
    let accepted = bot.sam.submits().await.unwrap();
    assert!(accepted.closed, "{:?}", accepted.errors);
    bot.drain().await.unwrap();
    for first in [&taken.reply, &wrong.reply, &accepted.reply] {
        let again = bot.work.send(&first.sent).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
    }
    bot.clock.advance(Duration::from_secs(1));
    for first in [&taken.reply, &wrong.reply, &accepted.reply] {
        let sent = &first.sent;
        let resigned = bot.work.post_signed(&sent.path, &sent.content_type, &sent.body).await;
        assert_eq!((resigned.status, &resigned.body), (200, &first.body));
    }
    bot.drain().await.unwrap();
    assert_eq!(bot.slack.channel(CARDS).len(), 2, "Rae's card and Sam's");
    let own = bot.slack.dm(SAM).pop().unwrap();
    assert_empty_ack(&bot.sam.clicks(&own, "Cancel request").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn resubmitted_form_makes_no_second_request_and_no_error() {
    let bot = TestBot::open().await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    let sent = bot.rae.submits().await.unwrap().reply.sent;
    bot.drain().await.unwrap();
    let again = |trigger: &str| forged(&bot, &sent, |payload| payload["trigger_id"] = json!(trigger));
    assert_empty_ack(&bot.work.send(&again("1.2.pending")).await);
    bot.clicks(&bot.ada, "Approve").await;
    assert_empty_ack(&bot.work.send(&again("1.2.created")).await);
    bot.drain().await.unwrap();
    happened_once(&bot);
}

#[tokio::test(flavor = "multi_thread")]
async fn redelivered_refused_click_is_reported_once() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["user_not_in_channel"]);
    bot.rae_requests(&[]).await;
    let own = bot.rae.clicks(&bot.card(), "Approve").await.unwrap().sent;
    bot.drain().await.unwrap();
    let messages = || bot.slack.ephemerals_for(RAE).len() + bot.slack.calls_to("response_url").len();
    let before = messages();
    assert!(before > 0);
    assert_empty_ack(&bot.work.send(&own).await);
    anew(&bot, &own).await;
    assert_eq!(messages(), before);
    bot.rae_cancels().await;
}
