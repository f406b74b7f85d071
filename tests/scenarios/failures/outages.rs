//! Outages from the users' point of view: what is shown during them, what finishes by itself, and what can still be
//! cancelled.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::{
    playground::Options,
    sim::{
        fault::Fault,
        marketo::DuplicateInvite,
        slack::{SimChannel, SimMessage},
    },
};
use serde_json::json;

use crate::test_bot::{ADA, CARDS, FORM, OPS, RAE, SAM, TestBot, assert_empty_ack, options, policy};

const HOUR: u64 = 3600;

fn refused(status: u16, code: u32) -> Fault {
    let body = json!({"errors": [{"code": code.to_string(), "message": format!("Marketo says {code}")}]});
    Fault::Answer { status, body, retry_after: None }
}

/// A Marketo that creates a second user for a second invite.
fn careless() -> Options {
    let mut setup = options();
    setup.marketo.duplicate_invite = DuplicateInvite::SecondRecord;
    setup
}

/// An approved request whose next `times` calls to Marketo fail with `fault`.
async fn approved(setup: Options, call: &str, fault: &Fault, times: usize) -> TestBot {
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.marketo.faults().script_many(call, fault, times);
    bot.clicks(&bot.ada, "Approve").await;
    bot
}

/// A waiting request, and its card with the button.
async fn waiting() -> (TestBot, SimMessage) {
    let bot = approved(careless(), "allusers", &Fault::Cut, 5000).await;
    bot.advance(5 * 60).await;
    bot.card_says(&["isn't responding right now", "[ Cancel request ]"]);
    let card = bot.card();
    (bot, card)
}

/// A person clicks a button that their screen still shows.
async fn stale(bot: &TestBot, person: &str, card: &SimMessage, label: &str) {
    assert_empty_ack(&bot.person(person).clicks_stale(card, label).await.unwrap());
    bot.drain().await.unwrap();
}

/// Asserts one user, one card without buttons, and one announcement.
async fn is_created(bot: TestBot) {
    bot.allow_slack_errors(&["user_not_in_channel"]);
    bot.card_says(&["The user is created"]);
    assert!(!bot.card_text().contains("[ "), "{}", bot.card_text());
    assert_eq!((bot.created_users().len(), bot.slack.channel(OPS).len()), (1, 1));
}

/// Asserts that a cancelled request stays cancelled when Marketo recovers and a day passes.
async fn stays_cancelled(bot: TestBot) {
    bot.allow_slack_errors(&["user_not_in_channel"]);
    bot.marketo.faults().clear();
    bot.advance(25 * HOUR).await;
    bot.card_says(&["Cancelled by", "Nothing changed in Marketo"]);
    assert!(!bot.card_text().contains("[ "), "{}", bot.card_text());
    assert_eq!(
        (bot.invite_bodies().len(), bot.created_users().len(), bot.slack.channel(OPS).len()),
        (0, 0, 0)
    );
}

