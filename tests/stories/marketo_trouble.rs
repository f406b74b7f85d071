//! Marketo's refusals and failures: what the card says of each, what mends it, and that there is never a second user.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::{
    playground::Options,
    sim::{
        fault::Fault,
        marketo::{DuplicateInvite, SimUser},
    },
};
use serde_json::json;

use crate::support::{ADA, CARDS, House, OPS, RAE, assert_quiet, options};

/// A Marketo that would make a second user if it were asked to.
fn careless() -> Options {
    let mut setup = options();
    setup.marketo.duplicate_invite = DuplicateInvite::SecondRecord;
    setup
}

fn body(code: u32) -> serde_json::Value {
    json!({"errors": [{"code": code.to_string(), "message": format!("Marketo says {code}")}]})
}

/// Refused with `code`; not carried out.
fn refused(status: u16, code: u32) -> Fault {
    Fault::Answer { status, body: body(code), retry_after: None }
}

/// Asked for and approved, with faults for the calls that follow the approval.
async fn approved(call: &str, faults: &[Fault]) -> House {
    let house = House::with(careless()).await;
    house.rae_asks(&[]).await;
    for fault in faults {
        house.marketo.faults().script(call, fault.clone());
    }
    house.presses(&house.ada, "Approve").await;
    house
}

/// It is created: one user, one card, one announcement.
async fn is_created(house: House) {
    house.card_says(&["The user is created", "Approved by @Ada Approver"]);
    let card = house.card_text();
    assert!(!card.contains("being created") && !card.contains("[ ") && !card.contains("Failed"), "{card}");
    assert_eq!((house.created().len(), house.slack.channel(OPS).len()), (1, 1));
    assert!(house.told(ADA).is_empty());
    house.ends().await;
}

#[tokio::test]
async fn what_passes_by_itself_ends_in_one_user() {
    let faults = [
        ("an invalid token", refused(401, 601)),
        ("an expired token", refused(401, 602)),
        ("no code at all", Fault::Answer { status: 401, body: json!({}), retry_after: None }),
        ("too many calls", refused(429, 606)),
        ("too many at once", refused(429, 615)),
        ("a time-out", refused(408, 604)),
        ("unavailable", refused(503, 608)),
        ("a system error", refused(500, 611)),
        ("a transient error", refused(500, 713)),
        ("a bad gateway", Fault::Answer { status: 502, body: json!({}), retry_after: None }),
        ("a sign-in page", Fault::Html),
        (
            "a success of another kind",
            Fault::Answer { status: 200, body: json!({"success": true}), retry_after: None },
        ),
        (
            "a failure with status 200",
            Fault::Answer {
                status: 200,
                body: json!({"success": false, "errors": [{"code": 611, "message": "System error"}]}),
                retry_after: None,
            },
        ),
        ("a cut connection", Fault::Cut),
        ("subscription away", refused(500, 614)),
    ];
    for call in ["allusers", "invite"] {
        for (what, fault) in &faults {
            println!("{call}: {what}");
            let house = approved(call, std::slice::from_ref(fault)).await;
            house.waits(40).await;
            is_created(house).await;
        }
    }
}

#[tokio::test]
async fn an_invite_that_was_carried_out_without_an_answer_is_adopted() {
    let answer = |status, body| Fault::AppliedThenAnswer { status, body };
    for fault in [
        Fault::AppliedThenCut,
        answer(502, json!({})),
        answer(200, json!({"success": false, "errors": [{"code": 604, "message": "Request timed out"}]})),
        answer(500, body(611)),
        answer(500, body(713)),
        answer(302, json!({})),
    ] {
        let house = approved("invite", std::slice::from_ref(&fault)).await;
        house.card_says(&["is being created"]);
        house.waits(5).await;
        assert_eq!(house.marketo.invites(), 1, "{fault:?}");
        is_created(house).await;
    }
}

