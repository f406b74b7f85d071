//! Outages as people live through them: what is said meanwhile, what finishes by itself, and what can still be
//! taken back.

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

use crate::support::{ADA, CARDS, FORM, House, OPS, RAE, SAM, assert_quiet, options, policy};

const HOUR: u64 = 3600;

fn refused(status: u16, code: u32) -> Fault {
    let body = json!({"errors": [{"code": code.to_string(), "message": format!("Marketo says {code}")}]});
    Fault::Answer { status, body, retry_after: None }
}

/// A Marketo that would make a second user if it were asked to.
fn careless() -> Options {
    let mut setup = options();
    setup.marketo.duplicate_invite = DuplicateInvite::SecondRecord;
    setup
}

/// Asked for, with Marketo failing this way from the approval on, for so many calls.
async fn approved(setup: Options, call: &str, fault: &Fault, times: usize) -> House {
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    house.marketo.faults().script_many(call, fault, times);
    house.presses(&house.ada, "Approve").await;
    house
}

/// A request that waits, and its card with the button.
async fn waiting() -> (House, SimMessage) {
    let house = approved(careless(), "allusers", &Fault::Cut, 5000).await;
    house.waits(5 * 60).await;
    house.card_says(&["does not answer right now", "[ Cancel request ]"]);
    let card = house.card();
    (house, card)
}

/// Somebody presses what their screen still shows.
async fn stale(house: &House, person: &str, card: &SimMessage, label: &str) {
    assert_quiet(&house.person(person).clicks_stale(card, label).await.unwrap());
    house.drain().await.unwrap();
}

/// One user, one card without buttons, one announcement.
async fn is_created(house: House) {
    house.card_says(&["The user is created"]);
    assert!(!house.card_text().contains("[ "), "{}", house.card_text());
    assert_eq!((house.created().len(), house.slack.channel(OPS).len()), (1, 1));
    house.ends_despite(&["user_not_in_channel"]).await;
}

/// Cancelled for good: Marketo is well again, a day passes, and nothing comes of it.
async fn stays_cancelled(house: House) {
    house.marketo.faults().clear();
    house.waits(25 * HOUR).await;
    house.card_says(&["Cancelled by", "Nothing was changed in Marketo"]);
    assert!(!house.card_text().contains("[ "), "{}", house.card_text());
    assert_eq!((house.invites().len(), house.created().len(), house.slack.channel(OPS).len()), (0, 0, 0));
    house.ends_despite(&["user_not_in_channel"]).await;
}

/// The calls of `method` that Slack took, to the channel of the cards or elsewhere.
fn taken(house: &House, method: &str, to_cards: bool) -> usize {
    let calls = house.slack.calls_to(method).into_iter();
    let taken = calls.filter(|call| call.status == Some(200) && call.error.is_none());
    taken.filter(|call| (call.body["channel"] == CARDS) == to_cards).count()
}

#[tokio::test]
async fn while_slack_is_away_everything_goes_on_and_the_last_state_is_shown_once() {
    let house = House::open().await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.slack.set_down(true);
    assert!(house.rae.submits().await.unwrap().closed);
    house.waits(4 * 60).await;
    house.slack.set_down(false);
    house.waits(5 * 60).await;
    house.card_says(&["[ Approve ] [ Deny ]"]);
    assert_eq!((taken(&house, "chat.postMessage", true), taken(&house, "chat.update", true)), (1, 0));
    // Approved, waits, is created: three changes of the card pile up.
    let card = house.card();
    house.slack.set_down(true);
    house.marketo.faults().script_many("allusers", &refused(429, 606), 5);
    assert_quiet(&house.ada.clicks_stale(&card, "Approve").await.unwrap());
    house.waits(6 * 60).await;
    assert_eq!(house.created().len(), 1, "Marketo does not wait for Slack");
    house.slack.set_down(false);
    house.waits(10 * 60).await;
    assert_eq!((taken(&house, "chat.postMessage", true), taken(&house, "chat.update", true)), (1, 1));
    // The requester's message: posted, brought up to date once; and the announcement.
    assert_eq!((taken(&house, "chat.postMessage", false), taken(&house, "chat.update", false)), (2, 1));
    is_created(house).await;
}