/// The accepted calls of `method`, to the card channel or elsewhere.
fn taken(bot: &TestBot, method: &str, to_cards: bool) -> usize {
    let calls = bot.slack.calls_to(method).into_iter();
    let taken = calls.filter(|call| call.status == Some(200) && call.error.is_none());
    taken.filter(|call| (call.body["channel"] == CARDS) == to_cards).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn slack_outage_does_not_stop_work_and_shows_the_last_state_once() {
    let bot = TestBot::open().await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.slack.set_down(true);
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.advance(4 * 60).await;
    bot.slack.set_down(false);
    bot.advance(5 * 60).await;
    bot.card_says(&["[ Approve ] [ Deny ]"]);
    assert_eq!((taken(&bot, "chat.postMessage", true), taken(&bot, "chat.update", true)), (1, 0));
    // Approved, waiting, created: three updates of the card queue up.
    let card = bot.card();
    bot.slack.set_down(true);
    bot.marketo.faults().script_many("allusers", &refused(429, 606), 5);
    assert_empty_ack(&bot.ada.clicks_stale(&card, "Approve").await.unwrap());
    bot.advance(6 * 60).await;
    assert_eq!(bot.created_users().len(), 1, "Marketo does not wait for Slack");
    bot.slack.set_down(false);
    bot.advance(10 * 60).await;
    assert_eq!((taken(&bot, "chat.postMessage", true), taken(&bot, "chat.update", true)), (1, 1));
    // The requester's message is posted and updated once; then the announcement.
    assert_eq!((taken(&bot, "chat.postMessage", false), taken(&bot, "chat.update", false)), (2, 1));
    is_created(bot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_during_a_slack_outage_are_shown_after_recovery() {
    for denied in [true, false] {
        let bot = TestBot::open().await;
        bot.rae_requests(&[]).await;
        if denied {
            bot.opens_denial(&bot.ada, "Use the old one").await;
        }
        let own = bot.request_message();
        bot.slack.set_down(true);
        if denied {
            assert!(bot.ada.submits().await.unwrap().closed);
        } else {
            assert_empty_ack(&bot.rae.clicks_stale(&own, "Cancel request").await.unwrap());
        }
        bot.advance(5 * 60).await;
        bot.slack.set_down(false);
        bot.advance(10 * 60).await;
        bot.card_says(&[if denied { "Denied" } else { "Cancelled by @Rae Requester" }]);
        assert_eq!((taken(&bot, "chat.update", true), taken(&bot, "chat.update", false)), (1, 1));
        assert_eq!(bot.slack.dm(RAE).len(), if denied { 2 } else { 1 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn marketo_outage_shows_a_deadline_and_recovers() {
    for (fault, times) in [(Fault::Cut, 5000), (refused(429, 606), 5000), (refused(429, 615), 5000)] {
        for call in ["allusers", "invite"] {
            println!("{call}: {fault:?}");
            let bot = approved(careless(), call, &fault, times).await;
            bot.advance(5 * 60).await;
            bot.card_says(&["isn't responding right now", "I'll try again on 2026-11-24 10:"]);
            assert!(bot.direct_messages(RAE).contains("I'll try again on"));
            bot.marketo.faults().clear();
            bot.advance(10 * 60).await;
            is_created(bot).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quota_exhausted_for_a_day_fails_the_request_and_retry_succeeds() {
    let bot = approved(careless(), "allusers", &refused(403, 607), 5000).await;
    bot.card_says(&["daily API quota is used up", "2026-11-25 06:00 UTC", "[ Cancel request ]"]);
    bot.advance(21 * HOUR).await;
    bot.card_says(&["daily API quota is used up", "2026-11-26 06:00 UTC"]);
    let looks = bot.marketo.calls().iter().filter(|call| call.name == "allusers").count();
    assert!(looks < 10, "{looks} calls");
    bot.advance(24 * HOUR).await;
    bot.card_says(&["Failed", "[ Retry ]"]);
    bot.marketo.faults().clear();
    let failed = bot.card();
    bot.clicks(&bot.ada, "Retry").await;
    stale(&bot, SAM, &failed, "Retry").await;
    assert_eq!(bot.marketo.invites(), 1);
    is_created(bot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approver_can_cancel_a_waiting_request() {
    let (bot, card) = waiting().await;
    bot.clicks(&bot.sam, "Cancel request").await;
    assert_snapshot!("cancelled_by_an_approver", bot.slack.transcript(CARDS));
    assert_snapshot!("cancelled_by_an_approver_requester", bot.direct_messages(RAE));
    stale(&bot, ADA, &card, "Cancel request").await;
    assert!(bot.ephemeral_texts(ADA).contains("already cancelled"), "{}", bot.ephemeral_texts(ADA));
    stays_cancelled(bot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_waiting_for_quota_can_be_cancelled() {
    let bot = approved(careless(), "invite", &refused(403, 607), 1).await;
    let calls = bot.marketo.invites();
    bot.clicks(&bot.ada, "Cancel request").await;
    assert_eq!(calls, 0);
    bot.advance(25 * HOUR).await;
    bot.card_says(&["Cancelled by @Ada Approver"]);
    assert_eq!((bot.marketo.invites(), bot.created_users().len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn requester_can_cancel_a_waiting_request() {
    let (bot, _) = waiting().await;
    bot.rae_cancels().await;
    bot.card_says(&["Cancelled by @Rae Requester"]);
    assert_eq!(bot.slack.dm(RAE).len(), 1, "who cancels knows");
    stays_cancelled(bot).await;

    let mut setup = policy("");
    setup.policy = setup.policy.replace("approvers =", "approval = \"none\"\napprovers =");
    let bot = TestBot::with(setup).await;
    bot.marketo.faults().script_many("allusers", &Fault::Cut, 5000);
    bot.rae_requests(&[]).await;
    bot.advance(5 * 60).await;
    assert!(bot.direct_messages(RAE).contains("[ Cancel request ]"), "{}", bot.direct_messages(RAE));
    bot.rae_cancels().await;
    bot.marketo.faults().clear();
    bot.advance(25 * HOUR).await;
    assert!(bot.direct_messages(RAE).contains("Cancelled by @Rae Requester"));
    assert_eq!((bot.invite_bodies().len(), bot.created_users().len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn unauthorized_cancellation_is_refused() {
    let (bot, card) = waiting().await;
    let members = [ADA, SAM, "U0GUEST"];
    bot.slack.set_channel(SimChannel::public(CARDS, "marketo-approvals", &members));
    stale(&bot, "U0GUEST", &card, "Cancel request").await;
    assert!(bot.ephemeral_texts("U0GUEST").contains("Only approvers"), "{}", bot.ephemeral_texts("U0GUEST"));
    bot.card_says(&["[ Cancel request ]"]);
    bot.marketo.faults().clear();
    bot.advance(10 * 60).await;
    // Their screens are outdated.
    stale(&bot, ADA, &card, "Cancel request").await;
    assert!(bot.ephemeral_texts(ADA).contains("already created"), "{}", bot.ephemeral_texts(ADA));
    is_created(bot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn possibly_executed_change_cannot_be_cancelled() {
    let (bot, card) = waiting().await;
    bot.marketo.set_visible_after(Duration::from_secs(HOUR));
    bot.marketo.faults().clear();
    bot.marketo.faults().script("invite", Fault::AppliedThenCut);
    bot.marketo.faults().script_many("invite", &Fault::Cut, 5000);
    bot.advance(6 * 60).await;
    bot.card_says(&["is being created", "isn't responding right now"]);
    assert!(!bot.card_text().contains("[ "), "{}", bot.card_text());
    assert!(!bot.direct_messages(RAE).contains("[ "), "{}", bot.direct_messages(RAE));
    for person in [SAM, RAE] {
        stale(&bot, person, &card, "Cancel request").await;
        assert!(
            bot.ephemeral_texts(person).contains("may already have the user"),
            "{}",
            bot.ephemeral_texts(person)
        );
    }
    bot.card_says(&["is being created"]);
    // The user is listed in the end and belongs to this request.
    bot.advance(2 * HOUR).await;
    is_created(bot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn change_cannot_be_cancelled_while_the_first_invite_is_looked_up() {
    let (bot, card) = waiting().await;
    bot.marketo.faults().clear();
    bot.marketo.set_visible_after(Duration::from_secs(9));
    bot.marketo.faults().script("invite", Fault::AppliedThenCut);
    while bot.marketo.invites() == 0 {
        bot.advance(1).await;
    }
    bot.card_says(&["is being created"]);
    assert!(!bot.card_text().contains("[ "), "{}", bot.card_text());
    stale(&bot, ADA, &card, "Cancel request").await;
    assert!(bot.ephemeral_texts(ADA).contains("The user is being created"), "{}", bot.ephemeral_texts(ADA));
    bot.advance(60).await;
    is_created(bot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn user_created_by_another_request_is_not_adopted() {
    let bot = approved(careless(), "invite", &Fault::Cut, 5000).await;
    bot.advance(10 * 60).await;
    bot.clock.advance(Duration::from_secs(25 * HOUR));
    bot.advance(10 * 60).await;
    bot.card_says(&["Failed", "[ Retry ]", "may already have the user"]);
    let first = bot.card();
    bot.marketo.faults().clear();
    bot.opens_form(&bot.sam, "/marketo-api-user").await;
    bot.sam.fills(&FORM).await.unwrap();
    assert!(bot.sam.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    let second = bot.slack.channel(CARDS).pop().unwrap();
    stale(&bot, ADA, &second, "Approve").await;
    assert_eq!((bot.created_users().len(), bot.slack.channel(OPS).len()), (1, 1));
    stale(&bot, ADA, &first, "Retry").await;
    let cards = bot.slack.transcript(CARDS);
    assert!(cards.contains("another request for this email was applied"), "{cards}");
    assert!(cards.contains("Someone else added a Marketo user with this email"), "{cards}");
    assert_eq!((bot.created_users().len(), bot.slack.channel(OPS).len()), (1, 1), "announced once");
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_error_after_a_lost_invite_adopts_the_user() {
    let bot = TestBot::open().await;
    bot.marketo.set_visible_after(Duration::from_secs(40));
    bot.rae_requests(&[]).await;
    bot.marketo.faults().script("invite", Fault::AppliedThenCut);
    bot.clicks(&bot.ada, "Approve").await;
    bot.advance(30).await;
    assert_eq!(bot.invite_bodies().len(), 2, "the second one is refused: there is a user");
    bot.advance(60).await;
    is_created(bot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_looks_up_an_unanswered_invite_first() {
    let bot = TestBot::with(careless()).await;
    bot.marketo.set_visible_after(Duration::from_secs(12));
    bot.rae_requests(&[]).await;
    bot.marketo.faults().script("invite", Fault::AppliedThenCut);
    bot.clicks(&bot.ada, "Approve").await;
    bot.marketo.faults().script("allusers", refused(403, 603));
    bot.advance(2).await;
    bot.card_says(&["Failed", "[ Retry ]"]);
    bot.clicks(&bot.ada, "Retry").await;
    bot.advance(60).await;
    assert_eq!(bot.marketo.invites(), 1);
    is_created(bot).await;
}
