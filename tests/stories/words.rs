//! What can be typed after the command besides an e-mail: `help`, `status`, `pending` and `policy`.

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

use crate::support::{CARDS, FORM, House, OPS, RAE, assert_quiet, options, policy};

const GUS: &str = "U0GUEST";

/// The addresses of cards by their place in the channel: the rest of an address counts whatever else was posted.
fn with_cards_named(house: &House, answer: String) -> String {
    let cards = house.slack.channel(CARDS).into_iter().filter(|card| card.thread_ts.is_none());
    cards.enumerate().fold(answer, |answer, (at, card)| {
        answer.replace(&format!("p{}", card.ts.replace('.', "")), &format!("[card {}]", at + 1))
    })
}

/// What somebody is answered, in the background and for their eyes only.
async fn asked(house: &House, person: &User, word: &str) -> String {
    let before = house.slack.ephemerals_for(person.id()).len();
    let reply = person.types(OPS, &format!("/marketo-api-user {word}")).await;
    assert_quiet(&reply);
    assert!(reply.elapsed < Duration::from_secs(3));
    assert!(house.slack.wait_for(|slack| slack.ephemerals_for(person.id()).len() > before).await, "{word}");
    house.drain().await.unwrap();
    let last = house.slack.ephemerals_for(person.id()).pop().unwrap();
    marketo_api_user::sim::render::ephemeral(&last, &house.slack.names())
}

/// What somebody is answered in the answer to the command itself.
async fn told(house: &House, person: &User, line: &str) -> (Reply, String) {
    let reply = person.types(OPS, &format!("/marketo-api-user {line}")).await;
    assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/json"), "{line}");
    house.drain().await.unwrap();
    let last = house.slack.ephemerals_for(person.id()).pop().unwrap();
    (reply, marketo_api_user::sim::render::ephemeral(&last, &house.slack.names()))
}

/// Rae asks for another user than the one of [`FORM`].
async fn rae_asks_for(house: &House, email: &str) {
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.rae.fills(&[("Email", email)]).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
}

#[tokio::test]
async fn help_names_every_word_and_a_near_miss_leads_to_one() {
    let house = House::open().await;
    let (_, help) = told(&house, &house.rae, "HELP").await;
    for word in ["help", "status", "pending", "policy"] {
        assert!(help.contains(&format!("/marketo-api-user {word}: ")), "{help}");
    }
    for (typed, meant) in [("statsu", "status"), ("Policies", "policy"), ("pending for me", "pending")] {
        let (_, told) = told(&house, &house.rae, typed).await;
        assert!(told.contains(&format!("Did you mean /marketo-api-user {meant}?")), "{told}");
    }
    let (_, told) = told(&house, &house.rae, "make me a sandwich").await;
    assert!(told.contains("I didn't understand that."), "{told}");
    assert!(house.slack.calls_to("response_url").is_empty() && house.slack.calls_to("views.open").is_empty());
    house.ends().await;
}

#[tokio::test]
async fn an_e_mail_opens_the_form_and_what_is_none_does_not() {
    let house = House::open().await;
    house.opens_form(&house.rae, "/marketo-api-user <mailto:svc@example.com|svc@example.com>").await;
    assert!(house.modal(&house.rae).contains("svc@example.com"));
    for line in ["@ada", "<@U0APPROVE>", "svc@", "svc@example.com please"] {
        let (_, told) = told(&house, &house.ada, line).await;
        assert!(told.contains("I didn't understand that."), "{line}: {told}");
    }
    assert_eq!(house.slack.calls_to("views.open").len(), 1);
    house.ends().await;
}

