//! Messages converge: whatever Slack refuses, loses or does late, every card ends with what became of its request, nobody's
//! request ends by a refusal that may pass, and somebody is told when a card cannot be shown.

use insta::assert_snapshot;
use marketo_api_user::sim::{
    breakpoint::Moment,
    fault::Fault,
    render,
    slack::{SimChannel, SimMessage},
};
use serde_json::json;

use crate::test_bot::{ADA, CARDS, FORM, OPS, RAE, SAM, TestBot, assert_empty_ack, policy};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn answer(status: u16, code: &str) -> Fault {
    Fault::Answer { status, body: json!({ "ok": false, "error": code }), retry_after: None }
}

/// The approval channel, archived or not.
fn approvals(archived: bool) -> SimChannel {
    SimChannel { archived, ..SimChannel::public(CARDS, "marketo-approvals", &[RAE, ADA, SAM]) }
}

impl TestBot {
    /// Rae submits the form, and the bot is left no time to show the request.
    async fn rae_submits(&self) {
        self.opens_form(&self.rae, "/marketo-api-user").await;
        self.rae.fills(&FORM).await.unwrap();
        assert!(self.rae.submits().await.unwrap().closed);
    }

    /// The cards, without the replies in their threads.
    fn cards(&self) -> Vec<SimMessage> {
        self.slack.channel(CARDS).into_iter().filter(|message| message.thread_ts.is_none()).collect()
    }

    fn card_texts(&self) -> Vec<String> {
        let names = self.slack.names();
        self.cards().iter().map(|card| render::message(card, &names)).collect()
    }

    fn replies(&self) -> usize {
        self.slack.channel(CARDS).iter().filter(|message| message.thread_ts.is_some()).count()
    }

