//! The subcommands `help`, `status`, `pending` and `policy`.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::{
    playground::Options,
    sim::{
        fault::Fault,
        slack::SimChannel,
        user::{Reply, User},
    },
};

use crate::test_bot::{CARDS, FORM, OPS, RAE, TestBot, assert_empty_ack, options, policy};

const GUS: &str = "U0GUEST";

/// Replaces permalinks by the card's position in the channel, since timestamps depend on all earlier posts.
fn with_cards_named(bot: &TestBot, answer: String) -> String {
    let cards = bot.slack.channel(CARDS).into_iter().filter(|card| card.thread_ts.is_none());
    cards.enumerate().fold(answer, |answer, (at, card)| {
        answer.replace(&format!("p{}", card.ts.replace('.', "")), &format!("[card {}]", at + 1))
    })
}

/// The ephemeral answer to a person's command.
async fn ephemeral_answer(bot: &TestBot, person: &User, word: &str) -> String {
    let before = bot.slack.ephemerals_for(person.id()).len();
    let reply = person.types(OPS, &format!("/marketo-api-user {word}")).await;
    assert_empty_ack(&reply);
    assert!(reply.elapsed < Duration::from_secs(3));
    assert!(bot.slack.wait_for(|slack| slack.ephemerals_for(person.id()).len() > before).await, "{word}");
    bot.drain().await.unwrap();
    let last = bot.slack.ephemerals_for(person.id()).pop().unwrap();
    marketo_api_user::sim::render::ephemeral(&last, &bot.slack.names())
}

/// The answer in the response to the command itself.
async fn immediate_answer(bot: &TestBot, person: &User, line: &str) -> (Reply, String) {
    let reply = person.types(OPS, &format!("/marketo-api-user {line}")).await;
    assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/json"), "{line}");
    bot.drain().await.unwrap();
    let last = bot.slack.ephemerals_for(person.id()).pop().unwrap();
    (reply, marketo_api_user::sim::render::ephemeral(&last, &bot.slack.names()))
}

