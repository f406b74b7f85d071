//! What Marketo receives, and how the created user is announced.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::sim::{
    marketo::{Identity, SimUser},
    slack::SimUser as Member,
};

use crate::test_bot::{CARDS, FORM, OPS, RAE, TestBot, assert_empty_ack, options};

#[tokio::test(flavor = "multi_thread")]
async fn access_expires_at_the_end_of_the_requesters_day() {
    let mut setup = options();
    setup.policy.push_str("max_access = \"1000d\"\n");
    let cases = [
        ("America/Los_Angeles", "2027-01-31", "2027-01-31T23:59:59-08:00"),
        ("America/Los_Angeles", "2027-03-14", "2027-03-14T23:59:59-07:00"),
        ("America/Los_Angeles", "2027-11-07", "2027-11-07T23:59:59-08:00"),
        ("Europe/London", "2027-03-28", "2027-03-28T23:59:59+01:00"),
        ("Asia/Kolkata", "2027-01-31", "2027-01-31T23:59:59+05:30"),
        ("Asia/Kathmandu", "2027-01-31", "2027-01-31T23:59:59+05:45"),
        ("America/St_Johns", "2027-07-01", "2027-07-01T23:59:59-02:30"),
        ("Pacific/Kiritimati", "2027-01-31", "2027-01-31T23:59:59+14:00"),
        ("Asia/Beirut", "2027-10-30", "2027-10-30T23:59:59+02:00"),
        ("Etc/UTC", "2028-02-29", "2028-02-29T23:59:59+00:00"),
    ];
    for (at, (zone, ..)) in cases.iter().enumerate() {
        setup.slack.users.push(Member::member(&format!("U{at}"), "someone", "Someone", zone));
        setup.slack.channels[0].members.push(format!("U{at}"));
    }
    let bot = TestBot::with(setup).await;
    for (at, (_, date, _)) in cases.iter().enumerate() {
        let person = bot.person(&format!("U{at}"));
        bot.opens_form(&person, &format!("/marketo-api-user svc{at}@example.com")).await;
        let fields = FORM.iter().filter(|(label, _)| *label != "Email").copied();
        person.fills(&fields.collect::<Vec<_>>()).await.unwrap();
        person.fills(&[("Access expiration", date)]).await.unwrap();
        let submitted = person.submits().await.unwrap();
        assert!(submitted.closed, "{:?}", submitted.errors);
        bot.drain().await.unwrap();
        let card = bot.slack.channel(CARDS).pop().unwrap();
        assert!(card.blocks.to_string().contains(date));
        assert_empty_ack(&bot.ada.clicks(&card, "Approve").await.unwrap());
        bot.drain().await.unwrap();
        // Marketo's limits are kept.
        bot.clock.advance(Duration::from_secs(5));
    }
    let ends: Vec<String> =
        bot.invite_bodies().iter().map(|invite| invite["expiresAt"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ends, cases.map(|(_, _, end)| end));
}

#[tokio::test(flavor = "multi_thread")]
async fn optional_fields_are_omitted_from_the_invite() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[("Access expiration", "")]).await;
    bot.clicks(&bot.ada, "Approve").await;
    let invite = bot.invite_bodies().remove(0);
    assert!(invite.get("expiresAt").is_none() && invite.get("reason").is_none(), "{invite}");
    assert_snapshot!("never_expires", bot.slack.transcript(OPS));
}

#[tokio::test(flavor = "multi_thread")]
async fn adobe_identity_shows_the_generated_user_id() {
    let mut setup = options();
    setup.marketo.identity = Identity::Adobe;
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    let userid = bot.created_users()[0].userid.clone();
    assert!(!userid.contains('@'));
    assert!(bot.slack.transcript(OPS).contains(&format!("User ID: {userid}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn user_listed_after_a_delay_is_announced_with_its_id() {
    let mut setup = options();
    setup.marketo.identity = Identity::Adobe;
    setup.marketo.visible_after = Duration::from_secs(12);
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["Approved by @Ada Approver", "is being created"]);
    assert!(!bot.card_text().contains("[ "), "no buttons while in work");
    assert!(bot.slack.channel(OPS).is_empty());
    bot.advance(20).await;
    bot.card_says(&["The user is created"]);
    assert!(!bot.card_text().contains("being created"));
    let userid = bot.created_users()[0].userid.clone();
    assert!(bot.slack.transcript(OPS).contains(&format!("User ID: {userid}")));
    assert_eq!(bot.marketo.invites(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_user_missing_from_the_list_is_announced_without_an_id() {
    let mut setup = options();
    setup.marketo.identity = Identity::Adobe;
    setup.marketo.visible_after = Duration::from_secs(24 * 3600);
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    bot.advance(44).await;
    bot.card_says(&["is being created"]);
    bot.advance(15).await;
    bot.card_says(&["The user is created"]);
    assert_snapshot!("created_unlisted", bot.slack.transcript(OPS));
    assert_eq!(bot.marketo.invites(), 1);
    // The same email cannot be requested again, although Marketo's list does not show it.
    bot.opens_form(&bot.sam, "/marketo-api-user").await;
    bot.sam.fills(&FORM).await.unwrap();
    let submitted = bot.sam.submits().await.unwrap();
    assert!(submitted.errors["Email"].contains("already"), "{:?}", submitted.errors);
}

#[tokio::test(flavor = "multi_thread")]
async fn requester_gets_a_direct_message_when_the_channel_rejects_posts() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["channel_not_found"]);
    assert_empty_ack(&bot.rae.types("C0PRIVATE", "/marketo-api-user").await);
    bot.rae.fills(&FORM).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.clicks(&bot.ada, "Approve").await;
    assert!(bot.slack.channel("C0PRIVATE").is_empty());
    assert_snapshot!("created_directly", bot.direct_messages(RAE));
}

#[tokio::test(flavor = "multi_thread")]
async fn user_created_elsewhere_before_approval_is_left_untouched() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.marketo.add_user(SimUser::new(2000, "SVC-crm@example.com", "Some", "Body", true));
    bot.clicks(&bot.ada, "Approve").await;
    assert_snapshot!("user_already_exists", bot.slack.transcript(CARDS));
    assert_eq!((bot.marketo.invites(), bot.slack.channel(OPS).len()), (0, 0));
    assert!(bot.direct_messages(RAE).contains("Failed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn user_created_by_hand_is_known_to_the_next_form() {
    let bot = TestBot::open().await;
    bot.marketo.add_user(SimUser::new(2000, "svc-crm@example.com", "Some", "Body", true));
    bot.clock.advance(Duration::from_secs(31));
    let before = bot.marketo.calls().len();
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    // The list is fetched in the background while the form is filled in.
    let fetched = |calls: &[marketo_api_user::sim::marketo::CallRecord]| {
        calls[before..].iter().any(|call| call.name == "allusers" && call.status.is_some())
    };
    while !fetched(&bot.marketo.calls()) {
        tokio::task::yield_now().await;
    }
    // One more answer, so that the bot has read the list by now.
    bot.opens_form(&bot.sam, "/marketo-api-user").await;
    let mut submitted = bot.rae.submits().await.unwrap();
    if submitted.closed {
        // The list had not arrived: the bot asks Marketo before the invite.
        bot.drain().await.unwrap();
        bot.clicks(&bot.ada, "Approve").await;
        bot.card_says(&["Failed", "Someone else"]);
        submitted.errors.insert("Email".to_owned(), "already".to_owned());
    }
    assert!(submitted.errors["Email"].contains("already"), "{:?}", submitted.errors);
    assert_eq!(bot.marketo.invites(), 0);
}