#[tokio::test]
async fn status_tells_what_became_of_each_of_my_open_requests_and_where_its_card_is() {
    let house = House::open().await;
    assert_snapshot!("status_none", asked(&house, &house.rae, "status").await);
    house.rae_asks(&[]).await;
    house.clock.advance(Duration::from_secs(60));
    rae_asks_for(&house, "second@example.com").await;
    let body = serde_json::json!({"errors": [{"code": 607, "message": "Daily quota reached"}]});
    house.marketo.faults().script("invite", Fault::Answer { status: 403, body, retry_after: None });
    let second = house.slack.channel(CARDS).pop().unwrap();
    assert_quiet(&house.ada.clicks(&second, "Approve").await.unwrap());
    house.drain().await.unwrap();
    let status = asked(&house, &house.rae, "STATUS").await;
    assert_snapshot!("status", with_cards_named(&house, status));
    assert!(asked(&house, &house.sam, "status").await.contains("You have no open requests."));
    house.cancels().await;
    house.waits(24 * 3600).await;
    assert!(asked(&house, &house.rae, "status").await.contains("You have no open requests."));
    house.ends().await;
}

/// The cards are in a private channel that Rae is not in.
fn secretive() -> Options {
    let mut options = options();
    let cards = options.slack.channels.iter_mut().find(|channel| channel.id == CARDS).unwrap();
    *cards = SimChannel { is_private: true, ..cards.clone() };
    options
}

#[tokio::test]
async fn a_link_leads_only_to_what_the_reader_can_see() {
    let house = House::with(secretive()).await;
    house.rae_asks(&[]).await;
    let status = asked(&house, &house.rae, "status").await;
    assert!(status.contains("Open the message (https://example.slack.com/archives/D0REQ/p"), "{status}");
    let pending = asked(&house, &house.ada, "pending").await;
    assert!(pending.contains("Open the card (https://example.slack.com/archives/C0APPROVE/p"), "{pending}");
    house.cancels().await;
    house.ends().await;
}

#[tokio::test]
async fn without_a_link_the_answer_comes_all_the_same() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.slack.refuse("chat.getPermalink", "message_not_found");
    let status = asked(&house, &house.rae, "status").await;
    assert!(
        status.contains("Waiting for approval by @Ada Approver or @mops.\n") || status.ends_with("@mops.")
    );
    house.slack.faults().script("chat.getPermalink", Fault::Hang);
    let pending = asked(&house, &house.ada, "pending").await;
    assert!(pending.contains("@Rae Requester requests") && !pending.contains("Open the card"), "{pending}");
    house.cancels().await;
    house.ends_despite(&["message_not_found"]).await;
}

#[tokio::test]
async fn pending_tells_what_waits_for_me_and_nothing_else() {
    let house = House::with(policy("approvals_needed = 2\n")).await;
    assert_snapshot!("pending_none", asked(&house, &house.ada, "pending").await);
    house.rae_asks(&[]).await;
    house.clock.advance(Duration::from_secs(120));
    rae_asks_for(&house, "second@example.com").await;
    let pending = asked(&house, &house.ada, "pending").await;
    assert_snapshot!("pending", with_cards_named(&house, pending));
    let first = house.slack.channel(CARDS).remove(0);
    assert_quiet(&house.ada.clicks(&first, "Approve").await.unwrap());
    house.drain().await.unwrap();
    let mine = asked(&house, &house.ada, "pending").await;
    assert!(mine.contains("second@example.com") && !mine.contains("svc-crm@example.com"), "{mine}");
    assert!(asked(&house, &house.sam, "pending").await.contains("1 of 2 approvals."));
    assert!(asked(&house, &house.rae, "pending").await.contains("Nothing is waiting for your decision."));
    let status = asked(&house, &house.rae, "status").await;
    assert!(status.contains("It has 1 of 2 approvals and is waiting for @mops"), "{status}");
    assert_quiet(&house.sam.clicks(&first, "Approve").await.unwrap());
    house.drain().await.unwrap();
    assert!(!asked(&house, &house.sam, "pending").await.contains("svc-crm@example.com"));
    let second = house.slack.dm(RAE).into_iter().find(|message| message.text.contains("second")).unwrap();
    assert_quiet(&house.rae.clicks(&second, "Cancel request").await.unwrap());
    house.ends().await;
}

