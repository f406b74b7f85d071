//! Errors and outages of Slack: nothing is shown twice, and nothing stays untold.

use std::time::Duration;

use insta::assert_snapshot;
use jiff::Timestamp;
use marketo_api_user::sim::{fault::Fault, render, slack::SimChannel};
use serde_json::json;

use crate::test_bot::{ADA, CARDS, FORM, OPS, RAE, TestBot, assert_empty_ack};

fn bad_gateway() -> Fault {
    Fault::Answer { status: 502, body: json!({}), retry_after: None }
}

/// Asserts one card, one announcement, and at least one message to the requester.
fn assert_everything_appears_once(bot: &TestBot) {
    bot.card_says(&["The user is created"]);
    assert_eq!(bot.slack.channel(OPS).len(), 1, "{}", bot.slack.transcript(OPS));
    assert_eq!(bot.slack.dm(RAE).len(), 1, "{}", bot.direct_messages(RAE));
    assert!(bot.direct_messages(RAE).contains("The user is created"));
    assert_eq!((bot.marketo.invites(), bot.created_users().len()), (1, 1));
}

/// Rae submits the form of [`FORM`].
async fn submits_form(bot: &TestBot) {
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_post_is_retried_and_appears_once() {
    let answered = |status, body| Fault::AppliedThenAnswer { status, body };
    for fault in [
        bad_gateway(),
        Fault::Html,
        Fault::Cut,
        Fault::AppliedThenCut,
        answered(502, json!({})),
        answered(200, json!({"ok": false, "error": "fatal_error"})),
        answered(200, json!({"ok": false, "error": "internal_error"})),
        Fault::Answer {
            status: 200,
            body: json!({"ok": false, "error": "service_unavailable"}),
            retry_after: None,
        },
    ] {
        println!("{fault:?}");
        let bot = TestBot::open().await;
        // The card, the requester's message; then the announcement.
        bot.slack.faults().script("chat.postMessage", fault.clone());
        bot.slack.faults().script("chat.postMessage", fault.clone());
        submits_form(&bot).await;
        bot.advance(10).await;
        bot.clicks(&bot.ada, "Approve").await;
        bot.assert_delivered_once(&fault).await;
        let bot = TestBot::open().await;
        submits_form(&bot).await;
        bot.drain().await.unwrap();
        for _ in 0..2 {
            bot.slack.faults().script("chat.postMessage", fault.clone());
            bot.slack.faults().script("chat.update", fault.clone());
        }
        bot.clicks(&bot.ada, "Approve").await;
        bot.assert_delivered_once(&fault).await;
    }
}

impl TestBot {
    async fn assert_delivered_once(self, fault: &Fault) {
        self.advance(60).await;
        assert_everything_appears_once(&self);
        let is_refusal = matches!(fault, Fault::Answer { .. } | Fault::AppliedThenAnswer { .. });
        let codes = ["fatal_error", "internal_error", "service_unavailable"];
        self.allow_slack_errors(if is_refusal { &codes } else { &[] });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn card_is_posted_when_history_is_unreadable() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["missing_scope"]);
    let scopes: Vec<String> =
        bot.slack.setup().scopes.into_iter().filter(|scope| !scope.ends_with(":history")).collect();
    bot.slack.set_scopes(&scopes.iter().map(String::as_str).collect::<Vec<_>>());
    bot.slack.faults().script("chat.postMessage", Fault::Cut);
    submits_form(&bot).await;
    bot.advance(10).await;
    bot.clicks(&bot.ada, "Approve").await;
    bot.advance(10).await;
    assert_everything_appears_once(&bot);
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_respected() {
    let bot = TestBot::open().await;
    bot.slack.rate_limit("chat.postMessage", 30);
    let asked_at = bot.clock.now();
    submits_form(&bot).await;
    bot.advance(29).await;
    assert!(bot.slack.channel(CARDS).is_empty());
    bot.advance(2).await;
    let posts = bot.slack.calls_to("chat.postMessage");
    assert!(posts.iter().all(|post| {
        let after = post.at.duration_since(asked_at).as_secs();
        after == 0 || after >= 30
    }));
    bot.slack.rate_limit("chat.update", 20);
    let approved_at = bot.clock.now();
    bot.clicks(&bot.ada, "Approve").await;
    bot.advance(40).await;
    let updates = bot.slack.calls_to("chat.update");
    let of_the_card = updates.iter().filter(|call| call.body["channel"] == CARDS).skip(1);
    assert!(of_the_card.clone().count() > 0);
    for update in of_the_card {
        assert!(update.at.duration_since(approved_at).as_secs() >= 20);
    }
    assert_everything_appears_once(&bot);
}

#[tokio::test(flavor = "multi_thread")]
async fn burst_of_requests_is_shown_at_slacks_pace() {
    const REQUESTS: usize = 6;
    let bot = TestBot::open().await;
    bot.slack.rate_limit("chat.postMessage", 1);
    for n in 0..REQUESTS {
        bot.rae_requests(&[("Email", &format!("svc{n}@example.com"))]).await;
        bot.pass(Duration::from_millis(150)).await.unwrap();
    }
    bot.advance(6).await;
    assert_eq!(bot.slack.channel(CARDS).len(), REQUESTS);
    assert_eq!(bot.slack.dm(RAE).len(), REQUESTS, "each with its Cancel button");
    // One call was refused, and repeated.
    assert_eq!(bot.slack.calls_to("chat.postMessage").len(), 2 * REQUESTS + 1);
    for card in bot.slack.channel(CARDS) {
        assert_empty_ack(&bot.ada.clicks(&card, "Approve").await.unwrap());
    }
    bot.advance(6).await;
    assert_eq!(bot.marketo.invites(), REQUESTS);
    assert_eq!(bot.slack.channel(OPS).len(), REQUESTS, "each result is announced");
    for card in bot.slack.channel(CARDS) {
        let text = render::message(&card, &bot.slack.names());
        assert!(text.contains("The user is created"), "{text}");
    }
    for conversation in [CARDS, OPS, RAE] {
        let mut posts = bot.slack.calls_to("chat.postMessage");
        posts.retain(|post| post.body["channel"] == conversation);
        for post in &posts {
            let within = |other: &Timestamp| (0..1000).contains(&post.at.duration_since(*other).as_millis());
            let in_second = posts.iter().filter(|other| within(&other.at)).count();
            assert!(in_second <= 4, "{in_second} messages within a second");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_card_is_posted_again() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["message_not_found"]);
    bot.rae_requests(&[]).await;
    let card = bot.card();
    bot.slack.delete_message(CARDS, &card.ts);
    let own = bot.request_message();
    bot.slack.delete_message(&own.channel, &own.ts);
    // Ada's screen still shows it.
    assert_empty_ack(&bot.ada.clicks_stale(&card, "Approve").await.unwrap());
    bot.advance(10).await;
    assert_everything_appears_once(&bot);
}

#[tokio::test(flavor = "multi_thread")]
async fn reminder_restores_a_deleted_card() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["message_not_found", "cannot_reply_to_message"]);
    bot.rae_requests(&[]).await;
    bot.slack.delete_message(CARDS, &bot.card().ts);
    bot.advance(24 * 3600 + 60).await;
    assert!(!bot.slack.channel(CARDS).is_empty(), "the card must be visible to be decided");
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requester_sees_the_outcome_when_the_channel_is_archived() {
    let bot = TestBot::open().await;
    // The card cannot be updated. Operators see it, at once and after it was given up.
    bot.expect_dead_letters(1);
    bot.allow_slack_errors(&["is_archived", "is_inactive"]);
    bot.rae_requests(&[]).await;
    let card = bot.card();
    for (id, name) in [(OPS, "marketing-ops"), (CARDS, "marketo-approvals")] {
        let channel = SimChannel { archived: true, ..SimChannel::public(id, name, &[RAE, ADA]) };
        bot.slack.set_channel(channel);
    }
    assert_empty_ack(&bot.ada.clicks_stale(&card, "Approve").await.unwrap());
    bot.advance(60).await;
    assert_eq!(bot.created_users().len(), 1);
    assert_snapshot!("created_in_an_archived_channel", bot.direct_messages(RAE));
    let depth = bot.depth().await.unwrap();
    assert_eq!((depth.failing_messages, depth.dead_letters), (1, 0), "somebody may restore the channel");
    bot.advance(25 * 3600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_form_that_fails_to_open_is_reported() {
    for code in ["expired_trigger_id", "invalid_trigger_id", "internal_error"] {
        let bot = TestBot::open().await;
        bot.allow_slack_errors(&[code]);
        bot.slack.refuse("views.open", code);
        assert_empty_ack(&bot.rae.types(OPS, "/marketo-api-user").await);
        bot.drain().await.unwrap();
        assert!(bot.rae.open_view().is_none());
        assert_snapshot!("form_did_not_open", bot.ephemeral_texts(RAE));
        assert_eq!(bot.slack.calls_to("views.open").len(), 1, "never blindly repeated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn denial_form_that_fails_to_open_is_reported() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["expired_trigger_id"]);
    bot.rae_requests(&[]).await;
    bot.slack.refuse("views.open", "expired_trigger_id");
    bot.clicks(&bot.ada, "Deny").await;
    assert!(bot.ephemeral_texts(ADA).contains("didn't open the form"), "{}", bot.ephemeral_texts(ADA));
    bot.denies(&bot.ada, "Not needed").await;
    bot.card_says(&["Denied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_outside_the_bots_channels_are_answered_by_response_url() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["expired_trigger_id", "channel_not_found"]);
    bot.slack.refuse("views.open", "expired_trigger_id");
    assert_empty_ack(&bot.rae.types("C0PRIVATE", "/marketo-api-user").await);
    bot.drain().await.unwrap();
    assert!(bot.ephemeral_texts(RAE).contains("didn't open the form"), "{}", bot.ephemeral_texts(RAE));
}

#[tokio::test(flavor = "multi_thread")]
async fn last_state_is_shown_once_after_a_short_slack_outage() {
    let bot = TestBot::open().await;
    submits_form(&bot).await;
    bot.slack.set_down(true);
    bot.advance(5 * 60).await;
    bot.slack.set_down(false);
    bot.advance(5 * 60).await;
    bot.card_says(&["[ Approve ] [ Deny ]"]);
    let card = bot.card();
    bot.slack.set_down(true);
    assert_empty_ack(&bot.ada.clicks_stale(&card, "Approve").await.unwrap());
    bot.advance(5 * 60).await;
    assert_eq!(bot.created_users().len(), 1, "Marketo does not wait for Slack");
    bot.slack.set_down(false);
    bot.advance(10 * 60).await;
    assert_everything_appears_once(&bot);
}

#[tokio::test(flavor = "multi_thread")]
async fn outcome_is_shown_after_a_slack_outage_of_a_day() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    let card = bot.card();
    bot.slack.set_down(true);
    assert_empty_ack(&bot.ada.clicks_stale(&card, "Approve").await.unwrap());
    bot.advance(60).await;
    bot.clock.advance(Duration::from_secs(20 * 3600));
    bot.advance(60).await;
    bot.slack.set_down(false);
    bot.advance(10 * 60).await;
    assert_everything_appears_once(&bot);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_requester_can_open_the_form_and_is_checked_on_submission() {
    for fault in [bad_gateway(), Fault::Html, Fault::Cut] {
        let bot = TestBot::open().await;
        bot.slack.faults().script("users.info", fault);
        bot.opens_form(&bot.rae, "/marketo-api-user").await;
        bot.rae.fills(&FORM).await.unwrap();
        let submitted = bot.rae.submits().await.unwrap();
        assert!(
            submitted.errors["Email"].contains("I couldn't check your permissions"),
            "{:?}",
            submitted.errors
        );
        bot.drain().await.unwrap();
        assert!(bot.rae.submits().await.unwrap().closed);
        bot.drain().await.unwrap();
        bot.clicks(&bot.ada, "Approve").await;
        assert_everything_appears_once(&bot);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn undeliverable_refusal_changes_nothing() {
    for fault in [bad_gateway(), Fault::Html, Fault::Cut] {
        let bot = TestBot::open().await;
        bot.rae_requests(&[]).await;
        bot.slack.faults().script("chat.postEphemeral", fault);
        bot.clicks(&bot.person("U0GUEST"), "Approve").await;
        bot.card_says(&["[ Approve ] [ Deny ]"]);
        bot.clicks(&bot.ada, "Approve").await;
        assert_everything_appears_once(&bot);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_form_update_does_not_affect_the_next_form() {
    let mut setup = crate::test_bot::options();
    setup.policy = setup.policy.replace("[slack]", "[slack]\nteam_ids = [\"T0001\"]");
    let mut bot = TestBot::prepare(setup).await;
    bot.allow_slack_errors(&["hash_conflict"]);
    bot.marketo.faults().script("roles", Fault::Slow(Duration::from_secs(8)));
    bot.slack.refuse("views.update", "hash_conflict");
    bot.playground.launch().await.unwrap();
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.clock.advance(Duration::from_secs(8));
    bot.ready().await.unwrap();
    bot.drain().await.unwrap();
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    assert_everything_appears_once(&bot);
}
