//! Errors and outages of Marketo: what the card says, what fixes them, and that there is never a second user.

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
use tokio::task::JoinSet;

use crate::test_bot::{ADA, CARDS, OPS, RAE, TestBot, assert_empty_ack, options};

/// A Marketo that creates a second user for a second invite.
fn careless() -> Options {
    let mut setup = options();
    setup.marketo.duplicate_invite = DuplicateInvite::SecondRecord;
    setup
}

fn body(code: u32) -> serde_json::Value {
    json!({"errors": [{"code": code.to_string(), "message": format!("Marketo says {code}")}]})
}

/// An error answer with `code`; nothing is executed.
fn refused(status: u16, code: u32) -> Fault {
    Fault::Answer { status, body: body(code), retry_after: None }
}

/// An approved request, with faults for the calls that follow.
async fn approved(call: &str, faults: &[Fault]) -> TestBot {
    let bot = TestBot::with(careless()).await;
    bot.rae_requests(&[]).await;
    for fault in faults {
        bot.marketo.faults().script(call, fault.clone());
    }
    bot.clicks(&bot.ada, "Approve").await;
    bot
}

/// Asserts one user, one card and one announcement.
async fn is_created(bot: TestBot) {
    bot.card_says(&["The user is created", "Approved by @Ada Approver"]);
    let card = bot.card_text();
    assert!(!card.contains("being created") && !card.contains("[ ") && !card.contains("Failed"), "{card}");
    assert_eq!((bot.created_users().len(), bot.slack.channel(OPS).len()), (1, 1));
    assert!(bot.ephemerals_to(ADA).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn transient_errors_end_in_one_user() {
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
            let bot = approved(call, std::slice::from_ref(fault)).await;
            bot.advance(40).await;
            is_created(bot).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unanswered_invite_that_succeeded_is_adopted() {
    let answer = |status, body| Fault::AppliedThenAnswer { status, body };
    for fault in [
        Fault::AppliedThenCut,
        answer(502, json!({})),
        answer(200, json!({"success": false, "errors": [{"code": 604, "message": "Request timed out"}]})),
        answer(500, body(611)),
        answer(500, body(713)),
        answer(302, json!({})),
    ] {
        let bot = approved("invite", std::slice::from_ref(&fault)).await;
        bot.card_says(&["is being created"]);
        bot.advance(5).await;
        assert_eq!(bot.marketo.invites(), 1, "{fault:?}");
        is_created(bot).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unanswered_invite_is_looked_up_before_the_next_attempt() {
    let bot = approved("invite", &[Fault::Cut]).await;
    bot.advance(60).await;
    let calls = bot.marketo.calls();
    let invites: Vec<_> = calls.iter().filter(|call| call.name == "invite").collect();
    assert_eq!(invites.len(), 2);
    assert!(invites[1].at.duration_since(invites[0].at).as_secs() >= 10);
    let looks = calls
        .iter()
        .filter(|call| call.name == "allusers" && invites[0].at < call.at && call.at < invites[1].at);
    assert!(looks.count() >= 3);
    is_created(bot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unanswered_invite_that_appears_late_is_adopted() {
    let mut setup = careless();
    setup.marketo.visible_after = Duration::from_secs(9);
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.marketo.faults().script("invite", Fault::AppliedThenCut);
    bot.clicks(&bot.ada, "Approve").await;
    bot.advance(60).await;
    assert_eq!(bot.marketo.invites(), 1);
    is_created(bot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_token_is_renewed_once_per_call() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.marketo.expire_tokens();
    let before = bot.marketo.calls().len();
    bot.clicks(&bot.ada, "Approve").await;
    let tokens = bot.marketo.calls()[before..].iter().filter(|call| call.name == "token").count();
    assert_eq!(tokens, 1);
    is_created(bot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exhausted_daily_quota_waits_until_midnight_in_chicago() {
    for call in ["allusers", "invite"] {
        let bot = approved(call, &[refused(403, 607)]).await;
        bot.card_says(&["is being created", "daily API quota is used up", "2026-11-25 06:00 UTC"]);
        assert!(bot.direct_messages(RAE).contains("daily API quota is used up"));
        let calls = bot.invite_bodies().len();
        // 06:00 UTC is midnight in Chicago; it is ten o'clock now.
        bot.advance(20 * 3600 - 1).await;
        assert_eq!(bot.invite_bodies().len(), calls, "no call before midnight");
        bot.card_says(&["is being created"]);
        bot.advance(60).await;
        is_created(bot).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn permanent_errors_say_how_to_fix_them_and_retry_succeeds() {
    for (name, status, code) in
        [("permissions", 403, 603), ("address", 404, 610), ("permissions_by_status", 403, 0)]
    {
        for call in ["allusers", "invite"] {
            let bot = approved(call, &[refused(status, code)]).await;
            bot.card_says(&["Failed", "What to do:", "[ Retry ]"]);
            assert_snapshot!(format!("fix_{name}"), bot.slack.transcript(CARDS));
            assert_snapshot!(format!("fix_{name}_requester"), bot.direct_messages(RAE));
            assert_eq!(bot.marketo.invites(), 0);
            bot.clicks(&bot.sam, "Retry").await;
            is_created(bot).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_credentials_are_reported_and_retry_succeeds() {
    let bot = TestBot::with(careless()).await;
    bot.rae_requests(&[]).await;
    bot.marketo.expire_tokens();
    bot.marketo.set_client_secret("another");
    bot.clicks(&bot.ada, "Approve").await;
    assert_snapshot!("fix_credentials", bot.slack.transcript(CARDS));
    bot.marketo.set_client_secret(marketo_api_user::sim::marketo::CLIENT_SECRET);
    bot.advance(60).await;
    bot.clicks(&bot.ada, "Retry").await;
    bot.advance(60).await;
    is_created(bot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_counts_once_and_needs_an_approver() {
    let bot = approved("allusers", &[refused(403, 603)]).await;
    bot.allow_slack_errors(&["user_not_in_channel"]);
    let failed = bot.card();
    assert_empty_ack(&bot.rae.clicks_stale(&failed, "Retry").await.unwrap());
    bot.drain().await.unwrap();
    bot.card_says(&["Failed"]);
    let (one, two) =
        tokio::join!(bot.ada.clicks_stale(&failed, "Retry"), bot.sam.clicks_stale(&failed, "Retry"));
    assert_empty_ack(&one.unwrap());
    assert_empty_ack(&two.unwrap());
    bot.drain().await.unwrap();
    assert_eq!((bot.marketo.invites(), bot.created_users().len()), (1, 1));
    assert_empty_ack(&bot.ada.clicks_stale(&failed, "Retry").await.unwrap());
    bot.drain().await.unwrap();
    bot.card_says(&["The user is created"]);
    assert_eq!(bot.marketo.invites(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_values_are_reported_in_marketos_words() {
    for code in [609, 612, 709, 1003] {
        let bot = approved("invite", &[refused(400, code)]).await;
        bot.card_says(&["Failed", "Marketo rejected these values", &format!("Marketo says {code}")]);
        assert!(!bot.card_text().contains("[ Retry ]"));
        assert_eq!(bot.marketo.invites(), 0);
    }
    let bot = approved("invite", &[refused(400, 709)]).await;
    assert_snapshot!("refused_values", bot.slack.transcript(CARDS));
    assert_snapshot!("refused_values_requester", bot.direct_messages(RAE));
}

#[tokio::test(flavor = "multi_thread")]
async fn found_user_that_differs_from_the_approval_is_reported() {
    let bot = approved("invite", &[Fault::Cut]).await;
    bot.marketo.add_user(SimUser::new(2000, "svc-crm@example.com", "Some", "Body", false));
    bot.advance(20).await;
    assert_snapshot!("mismatch", bot.slack.transcript(CARDS));
    assert_eq!((bot.marketo.invites(), bot.slack.channel(OPS).len()), (0, 0));
}

/// An approved request while `call` keeps failing with `fault`.
async fn outage(call: &str, fault: &Fault) -> TestBot {
    let bot = TestBot::with(careless()).await;
    bot.rae_requests(&[]).await;
    bot.marketo.faults().script_many(call, fault, 5000);
    bot.clicks(&bot.ada, "Approve").await;
    bot
}

#[tokio::test(flavor = "multi_thread")]
async fn long_outage_is_shown_and_recovers() {
    let bad_gateway = Fault::Answer { status: 502, body: json!({}), retry_after: None };
    for call in ["allusers", "invite"] {
        for fault in [&bad_gateway, &Fault::Cut, &refused(503, 608), &refused(500, 614)] {
            println!("{call}: {fault:?}");
            let bot = outage(call, fault).await;
            bot.advance(10 * 60).await;
            bot.card_says(&["is being created", "isn't responding right now"]);
            bot.marketo.faults().clear();
            bot.advance(10 * 60).await;
            is_created(bot).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_of_a_day_fails_the_request_and_retry_succeeds() {
    let bad_gateway = Fault::Answer { status: 502, body: json!({}), retry_after: None };
    for call in ["allusers", "invite"] {
        let bot = outage(call, &bad_gateway).await;
        bot.advance(10 * 60).await;
        bot.clock.advance(Duration::from_secs(25 * 3600));
        bot.advance(10 * 60).await;
        bot.card_says(&["Failed", "[ Retry ]"]);
        assert_snapshot!(format!("outage_of_{call}"), bot.slack.transcript(CARDS));
        bot.marketo.faults().clear();
        bot.clicks(&bot.ada, "Retry").await;
        bot.advance(60).await;
        is_created(bot).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_call_times_out_and_is_retried() {
    // The only scenario that waits in real time, for the timeout of one call: 20 s. Each bot has a task of its own, since the
    // end of a bot blocks its task.
    async fn hangs(call: &'static str) {
        let bot = approved(call, &[Fault::Hang]).await;
        bot.card_says(&["is being created"]);
        bot.advance(60).await;
        is_created(bot).await;
    }
    async fn hangs_in_slack() {
        let bot = TestBot::with(careless()).await;
        bot.slack.faults().script("chat.postMessage", Fault::Hang);
        bot.rae_requests(&[]).await;
        bot.advance(10).await;
        bot.clicks(&bot.ada, "Approve").await;
        bot.advance(10).await;
        is_created(bot).await;
    }
    let mut bots = JoinSet::new();
    bots.spawn(hangs("allusers"));
    bots.spawn(hangs("invite"));
    bots.spawn(hangs_in_slack());
    bots.join_all().await;
}