#[tokio::test]
async fn who_decides_is_asked_of_slack_and_a_doubt_is_told() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.clock.advance(Duration::from_secs(61));
    house.slack.refuse("usergroups.users.list", "fatal_error");
    let unsure = asked(&house, &house.sam, "pending").await;
    assert!(unsure.contains("I couldn't check which requests are waiting for your decision."), "{unsure}");
    let sure = asked(&house, &house.sam, "pending").await;
    assert!(sure.contains("svc-crm@example.com"), "{sure}");
    house.cancels().await;
    house.ends_despite(&["fatal_error"]).await;
}

#[tokio::test]
async fn a_request_whose_time_is_over_waits_for_nobody() {
    let house = House::with(policy("pending_timeout = \"2h\"\n")).await;
    house.rae_asks(&[]).await;
    house.clock.advance(Duration::from_secs(3 * 3600));
    let pending = asked(&house, &house.ada, "pending").await;
    assert!(pending.contains("Nothing is waiting for your decision."), "{pending}");
    house.ends().await;
}

#[tokio::test]
async fn policy_tells_what_applies_to_me_here() {
    let house = House::with(policy(
        "reason = \"required\"\nexpiration = \"required\"\nmax_access = \"30d\"\nemail_domains = [\"example.com\"]\n",
    ))
    .await;
    assert_snapshot!("policy", asked(&house, &house.rae, "policy").await);
    assert_snapshot!("policy_guest", asked(&house, &house.person(GUS), "policy").await);
    let (_, help) = told(&house, &house.person(GUS), "help").await;
    assert!(help.contains("/marketo-api-user policy: "), "{help}");
    house.ends().await;
    let house = House::with(policy("requesters = [\"U0REQ\"]\n")).await;
    let not_listed = asked(&house, &house.sam, "policy").await;
    assert!(
        not_listed.contains("not on the list of people who are allowed")
            && not_listed.contains("@Rae Requester")
    );
    house.ends().await;
}

#[tokio::test]
async fn whoever_cannot_be_checked_is_told_so() {
    let house = House::open().await;
    house.slack.refuse("users.info", "fatal_error");
    let unsure = asked(&house, &house.rae, "policy").await;
    assert!(unsure.contains("I couldn't check your permissions"), "{unsure}");
    house.ends_despite(&["fatal_error"]).await;
}

#[tokio::test]
async fn an_answer_finds_its_reader_where_the_bot_is_no_member_and_where_the_address_fails() {
    let house = House::open().await;
    let reply = house.rae.types("C0PRIVATE", "/marketo-api-user status").await;
    assert_quiet(&reply);
    assert!(house.slack.wait_for(|slack| !slack.ephemerals_for(RAE).is_empty()).await);
    assert_eq!(house.slack.ephemerals_for(RAE)[0].channel, "C0PRIVATE");
    let fault = Fault::Answer { status: 404, body: serde_json::json!({}), retry_after: None };
    house.slack.faults().script("response_url", fault);
    assert!(asked(&house, &house.ada, "pending").await.contains("Nothing is waiting"));
    house.ends().await;
}

#[tokio::test]
async fn no_answer_waits_for_slack_and_the_same_command_is_answered_once() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.slack.faults().script("conversations.info", Fault::Hang);
    let reply = house.rae.types(OPS, "/marketo-api-user status").await;
    assert_quiet(&reply);
    let again = house.work.send(&reply.sent).await;
    assert_quiet(&again);
    house.drain().await.unwrap();
    assert_eq!((house.slack.calls_to("response_url").len(), house.slack.ephemerals_for(RAE).len()), (1, 1));
    house.cancels().await;
    house.ends().await;
}

#[tokio::test]
async fn commands_without_a_trigger_are_not_taken_for_one_another() {
    let house = House::open().await;
    let fields =
        format!("team_id=T0001&api_app_id=A0001&channel_id={OPS}&user_id={RAE}&command=%2Fmarketo-api-user");
    for (heard, word) in (1..).zip(["status", "pending"]) {
        let body = format!("{fields}&text={word}");
        let reply =
            house.work.post_signed("/slack/commands", "application/x-www-form-urlencoded", &body).await;
        assert_eq!(reply.status, 200);
        house.drain().await.unwrap();
        assert_eq!(house.slack.ephemerals_for(RAE).len(), heard, "{word}");
    }
    house.ends().await;
}
