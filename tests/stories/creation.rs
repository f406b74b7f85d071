//! The creation: what Marketo receives, and how the created user is announced.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::sim::{
    marketo::{Identity, SimUser},
    slack::SimUser as Member,
};

use crate::support::{CARDS, FORM, House, OPS, RAE, assert_quiet, options};

#[tokio::test]
async fn access_ends_with_the_day_where_the_requester_is() {
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
    let house = House::with(setup).await;
    for (at, (_, date, _)) in cases.iter().enumerate() {
        let person = house.person(&format!("U{at}"));
        house.opens_form(&person, &format!("/marketo-api-user svc{at}@example.com")).await;
        let fields = FORM.iter().filter(|(label, _)| *label != "Email").copied();
        person.fills(&fields.collect::<Vec<_>>()).await.unwrap();
        person.fills(&[("Access expiration", date)]).await.unwrap();
        let submitted = person.submits().await.unwrap();
        assert!(submitted.closed, "{:?}", submitted.errors);
        house.drain().await.unwrap();
        let card = house.slack.channel(CARDS).pop().unwrap();
        assert!(card.blocks.to_string().contains(date));
        assert_quiet(&house.ada.clicks(&card, "Approve").await.unwrap());
        house.drain().await.unwrap();
        // Marketo's limits are kept.
        house.clock.advance(Duration::from_secs(5));
    }
    let ends: Vec<String> =
        house.invites().iter().map(|invite| invite["expiresAt"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ends, cases.map(|(_, _, end)| end));
    house.ends().await;
}

#[tokio::test]
async fn without_a_date_and_a_reason_marketo_gets_neither() {
    let house = House::open().await;
    house.rae_asks(&[("Access expiration", "")]).await;
    house.presses(&house.ada, "Approve").await;
    let invite = house.invites().remove(0);
    assert!(invite.get("expiresAt").is_none() && invite.get("reason").is_none(), "{invite}");
    assert_snapshot!("never_expires", house.slack.transcript(OPS));
    house.ends().await;
}

#[tokio::test]
async fn on_adobe_identity_the_generated_user_id_is_shown() {
    let mut setup = options();
    setup.marketo.identity = Identity::Adobe;
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    house.presses(&house.ada, "Approve").await;
    let userid = house.created()[0].userid.clone();
    assert!(!userid.contains('@'));
    assert!(house.slack.transcript(OPS).contains(&format!("User ID: {userid}")));
    house.ends().await;
}

#[tokio::test]
async fn a_user_that_shows_after_some_seconds_is_announced_then_with_its_id() {
    let mut setup = options();
    setup.marketo.identity = Identity::Adobe;
    setup.marketo.visible_after = Duration::from_secs(12);
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    house.presses(&house.ada, "Approve").await;
    house.card_says(&["Approved by @Ada Approver", "is being created"]);
    assert!(!house.card_text().contains("[ "), "no buttons while in work");
    assert!(house.slack.channel(OPS).is_empty());
    house.waits(20).await;
    house.card_says(&["The user is created"]);
    assert!(!house.card_text().contains("being created"));
    let userid = house.created()[0].userid.clone();
    assert!(house.slack.transcript(OPS).contains(&format!("User ID: {userid}")));
    assert_eq!(house.marketo.invites(), 1);
    house.ends().await;
}

#[tokio::test]
async fn a_confirmed_user_that_does_not_show_is_announced_without_its_id() {
    let mut setup = options();
    setup.marketo.identity = Identity::Adobe;
    setup.marketo.visible_after = Duration::from_secs(24 * 3600);
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    house.presses(&house.ada, "Approve").await;
    house.waits(59).await;
    house.card_says(&["is being created"]);
    house.waits(10).await;
    house.card_says(&["The user is created"]);
    assert_snapshot!("created_unseen", house.slack.transcript(OPS));
    assert_eq!(house.marketo.invites(), 1);
    // Nobody can ask for it a second time, though Marketo's list does not have it.
    house.opens_form(&house.sam, "/marketo-api-user").await;
    house.sam.fills(&FORM).await.unwrap();
    let submitted = house.sam.submits().await.unwrap();
    assert!(submitted.errors["Email"].contains("already"), "{:?}", submitted.errors);
    house.ends().await;
}

#[tokio::test]
async fn where_the_bot_cannot_post_the_requester_gets_the_created_user_directly() {
    let house = House::open().await;
    assert_quiet(&house.rae.types("C0PRIVATE", "/marketo-api-user").await);
    house.rae.fills(&FORM).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.presses(&house.ada, "Approve").await;
    assert!(house.slack.channel("C0PRIVATE").is_empty());
    assert_snapshot!("created_directly", house.direct(RAE));
    house.ends_despite(&["channel_not_found"]).await;
}

#[tokio::test]
async fn a_user_that_somebody_made_between_submission_and_approval_is_not_touched() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.marketo.add_user(SimUser::new(2000, "SVC-crm@example.com", "Some", "Body", true));
    house.presses(&house.ada, "Approve").await;
    assert_snapshot!("somebody_was_faster", house.slack.transcript(CARDS));
    assert_eq!((house.marketo.invites(), house.slack.channel(OPS).len()), (0, 0));
    assert!(house.direct(RAE).contains("Failed"));
    house.ends().await;
}

#[tokio::test]
async fn a_user_made_by_hand_is_known_when_the_next_form_opens() {
    let house = House::open().await;
    house.marketo.add_user(SimUser::new(2000, "svc-crm@example.com", "Some", "Body", true));
    house.clock.advance(Duration::from_secs(31));
    let before = house.marketo.calls().len();
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    // The list is fetched in the background while the form is filled in.
    let fetched = |calls: &[marketo_api_user::sim::marketo::CallRecord]| {
        calls[before..].iter().any(|call| call.name == "allusers" && call.status.is_some())
    };
    while !fetched(&house.marketo.calls()) {
        tokio::task::yield_now().await;
    }
    // One answer more, so that the bot has read the list by now.
    house.opens_form(&house.sam, "/marketo-api-user").await;
    let mut submitted = house.rae.submits().await.unwrap();
    if submitted.closed {
        // The list was still on its way: Marketo itself is asked before the invite.
        house.drain().await.unwrap();
        house.presses(&house.ada, "Approve").await;
        house.card_says(&["Failed", "Someone else"]);
        submitted.errors.insert("Email".to_owned(), "already".to_owned());
    }
    assert!(submitted.errors["Email"].contains("already"), "{:?}", submitted.errors);
    assert_eq!(house.marketo.invites(), 0);
    house.ends().await;
}