#[tokio::test]
async fn a_denial_and_a_cancellation_while_slack_is_away_are_shown_once_it_is_back() {
    for denied in [true, false] {
        let house = House::open().await;
        house.rae_asks(&[]).await;
        if denied {
            house.opens_denial(&house.ada, "Use the old one").await;
        }
        let own = house.request_message();
        house.slack.set_down(true);
        if denied {
            assert!(house.ada.submits().await.unwrap().closed);
        } else {
            assert_quiet(&house.rae.clicks_stale(&own, "Cancel request").await.unwrap());
        }
        house.waits(5 * 60).await;
        house.slack.set_down(false);
        house.waits(10 * 60).await;
        house.card_says(&[if denied { "Denied" } else { "Cancelled by @Rae Requester" }]);
        assert_eq!((taken(&house, "chat.update", true), taken(&house, "chat.update", false)), (1, 1));
        assert_eq!(house.slack.dm(RAE).len(), if denied { 2 } else { 1 });
        house.ends().await;
    }
}

#[tokio::test]
async fn while_marketo_is_away_the_card_says_until_when_and_it_finishes_by_itself() {
    for (fault, times) in [(Fault::Cut, 5000), (refused(429, 606), 5000), (refused(429, 615), 5000)] {
        for call in ["allusers", "invite"] {
            println!("{call}: {fault:?}");
            let house = approved(careless(), call, &fault, times).await;
            house.waits(5 * 60).await;
            house.card_says(&["does not answer right now", "tries again by itself on 2026-11-24 10:"]);
            assert!(house.direct(RAE).contains("tries again by itself on"));
            house.marketo.faults().clear();
            house.waits(10 * 60).await;
            is_created(house).await;
        }
    }
}

#[tokio::test]
async fn a_quota_that_is_never_free_is_waited_for_a_day_then_failed_and_retried_once() {
    let house = approved(careless(), "allusers", &refused(403, 607), 5000).await;
    house.card_says(&["takes no more calls today", "2026-11-25 06:00 UTC", "[ Cancel request ]"]);
    house.waits(21 * HOUR).await;
    house.card_says(&["takes no more calls today", "2026-11-26 06:00 UTC"]);
    let looks = house.marketo.calls().iter().filter(|call| call.name == "allusers").count();
    assert!(looks < 10, "{looks} calls");
    house.waits(24 * HOUR).await;
    house.card_says(&["Failed", "[ Retry ]"]);
    house.marketo.faults().clear();
    let failed = house.card();
    house.presses(&house.ada, "Retry").await;
    stale(&house, SAM, &failed, "Retry").await;
    assert_eq!(house.marketo.invites(), 1);
    is_created(house).await;
}

#[tokio::test]
async fn an_approver_cancels_what_waits() {
    let (house, card) = waiting().await;
    house.presses(&house.sam, "Cancel request").await;
    assert_snapshot!("cancelled_by_an_approver", house.slack.transcript(CARDS));
    assert_snapshot!("cancelled_by_an_approver_requester", house.direct(RAE));
    stale(&house, ADA, &card, "Cancel request").await;
    assert!(house.whispers(ADA).contains("already cancelled"), "{}", house.whispers(ADA));
    stays_cancelled(house).await;
}

#[tokio::test]
async fn the_quota_is_waited_for_or_cancelled_before_midnight() {
    let house = approved(careless(), "invite", &refused(403, 607), 1).await;
    let calls = house.marketo.invites();
    house.presses(&house.ada, "Cancel request").await;
    assert_eq!(calls, 0);
    house.waits(25 * HOUR).await;
    house.card_says(&["Cancelled by @Ada Approver"]);
    assert_eq!((house.marketo.invites(), house.created().len()), (0, 0));
    house.ends().await;
}

#[tokio::test]
async fn the_requester_cancels_what_waits_with_approval_and_without() {
    let (house, _) = waiting().await;
    house.cancels().await;
    house.card_says(&["Cancelled by @Rae Requester"]);
    assert_eq!(house.slack.dm(RAE).len(), 1, "who cancels knows");
    stays_cancelled(house).await;

    let mut setup = policy("");
    setup.policy = setup.policy.replace("approvers =", "approval = \"none\"\napprovers =");
    let house = House::with(setup).await;
    house.marketo.faults().script_many("allusers", &Fault::Cut, 5000);
    house.rae_asks(&[]).await;
    house.waits(5 * 60).await;
    assert!(house.direct(RAE).contains("[ Cancel request ]"), "{}", house.direct(RAE));
    house.cancels().await;
    house.marketo.faults().clear();
    house.waits(25 * HOUR).await;
    assert!(house.direct(RAE).contains("Cancelled by @Rae Requester"));
    assert_eq!((house.invites().len(), house.created().len()), (0, 0));
    house.ends().await;
}

