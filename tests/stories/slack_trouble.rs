//! Slack's refusals and failures: nothing is shown twice, nothing stays unsaid.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::sim::{fault::Fault, slack::SimChannel};
use serde_json::json;

use crate::support::{ADA, CARDS, FORM, House, OPS, RAE, assert_quiet};

fn bad_gateway() -> Fault {
    Fault::Answer { status: 502, body: json!({}), retry_after: None }
}

/// Everything stands there once: the card and the announcement; the requester's message at least.
fn all_stands_there_once(house: &House) {
    house.card_says(&["The user is created"]);
    assert_eq!(house.slack.channel(OPS).len(), 1, "{}", house.slack.transcript(OPS));
    assert_eq!(house.slack.dm(RAE).len(), 1, "{}", house.direct(RAE));
    assert!(house.direct(RAE).contains("The user is created"));
    assert_eq!((house.marketo.invites(), house.created().len()), (1, 1));
}

/// Rae submits the form of [`FORM`].
async fn asks(house: &House) {
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
}

#[tokio::test]
async fn a_post_that_failed_is_made_good_and_stands_there_once() {
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
        let house = House::open().await;
        // The card, the requester's message; then the announcement.
        house.slack.faults().script("chat.postMessage", fault.clone());
        house.slack.faults().script("chat.postMessage", fault.clone());
        asks(&house).await;
        house.waits(10).await;
        house.presses(&house.ada, "Approve").await;
        house.ends_well(&fault).await;
        let house = House::open().await;
        asks(&house).await;
        house.drain().await.unwrap();
        for _ in 0..2 {
            house.slack.faults().script("chat.postMessage", fault.clone());
            house.slack.faults().script("chat.update", fault.clone());
        }
        house.presses(&house.ada, "Approve").await;
        house.ends_well(&fault).await;
    }
}

impl House {
    async fn ends_well(self, fault: &Fault) {
        self.waits(60).await;
        all_stands_there_once(&self);
        let is_refusal = matches!(fault, Fault::Answer { .. } | Fault::AppliedThenAnswer { .. });
        let codes = ["fatal_error", "internal_error", "service_unavailable"];
        self.ends_despite(if is_refusal { &codes } else { &[] }).await;
    }
}

#[tokio::test]
async fn a_card_whose_history_may_not_be_read_is_posted_all_the_same() {
    let house = House::open().await;
    let scopes: Vec<String> =
        house.slack.setup().scopes.into_iter().filter(|scope| !scope.ends_with(":history")).collect();
    house.slack.set_scopes(&scopes.iter().map(String::as_str).collect::<Vec<_>>());
    house.slack.faults().script("chat.postMessage", Fault::Cut);
    asks(&house).await;
    house.waits(10).await;
    house.presses(&house.ada, "Approve").await;
    house.waits(10).await;
    all_stands_there_once(&house);
    house.ends_despite(&["missing_scope"]).await;
}

#[tokio::test]
async fn what_slack_asks_to_wait_is_waited() {
    let house = House::open().await;
    house.slack.rate_limit("chat.postMessage", 30);
    let asked_at = house.clock.now();
    asks(&house).await;
    house.waits(29).await;
    assert!(house.slack.channel(CARDS).is_empty());
    house.waits(2).await;
    let posts = house.slack.calls_to("chat.postMessage");
    assert!(posts.iter().all(|post| {
        let after = post.at.duration_since(asked_at).as_secs();
        after == 0 || after >= 30
    }));
    house.slack.rate_limit("chat.update", 20);
    let approved_at = house.clock.now();
    house.presses(&house.ada, "Approve").await;
    house.waits(40).await;
    let updates = house.slack.calls_to("chat.update");
    let of_the_card = updates.iter().filter(|call| call.body["channel"] == CARDS).skip(1);
    assert!(of_the_card.clone().count() > 0);
    for update in of_the_card {
        assert!(update.at.duration_since(approved_at).as_secs() >= 20);
    }
    all_stands_there_once(&house);
    house.ends_despite(&[]).await;
}

#[tokio::test]
async fn a_card_that_somebody_deleted_comes_back() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    let card = house.card();
    house.slack.delete_message(CARDS, &card.ts);
    let own = house.request_message();
    house.slack.delete_message(&own.channel, &own.ts);
    // Ada's screen still shows it.
    assert_quiet(&house.ada.clicks_stale(&card, "Approve").await.unwrap());
    house.waits(10).await;
    all_stands_there_once(&house);
    house.ends_despite(&["message_not_found"]).await;
}

#[tokio::test]
async fn a_reminder_without_its_card_brings_the_card_back() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.slack.delete_message(CARDS, &house.card().ts);
    house.waits(24 * 3600 + 60).await;
    assert!(!house.slack.channel(CARDS).is_empty(), "nobody can decide on what nobody sees");
    house.cancels().await;
    house.ends_despite(&["message_not_found", "cannot_reply_to_message"]).await;
}

#[tokio::test]
async fn in_an_archived_channel_the_requester_still_sees_what_became_of_it() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    let card = house.card();
    for (id, name) in [(OPS, "marketing-ops"), (CARDS, "marketo-approvals")] {
        let channel = SimChannel { archived: true, ..SimChannel::public(id, name, &[RAE, ADA]) };
        house.slack.set_channel(channel);
    }
    assert_quiet(&house.ada.clicks_stale(&card, "Approve").await.unwrap());
    house.waits(60).await;
    assert_eq!(house.created().len(), 1);
    assert_snapshot!("created_in_an_archived_channel", house.direct(RAE));
    // The card cannot be brought up to date: that is kept for operators to see.
    assert!(house.depth().await.unwrap().dead_letters > 0);
}