#[tokio::test]
async fn an_invite_without_an_answer_is_looked_for_before_the_next() {
    let house = approved("invite", &[Fault::Cut]).await;
    house.waits(60).await;
    let calls = house.marketo.calls();
    let invites: Vec<_> = calls.iter().filter(|call| call.name == "invite").collect();
    assert_eq!(invites.len(), 2);
    assert!(invites[1].at.duration_since(invites[0].at).as_secs() >= 10);
    let looks = calls
        .iter()
        .filter(|call| call.name == "allusers" && invites[0].at < call.at && call.at < invites[1].at);
    assert!(looks.count() >= 3);
    is_created(house).await;
}

#[tokio::test]
async fn an_unanswered_invite_that_shows_late_is_adopted_too() {
    let mut setup = careless();
    setup.marketo.visible_after = Duration::from_secs(9);
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    house.marketo.faults().script("invite", Fault::AppliedThenCut);
    house.presses(&house.ada, "Approve").await;
    house.waits(60).await;
    assert_eq!(house.marketo.invites(), 1);
    is_created(house).await;
}

#[tokio::test]
async fn a_token_that_ended_is_renewed_once_for_each_call() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.marketo.expire_tokens();
    let before = house.marketo.calls().len();
    house.presses(&house.ada, "Approve").await;
    let tokens = house.marketo.calls()[before..].iter().filter(|call| call.name == "token").count();
    assert_eq!(tokens, 1);
    is_created(house).await;
}

#[tokio::test]
async fn the_daily_quota_is_waited_for_until_midnight_in_chicago() {
    for call in ["allusers", "invite"] {
        let house = approved(call, &[refused(403, 607)]).await;
        house.card_says(&["is being created", "daily API quota is used up", "2026-11-25 06:00 UTC"]);
        assert!(house.direct(RAE).contains("daily API quota is used up"));
        let calls = house.invites().len();
        // 06:00 UTC is midnight in Chicago; it is ten o'clock now.
        house.waits(20 * 3600 - 1).await;
        assert_eq!(house.invites().len(), calls, "nothing is asked before midnight");
        house.card_says(&["is being created"]);
        house.waits(60).await;
        is_created(house).await;
    }
}

#[tokio::test]
async fn what_has_to_be_mended_is_said_and_retry_finishes_it() {
    for (name, status, code) in
        [("permissions", 403, 603), ("address", 404, 610), ("permissions_by_status", 403, 0)]
    {
        for call in ["allusers", "invite"] {
            let house = approved(call, &[refused(status, code)]).await;
            house.card_says(&["Failed", "What to do:", "[ Retry ]"]);
            assert_snapshot!(format!("mend_{name}"), house.slack.transcript(CARDS));
            assert_snapshot!(format!("mend_{name}_requester"), house.direct(RAE));
            assert_eq!(house.marketo.invites(), 0);
            house.presses(&house.sam, "Retry").await;
            is_created(house).await;
        }
    }
}

#[tokio::test]
async fn a_new_client_secret_is_asked_for_and_retry_finishes_it() {
    let house = House::with(careless()).await;
    house.rae_asks(&[]).await;
    house.marketo.expire_tokens();
    house.marketo.set_client_secret("another");
    house.presses(&house.ada, "Approve").await;
    assert_snapshot!("mend_credentials", house.slack.transcript(CARDS));
    house.marketo.set_client_secret(marketo_api_user::sim::marketo::CLIENT_SECRET);
    house.waits(60).await;
    house.presses(&house.ada, "Retry").await;
    house.waits(60).await;
    is_created(house).await;
}

#[tokio::test]
async fn retry_pressed_twice_counts_once_and_only_approvers_may() {
    let house = approved("allusers", &[refused(403, 603)]).await;
    let failed = house.card();
    assert_quiet(&house.rae.clicks_stale(&failed, "Retry").await.unwrap());
    house.drain().await.unwrap();
    house.card_says(&["Failed"]);
    let (one, two) =
        tokio::join!(house.ada.clicks_stale(&failed, "Retry"), house.sam.clicks_stale(&failed, "Retry"));
    assert_quiet(&one.unwrap());
    assert_quiet(&two.unwrap());
    house.drain().await.unwrap();
    assert_eq!((house.marketo.invites(), house.created().len()), (1, 1));
    assert_quiet(&house.ada.clicks_stale(&failed, "Retry").await.unwrap());
    house.drain().await.unwrap();
    house.card_says(&["The user is created"]);
    assert_eq!(house.marketo.invites(), 1);
    house.ends_despite(&["user_not_in_channel"]).await;
}