#[tokio::test]
async fn who_may_not_cancel_is_told_and_it_goes_on() {
    let (house, card) = waiting().await;
    let members = [ADA, SAM, "U0GUEST"];
    house.slack.set_channel(SimChannel::public(CARDS, "marketo-approvals", &members));
    stale(&house, "U0GUEST", &card, "Cancel request").await;
    assert!(house.whispers("U0GUEST").contains("Only an approver"), "{}", house.whispers("U0GUEST"));
    house.card_says(&["[ Cancel request ]"]);
    house.marketo.faults().clear();
    house.waits(10 * 60).await;
    // Their screens show what was.
    stale(&house, ADA, &card, "Cancel request").await;
    assert!(house.whispers(ADA).contains("already created"), "{}", house.whispers(ADA));
    is_created(house).await;
}

#[tokio::test]
async fn what_may_have_been_carried_out_is_not_cancelled() {
    let (house, card) = waiting().await;
    house.marketo.set_visible_after(Duration::from_secs(HOUR));
    house.marketo.faults().clear();
    house.marketo.faults().script("invite", Fault::AppliedThenCut);
    house.marketo.faults().script_many("invite", &Fault::Cut, 5000);
    house.waits(6 * 60).await;
    house.card_says(&["is being created", "does not answer right now"]);
    assert!(!house.card_text().contains("[ "), "{}", house.card_text());
    assert!(!house.direct(RAE).contains("[ "), "{}", house.direct(RAE));
    for person in [SAM, RAE] {
        stale(&house, person, &card, "Cancel request").await;
        assert!(house.whispers(person).contains("may have the user already"), "{}", house.whispers(person));
    }
    house.card_says(&["is being created"]);
    // It shows in the end, and is this request's.
    house.waits(2 * HOUR).await;
    is_created(house).await;
}

#[tokio::test]
async fn while_the_first_invite_is_looked_for_nobody_can_cancel_either() {
    let (house, card) = waiting().await;
    house.marketo.faults().clear();
    house.marketo.set_visible_after(Duration::from_secs(9));
    house.marketo.faults().script("invite", Fault::AppliedThenCut);
    while house.marketo.invites() == 0 {
        house.waits(1).await;
    }
    house.card_says(&["is being created"]);
    assert!(!house.card_text().contains("[ "), "{}", house.card_text());
    stale(&house, ADA, &card, "Cancel request").await;
    assert!(house.whispers(ADA).contains("being tried right now"), "{}", house.whispers(ADA));
    house.waits(60).await;
    is_created(house).await;
}

#[tokio::test]
async fn a_user_that_another_request_made_meanwhile_is_not_adopted() {
    let house = approved(careless(), "invite", &Fault::Cut, 5000).await;
    house.waits(10 * 60).await;
    house.clock.advance(Duration::from_secs(25 * HOUR));
    house.waits(10 * 60).await;
    house.card_says(&["Failed", "[ Retry ]", "may have the user already"]);
    let first = house.card();
    house.marketo.faults().clear();
    house.opens_form(&house.sam, "/marketo-api-user").await;
    house.sam.fills(&FORM).await.unwrap();
    assert!(house.sam.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    let second = house.slack.channel(CARDS).pop().unwrap();
    stale(&house, ADA, &second, "Approve").await;
    assert_eq!((house.created().len(), house.slack.channel(OPS).len()), (1, 1));
    stale(&house, ADA, &first, "Retry").await;
    let cards = house.slack.transcript(CARDS);
    assert!(cards.contains("another request for this email was applied"), "{cards}");
    assert!(cards.contains("Someone else added a Marketo user with this email"), "{cards}");
    assert_eq!((house.created().len(), house.slack.channel(OPS).len()), (1, 1), "announced once");
    house.ends().await;
}

#[tokio::test]
async fn an_invite_refused_because_a_lost_one_did_its_work_ends_well() {
    let house = House::open().await;
    house.marketo.set_visible_after(Duration::from_secs(40));
    house.rae_asks(&[]).await;
    house.marketo.faults().script("invite", Fault::AppliedThenCut);
    house.presses(&house.ada, "Approve").await;
    house.waits(30).await;
    assert_eq!(house.invites().len(), 2, "the second one is refused: there is a user");
    house.waits(60).await;
    is_created(house).await;
}

#[tokio::test]
async fn retry_looks_for_an_unanswered_invite_before_it_sends_another() {
    let house = House::with(careless()).await;
    house.marketo.set_visible_after(Duration::from_secs(12));
    house.rae_asks(&[]).await;
    house.marketo.faults().script("invite", Fault::AppliedThenCut);
    house.presses(&house.ada, "Approve").await;
    house.marketo.faults().script("allusers", refused(403, 603));
    house.waits(2).await;
    house.card_says(&["Failed", "[ Retry ]"]);
    house.presses(&house.ada, "Retry").await;
    house.waits(60).await;
    assert_eq!(house.marketo.invites(), 1);
    is_created(house).await;
}