/// Rae requests a user with another email than [`FORM`].
async fn rae_requests_another(bot: &TestBot, email: &str) {
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae.fills(&[("Email", email)]).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn help_lists_subcommands_and_a_typo_gets_a_suggestion() {
    let bot = TestBot::open().await;
    let (_, help) = immediate_answer(&bot, &bot.rae, "HELP").await;
    for word in ["help", "status", "pending", "policy"] {
        assert!(help.contains(&format!("/marketo-api-user {word}: ")), "{help}");
    }
    for (typed, meant) in [("statsu", "status"), ("Policies", "policy"), ("pending for me", "pending")] {
        let (_, answer) = immediate_answer(&bot, &bot.rae, typed).await;
        assert!(answer.contains(&format!("Did you mean /marketo-api-user {meant}?")), "{answer}");
    }
    let (_, answer) = immediate_answer(&bot, &bot.rae, "make me a sandwich").await;
    assert!(answer.contains("I didn't understand that."), "{answer}");
    assert!(bot.slack.calls_to("response_url").is_empty() && bot.slack.calls_to("views.open").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_email_opens_the_form() {
    let bot = TestBot::open().await;
    bot.opens_form(&bot.rae, "/marketo-api-user <mailto:svc@example.com|svc@example.com>").await;
    assert!(bot.modal_text(&bot.rae).contains("svc@example.com"));
    for line in ["@ada", "<@U0APPROVE>", "svc@", "svc@example.com please"] {
        let (_, answer) = immediate_answer(&bot, &bot.ada, line).await;
        assert!(answer.contains("I didn't understand that."), "{line}: {answer}");
    }
    assert_eq!(bot.slack.calls_to("views.open").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_lists_my_open_requests_with_links() {
    let bot = TestBot::open().await;
    assert_snapshot!("status_none", ephemeral_answer(&bot, &bot.rae, "status").await);
    bot.rae_requests(&[]).await;
    bot.clock.advance(Duration::from_secs(60));
    rae_requests_another(&bot, "second@example.com").await;
    let body = serde_json::json!({"errors": [{"code": 607, "message": "Daily quota reached"}]});
    bot.marketo.faults().script("invite", Fault::Answer { status: 403, body, retry_after: None });
    let second = bot.slack.channel(CARDS).pop().unwrap();
    assert_empty_ack(&bot.ada.clicks(&second, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    let status = ephemeral_answer(&bot, &bot.rae, "STATUS").await;
    assert_snapshot!("status", with_cards_named(&bot, status));
    assert!(ephemeral_answer(&bot, &bot.sam, "status").await.contains("You have no open requests."));
    bot.rae_cancels().await;
    bot.advance(24 * 3600).await;
    assert!(ephemeral_answer(&bot, &bot.rae, "status").await.contains("You have no open requests."));
}

/// The cards are in a private channel that Rae is not in.
fn secretive() -> Options {
    let mut options = options();
    let cards = options.slack.channels.iter_mut().find(|channel| channel.id == CARDS).unwrap();
    *cards = SimChannel { is_private: true, ..cards.clone() };
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_shown_only_to_readers_with_access() {
    let bot = TestBot::with(secretive()).await;
    bot.rae_requests(&[]).await;
    let status = ephemeral_answer(&bot, &bot.rae, "status").await;
    assert!(status.contains("Open the message (https://example.slack.com/archives/D0REQ/p"), "{status}");
    let pending = ephemeral_answer(&bot, &bot.ada, "pending").await;
    assert!(pending.contains("Open the card (https://example.slack.com/archives/C0APPROVE/p"), "{pending}");
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_works_without_permalinks() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["message_not_found"]);
    bot.rae_requests(&[]).await;
    bot.slack.refuse("chat.getPermalink", "message_not_found");
    let status = ephemeral_answer(&bot, &bot.rae, "status").await;
    assert!(
        status.contains("Waiting for approval by @Ada Approver or @mops.\n") || status.ends_with("@mops.")
    );
    bot.slack.faults().script("chat.getPermalink", Fault::Hang);
    let pending = ephemeral_answer(&bot, &bot.ada, "pending").await;
    assert!(pending.contains("@Rae Requester requests") && !pending.contains("Open the card"), "{pending}");
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_lists_only_requests_i_can_decide() {
    let bot = TestBot::with(policy("approvals_needed = 2\n")).await;
    assert_snapshot!("pending_none", ephemeral_answer(&bot, &bot.ada, "pending").await);
    bot.rae_requests(&[]).await;
    bot.clock.advance(Duration::from_secs(120));
    rae_requests_another(&bot, "second@example.com").await;
    let pending = ephemeral_answer(&bot, &bot.ada, "pending").await;
    assert_snapshot!("pending", with_cards_named(&bot, pending));
    let first = bot.slack.channel(CARDS).remove(0);
    assert_empty_ack(&bot.ada.clicks(&first, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    let mine = ephemeral_answer(&bot, &bot.ada, "pending").await;
    assert!(mine.contains("second@example.com") && !mine.contains("svc-crm@example.com"), "{mine}");
    assert!(ephemeral_answer(&bot, &bot.sam, "pending").await.contains("1 of 2 approvals."));
    assert!(
        ephemeral_answer(&bot, &bot.rae, "pending").await.contains("Nothing is waiting for your decision.")
    );
    let status = ephemeral_answer(&bot, &bot.rae, "status").await;
    assert!(status.contains("It has 1 of 2 approvals and is waiting for @mops"), "{status}");
    assert_empty_ack(&bot.sam.clicks(&first, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    assert!(!ephemeral_answer(&bot, &bot.sam, "pending").await.contains("svc-crm@example.com"));
    let second = bot.slack.dm(RAE).into_iter().find(|message| message.text.contains("second")).unwrap();
    assert_empty_ack(&bot.rae.clicks(&second, "Cancel request").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_checks_membership_with_slack_and_reports_uncertainty() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["fatal_error"]);
    bot.rae_requests(&[]).await;
    bot.clock.advance(Duration::from_secs(61));
    bot.slack.refuse("usergroups.users.list", "fatal_error");
    let unsure = ephemeral_answer(&bot, &bot.sam, "pending").await;
    assert!(unsure.contains("I couldn't check which requests are waiting for your decision."), "{unsure}");
    let sure = ephemeral_answer(&bot, &bot.sam, "pending").await;
    assert!(sure.contains("svc-crm@example.com"), "{sure}");
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_request_is_not_pending() {
    let bot = TestBot::with(policy("pending_timeout = \"2h\"\n")).await;
    bot.rae_requests(&[]).await;
    bot.clock.advance(Duration::from_secs(3 * 3600));
    let pending = ephemeral_answer(&bot, &bot.ada, "pending").await;
    assert!(pending.contains("Nothing is waiting for your decision."), "{pending}");
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_shows_the_rules_for_this_user_and_channel() {
    let bot = TestBot::with(policy(
        "reason = \"required\"\nexpiration = \"required\"\nmax_access = \"30d\"\nemail_domains = [\"example.com\"]\n",
    ))
    .await;
    assert_snapshot!("policy", ephemeral_answer(&bot, &bot.rae, "policy").await);
    assert_snapshot!("policy_guest", ephemeral_answer(&bot, &bot.person(GUS), "policy").await);
    let (_, help) = immediate_answer(&bot, &bot.person(GUS), "help").await;
    assert!(help.contains("/marketo-api-user policy: "), "{help}");
    let bot = TestBot::with(policy("requesters = [\"U0REQ\"]\n")).await;
    let not_listed = ephemeral_answer(&bot, &bot.sam, "policy").await;
    assert!(
        not_listed.contains("not on the list of people who are allowed")
            && not_listed.contains("@Rae Requester")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unverifiable_users_are_told() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["fatal_error"]);
    bot.slack.refuse("users.info", "fatal_error");
    let unsure = ephemeral_answer(&bot, &bot.rae, "policy").await;
    assert!(unsure.contains("I couldn't check your permissions"), "{unsure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_fall_back_when_the_response_url_fails() {
    let bot = TestBot::open().await;
    let reply = bot.rae.types("C0PRIVATE", "/marketo-api-user status").await;
    assert_empty_ack(&reply);
    assert!(bot.slack.wait_for(|slack| !slack.ephemerals_for(RAE).is_empty()).await);
    assert_eq!(bot.slack.ephemerals_for(RAE)[0].channel, "C0PRIVATE");
    let fault = Fault::Answer { status: 404, body: serde_json::json!({}), retry_after: None };
    bot.slack.faults().script("response_url", fault);
    assert!(ephemeral_answer(&bot, &bot.ada, "pending").await.contains("Nothing is waiting"));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_do_not_wait_for_slack_and_a_redelivered_command_is_answered_once() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.slack.faults().script("conversations.info", Fault::Hang);
    let reply = bot.rae.types(OPS, "/marketo-api-user status").await;
    assert_empty_ack(&reply);
    let again = bot.work.send(&reply.sent).await;
    assert_empty_ack(&again);
    bot.drain().await.unwrap();
    assert_eq!((bot.slack.calls_to("response_url").len(), bot.slack.ephemerals_for(RAE).len()), (1, 1));
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_without_a_trigger_id_are_not_duplicates() {
    let bot = TestBot::open().await;
    let fields =
        format!("team_id=T0001&api_app_id=A0001&channel_id={OPS}&user_id={RAE}&command=%2Fmarketo-api-user");
    for (heard, word) in (1..).zip(["status", "pending"]) {
        let body = format!("{fields}&text={word}");
        let reply = bot.work.post_signed("/slack/commands", "application/x-www-form-urlencoded", &body).await;
        assert_eq!(reply.status, 200);
        bot.drain().await.unwrap();
        assert_eq!(bot.slack.ephemerals_for(RAE).len(), heard, "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_has_pages() {
    let bot = TestBot::open().await;
    bot.expect_open_requests();
    for number in 1..=21 {
        rae_requests_another(&bot, &format!("svc{number:02}@example.com")).await;
        bot.clock.advance(Duration::from_secs(2));
    }
    let first = ephemeral_answer(&bot, &bot.ada, "pending").await;
    assert!(first.contains("(page 1 of 2)") && first.contains("svc20@example.com"), "{first}");
    assert!(
        first.contains("… and 1 more. Type ") && first.contains("/marketo-api-user pending 2"),
        "{first}"
    );
    let second = ephemeral_answer(&bot, &bot.ada, "pending 2").await;
    assert!(second.contains("svc21@example.com") && !second.contains("svc20@example.com"), "{second}");
    let beyond = ephemeral_answer(&bot, &bot.ada, "pending 7").await;
    assert!(beyond.contains("(page 2 of 2)"), "{beyond}");
}