    /// Asserts that every card says `text` and that none has buttons.
    fn all_cards_say(&self, text: &str) {
        for card in self.card_texts() {
            assert!(card.contains(text) && !card.contains("[ Approve ]"), "no {text:?} in\n{card}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_update_never_turns_a_decided_card_back() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    // The reminder updates the card first; that call is slow.
    let mut slow = bot.slack.breakpoints().stop("chat.update", 1, Moment::Arrived);
    let denied = async {
        assert!(slow.reached().await);
        bot.denies(&bot.ada, "Use the existing user.").await;
        slow.open();
    };
    tokio::join!(bot.advance(DAY + 60), denied);
    bot.advance(60).await;
    bot.all_cards_say("Denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn update_without_an_answer_is_answered_by_a_later_one() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    let stale = bot.cards().remove(0);
    bot.slack.faults().script("chat.update", Fault::Cut);
    bot.denies(&bot.ada, "Use the existing user.").await;
    bot.advance(5).await;
    bot.all_cards_say("Denied");
    // The call that had no answer takes effect only now, as the model of Slack allows for half a minute.
    bot.slack.delete_message(CARDS, &stale.ts);
    bot.slack.restore_message(stale);
    bot.advance(30).await;
    bot.all_cards_say("Denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_go_on_after_an_error() {
    let bot = TestBot::with(policy("remind_after = \"1d\"\n")).await;
    bot.rae_requests(&[]).await;
    bot.slack.faults().script_many("chat.update", &answer(503, "service_unavailable"), 3);
    bot.slack.faults().script_many("chat.postMessage", &answer(503, "service_unavailable"), 3);
    bot.advance(DAY + HOUR).await;
    assert_eq!(bot.replies(), 1, "late, but it comes");
    bot.advance(2 * DAY + HOUR).await;
    assert_eq!(bot.replies(), 2, "and so does the next one");
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn card_that_cannot_be_updated_is_posted_anew_and_keeps_its_approval() {
    for code in ["cant_update_message", "edit_window_closed", "channel_not_found", "is_inactive"] {
        let bot = TestBot::with(policy("approvals_needed = 2\n")).await;
        bot.allow_slack_errors(&[code]);
        bot.rae_requests(&[]).await;
        bot.slack.refuse("chat.update", code);
        bot.clicks(&bot.ada, "Approve").await;
        bot.advance(60).await;
        let cards = bot.card_texts();
        assert_eq!(cards.len(), 2, "{code}: {cards:?}");
        assert!(cards[1].contains("1 of 2"), "{code}: {}", cards[1]);
        assert_empty_ack(&bot.sam.clicks(&bot.cards()[1], "Approve").await.unwrap());
        bot.advance(60).await;
        assert_eq!(bot.created_users().len(), 1, "{code}");
        // Slack lets the bot update the old one again by now.
        bot.all_cards_say("The user is created");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn day_without_slack_delays_a_request_and_ends_nothing() {
    let bot = TestBot::open().await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.slack.set_down(true);
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.advance(25 * HOUR).await;
    assert!(bot.cards().is_empty() && bot.slack.dm(RAE).is_empty());
    bot.slack.set_down(false);
    bot.advance(10 * 60).await;
    bot.card_says(&["[ Approve ] [ Deny ]"]);
    assert!(bot.direct_messages(RAE).contains("[ Cancel request ]"));
    bot.clicks_first(&bot.ada, "Approve").await;
    bot.advance(60).await;
    assert_eq!(bot.created_users().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requester_hears_that_the_channel_of_the_card_was_archived() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["is_archived", "is_inactive", "cannot_reply_to_message"]);
    bot.rae_requests(&[]).await;
    bot.slack.set_channel(approvals(true));
    bot.advance(DAY + HOUR).await;
    assert_snapshot!("card_not_shown", bot.direct_messages(RAE));
    assert_eq!(bot.depth().await.unwrap().failing_messages, 1, "operators see it");
    let direct = bot.slack.dm(RAE).len();
    bot.advance(DAY).await;
    assert_eq!(bot.slack.dm(RAE).len(), direct, "they hear it once");
    // When somebody has restored the channel, the card is as it should be by itself.
    bot.slack.set_channel(approvals(false));
    bot.advance(10 * 60).await;
    assert_eq!(bot.depth().await.unwrap().failing_messages, 0);
    bot.clicks_first(&bot.ada, "Approve").await;
    bot.advance(60).await;
    bot.all_cards_say("The user is created");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_may_pass_keep_the_request_open() {
    for fault in [answer(200, "a_code_of_tomorrow"), answer(403, "forbidden"), answer(200, "token_revoked")] {
        let bot = TestBot::open().await;
        bot.allow_slack_errors(&["a_code_of_tomorrow", "token_revoked"]);
        bot.slack.faults().script_many("chat.postMessage", &fault, 12);
        bot.rae_requests(&[]).await;
        bot.advance(HOUR).await;
        bot.card_says(&["[ Approve ] [ Deny ]"]);
        bot.clicks_first(&bot.ada, "Approve").await;
        bot.advance(60).await;
        assert_eq!(bot.created_users().len(), 1, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_cards_end_without_buttons_when_the_answer_to_the_first_was_lost() {
    let bot = TestBot::open().await;
    // The bot is not a member of the channel: it may post there, but not read the history.
    bot.allow_slack_errors(&["not_in_channel"]);
    bot.slack.faults().persist("conversations.history", answer(200, "not_in_channel"));
    bot.slack.faults().script("chat.postMessage", Fault::AppliedThenCut);
    bot.rae_submits().await;
    bot.advance(60).await;
    let cards = bot.cards();
    assert_eq!(cards.len(), 2, "nobody can know of the first");
    assert_empty_ack(&bot.ada.clicks(&cards[0], "Approve").await.unwrap());
    bot.advance(60).await;
    assert_eq!(bot.created_users().len(), 1);
    bot.all_cards_say("The user is created");
}

#[tokio::test(flavor = "multi_thread")]
async fn click_on_a_card_that_should_have_no_buttons_removes_them() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["not_in_channel"]);
    bot.slack.faults().persist("conversations.history", answer(200, "not_in_channel"));
    bot.slack.faults().script("chat.postMessage", Fault::AppliedThenCut);
    bot.rae_submits().await;
    bot.advance(60).await;
    let cards = bot.cards();
    assert_empty_ack(&bot.ada.clicks(&cards[1], "Approve").await.unwrap());
    bot.advance(60).await;
    assert!(bot.card_texts()[0].contains("[ Approve ]"), "nobody knows of it");
    assert_empty_ack(&bot.sam.clicks(&cards[0], "Approve").await.unwrap());
    bot.advance(60).await;
    assert_eq!(bot.created_users().len(), 1);
    bot.all_cards_say("The user is created");
    assert!(bot.ephemerals_to(SAM).iter().any(|text| text.contains("approved")), "Sam hears why");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_that_can_be_read_again_shows_the_card_that_was_lost() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["not_in_channel"]);
    bot.slack.faults().persist("conversations.history", answer(200, "not_in_channel"));
    bot.slack.faults().script("chat.postMessage", Fault::AppliedThenCut);
    bot.rae_submits().await;
    bot.advance(60).await;
    bot.slack.faults().lift();
    assert_empty_ack(&bot.ada.clicks(&bot.cards()[1], "Approve").await.unwrap());
    bot.advance(60).await;
    bot.all_cards_say("The user is created");
    assert_eq!(bot.slack.channel(OPS).len(), 1);
}