#[tokio::test]
async fn a_form_that_slack_does_not_open_is_told() {
    for code in ["expired_trigger_id", "invalid_trigger_id", "internal_error"] {
        let house = House::open().await;
        house.slack.refuse("views.open", code);
        assert_quiet(&house.rae.types(OPS, "/marketo-api-user").await);
        house.drain().await.unwrap();
        assert!(house.rae.open_view().is_none());
        assert_snapshot!("form_did_not_open", house.whispers(RAE));
        assert_eq!(house.slack.calls_to("views.open").len(), 1, "never blindly repeated");
        house.ends_despite(&[code]).await;
    }
}

#[tokio::test]
async fn a_denial_that_slack_does_not_open_is_told() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.slack.refuse("views.open", "expired_trigger_id");
    house.presses(&house.ada, "Deny").await;
    assert!(house.whispers(ADA).contains("didn't open the form"), "{}", house.whispers(ADA));
    house.denies(&house.ada, "Not needed").await;
    house.card_says(&["Denied"]);
    house.ends_despite(&["expired_trigger_id"]).await;
}

#[tokio::test]
async fn whoever_types_where_the_bot_is_no_member_is_answered_by_the_address_of_the_command() {
    let house = House::open().await;
    house.slack.refuse("views.open", "expired_trigger_id");
    assert_quiet(&house.rae.types("C0PRIVATE", "/marketo-api-user").await);
    house.drain().await.unwrap();
    assert!(house.whispers(RAE).contains("didn't open the form"), "{}", house.whispers(RAE));
    house.ends_despite(&["expired_trigger_id", "channel_not_found"]).await;
}

#[tokio::test]
async fn after_slack_was_down_for_minutes_the_last_state_is_shown_once() {
    let house = House::open().await;
    asks(&house).await;
    house.slack.set_down(true);
    house.waits(5 * 60).await;
    house.slack.set_down(false);
    house.waits(5 * 60).await;
    house.card_says(&["[ Approve ] [ Deny ]"]);
    let card = house.card();
    house.slack.set_down(true);
    assert_quiet(&house.ada.clicks_stale(&card, "Approve").await.unwrap());
    house.waits(5 * 60).await;
    assert_eq!(house.created().len(), 1, "Marketo does not wait for Slack");
    house.slack.set_down(false);
    house.waits(10 * 60).await;
    all_stands_there_once(&house);
    house.ends().await;
}

#[tokio::test]
async fn where_slack_was_down_for_more_than_a_day_the_outcome_is_shown_all_the_same() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    let card = house.card();
    house.slack.set_down(true);
    assert_quiet(&house.ada.clicks_stale(&card, "Approve").await.unwrap());
    house.waits(60).await;
    house.clock.advance(Duration::from_secs(20 * 3600));
    house.waits(60).await;
    house.slack.set_down(false);
    house.waits(10 * 60).await;
    all_stands_there_once(&house);
    house.ends().await;
}

#[tokio::test]
async fn where_slack_does_not_tell_who_types_the_form_opens_and_the_submission_asks_again() {
    for fault in [bad_gateway(), Fault::Html, Fault::Cut] {
        let house = House::open().await;
        house.slack.faults().script("users.info", fault);
        house.opens_form(&house.rae, "/marketo-api-user").await;
        house.rae.fills(&FORM).await.unwrap();
        let submitted = house.rae.submits().await.unwrap();
        assert!(
            submitted.errors["Email"].contains("I couldn't check your permissions"),
            "{:?}",
            submitted.errors
        );
        house.drain().await.unwrap();
        assert!(house.rae.submits().await.unwrap().closed);
        house.drain().await.unwrap();
        house.presses(&house.ada, "Approve").await;
        all_stands_there_once(&house);
        house.ends().await;
    }
}

#[tokio::test]
async fn a_refusal_that_cannot_be_told_changes_nothing_either() {
    for fault in [bad_gateway(), Fault::Html, Fault::Cut] {
        let house = House::open().await;
        house.rae_asks(&[]).await;
        house.slack.faults().script("chat.postEphemeral", fault);
        house.presses(&house.person("U0GUEST"), "Approve").await;
        house.card_says(&["[ Approve ] [ Deny ]"]);
        house.presses(&house.ada, "Approve").await;
        all_stands_there_once(&house);
        house.ends().await;
    }
}

#[tokio::test]
async fn a_form_that_cannot_be_filled_later_leaves_the_next_one_whole() {
    let mut setup = crate::support::options();
    setup.policy = setup.policy.replace("[slack]", "[slack]\nteam_ids = [\"T0001\"]");
    let mut house = House::prepare(setup).await;
    house.marketo.faults().script("roles", Fault::Slow(Duration::from_secs(8)));
    house.slack.refuse("views.update", "hash_conflict");
    house.play.launch().await.unwrap();
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.clock.advance(Duration::from_secs(8));
    house.ready().await.unwrap();
    house.drain().await.unwrap();
    house.rae_asks(&[]).await;
    house.presses(&house.ada, "Approve").await;
    all_stands_there_once(&house);
    house.ends_despite(&["hash_conflict"]).await;
}