#[tokio::test]
async fn what_marketo_refuses_for_its_values_is_told_in_its_words() {
    for code in [609, 612, 709, 1003] {
        let house = approved("invite", &[refused(400, code)]).await;
        house.card_says(&["Failed", "Marketo rejected these values", &format!("Marketo says {code}")]);
        assert!(!house.card_text().contains("[ Retry ]"));
        assert_eq!(house.marketo.invites(), 0);
        house.ends().await;
    }
    let house = approved("invite", &[refused(400, 709)]).await;
    assert_snapshot!("refused_values", house.slack.transcript(CARDS));
    assert_snapshot!("refused_values_requester", house.direct(RAE));
    house.ends().await;
}

#[tokio::test]
async fn a_found_user_that_is_not_what_was_approved_is_told_with_the_facts() {
    let house = approved("invite", &[Fault::Cut]).await;
    house.marketo.add_user(SimUser::new(2000, "svc-crm@example.com", "Some", "Body", false));
    house.waits(5).await;
    assert_snapshot!("mismatch", house.slack.transcript(CARDS));
    assert_eq!((house.marketo.invites(), house.slack.channel(OPS).len()), (0, 0));
    house.ends().await;
}

/// `call` fails this way until further notice.
async fn outage(call: &str, fault: &Fault) -> House {
    let house = House::with(careless()).await;
    house.rae_asks(&[]).await;
    house.marketo.faults().script_many(call, fault, 5000);
    house.presses(&house.ada, "Approve").await;
    house
}

#[tokio::test]
async fn a_long_outage_is_shown_on_the_card_and_finishes_by_itself() {
    let bad_gateway = Fault::Answer { status: 502, body: json!({}), retry_after: None };
    for call in ["allusers", "invite"] {
        for fault in [&bad_gateway, &Fault::Cut, &Fault::Html, &refused(500, 614)] {
            println!("{call}: {fault:?}");
            let house = outage(call, fault).await;
            house.waits(10 * 60).await;
            house.card_says(&["is being created", "isn't responding right now"]);
            house.marketo.faults().clear();
            house.waits(10 * 60).await;
            is_created(house).await;
        }
    }
}

#[tokio::test]
async fn an_outage_of_more_than_a_day_fails_and_retry_finishes_it() {
    let bad_gateway = Fault::Answer { status: 502, body: json!({}), retry_after: None };
    for call in ["allusers", "invite"] {
        let house = outage(call, &bad_gateway).await;
        house.waits(10 * 60).await;
        house.clock.advance(Duration::from_secs(25 * 3600));
        house.waits(10 * 60).await;
        house.card_says(&["Failed", "[ Retry ]"]);
        assert_snapshot!(format!("outage_of_{call}"), house.slack.transcript(CARDS));
        house.marketo.faults().clear();
        house.presses(&house.ada, "Retry").await;
        house.waits(60).await;
        is_created(house).await;
    }
}

#[tokio::test]
async fn a_call_that_hangs_is_given_up_and_made_good() {
    // The only story that waits in real time, for the limit of one call: 20 s.
    let hangs = async |call| {
        let house = approved(call, &[Fault::Hang]).await;
        house.card_says(&["is being created"]);
        house.waits(60).await;
        is_created(house).await;
    };
    let hangs_in_slack = async {
        let house = House::with(careless()).await;
        house.slack.faults().script("chat.postMessage", Fault::Hang);
        house.rae_asks(&[]).await;
        house.waits(10).await;
        house.presses(&house.ada, "Approve").await;
        house.waits(10).await;
        is_created(house).await;
    };
    tokio::join!(hangs("allusers"), hangs("invite"), hangs_in_slack);
}
