//! Marketo as people have met it: what it shows otherwise than it was told, lists that end early or late, answers that
//! explain nothing. Where no page of Adobe's settles a fact, each reading is played.

use std::time::Duration;

use marketo_api_user::{
    playground::Options,
    sim::{
        fault::Fault,
        marketo::{BeyondEnd, DuplicateInvite, Identity, Paging, ShownNames, SimUser},
    },
};
use serde_json::json;

use crate::test_bot::{CARDS, FORM, OPS, RAE, TestBot, options};

const EMAIL: &str = "svc-crm@example.com";
const NAMES: [(&str, &str); 2] =
    [("First name", "Zo\u{eb} \u{1F680} Q&A"), ("Last name", "Customer relations nightly sync")];

/// A Marketo that creates a second user for a second invite.
fn careless() -> Options {
    let mut setup = options();
    setup.marketo.duplicate_invite = DuplicateInvite::SecondRecord;
    setup
}

fn answer(status: u16, code: i64) -> Fault {
    let body = json!({"errors": [{"code": code, "message": format!("Marketo says {code}")}]});
    Fault::Answer { status, body, retry_after: None }
}

/// Asserts one user, one announcement, and a card that says so.
fn assert_created(bot: &TestBot) {
    bot.card_says(&["The user is created"]);
    let card = bot.card_text();
    assert!(!card.contains("Failed") && !card.contains("being created"), "{card}");
    assert_eq!((bot.created_users().len(), bot.slack.channel(OPS).len()), (1, 1));
}

/// A request that is approved while Marketo's first answers to invites are `faults`.
async fn approved(setup: Options, faults: &[Fault]) -> TestBot {
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    for fault in faults {
        bot.marketo.faults().script("invite", fault.clone());
    }
    bot.clicks(&bot.ada, "Approve").await;
    bot
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_user_is_created_however_its_name_is_shown() {
    for (names, shown) in [
        (ShownNames::AsEntered, None),
        (ShownNames::CutAtEmoji, Some("Marketo shows Zo\u{eb}")),
        (ShownNames::CutAt(20), Some("Marketo shows Customer relations n")),
        (ShownNames::Decomposed, Some("Marketo shows Zoe\u{308}")),
        (ShownNames::HtmlEscaped, Some("Q&amp;A")),
        (ShownNames::UpperCase, Some("CUSTOMER RELATIONS")),
        (ShownNames::OfAnotherSubscription, Some("Marketo shows Universal")),
    ] {
        let mut setup = careless();
        setup.marketo.names = names;
        let bot = TestBot::with(setup).await;
        bot.rae_requests(&NAMES).await;
        bot.clicks(&bot.ada, "Approve").await;
        assert_created(&bot);
        let announced = bot.slack.transcript(OPS);
        match shown {
            Some(shown) => assert!(
                announced.contains(shown) && announced.contains("was approved"),
                "{names:?}: {announced}"
            ),
            None => assert!(!announced.contains("was approved"), "{announced}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn name_that_is_shown_otherwise_does_not_keep_a_user_from_being_adopted() {
    for names in [
        ShownNames::AsEntered,
        ShownNames::CutAtEmoji,
        ShownNames::CutAt(20),
        ShownNames::Decomposed,
        ShownNames::HtmlEscaped,
        ShownNames::UpperCase,
    ] {
        let mut setup = careless();
        setup.marketo.names = names;
        let bot = TestBot::with(setup).await;
        bot.rae_requests(&NAMES).await;
        bot.marketo.faults().script("invite", Fault::AppliedThenCut);
        bot.clicks(&bot.ada, "Approve").await;
        bot.advance(60).await;
        println!("{names:?}");
        assert_created(&bot);
        assert_eq!(bot.marketo.invites(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_user_is_announced_within_a_minute_whatever_the_reads_say() {
    let lookups = [
        answer(403, 607),
        answer(429, 606),
        answer(500, 611),
        answer(403, 603),
        answer(404, 610),
        Fault::Cut,
        Fault::Html,
    ];
    for fault in lookups {
        println!("{fault:?}");
        let bot = TestBot::with(careless()).await;
        bot.rae_requests(&[]).await;
        // The lookup before the invite takes two calls.
        bot.marketo.faults().script_many("allusers", &Fault::Slow(Duration::ZERO), 2);
        bot.marketo.faults().script_many("allusers", &fault, 500);
        bot.clicks(&bot.ada, "Approve").await;
        bot.advance(59).await;
        assert_created(&bot);
        let looks = bot.marketo.calls().iter().filter(|call| call.name == "allusers").count();
        let is_refused = fault == answer(403, 603);
        assert!(!is_refused || looks <= 5, "{looks} lookups, each of which notifies Marketo's admins");
        bot.marketo.faults().clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn api_only_flag_that_is_shown_late_is_waited_for() {
    for (seconds, is_noted) in [(0, false), (10, false), (600, true)] {
        for is_answered in [true, false] {
            let mut setup = careless();
            setup.marketo.api_only_after = Duration::from_secs(seconds);
            let faults = if is_answered { vec![] } else { vec![Fault::AppliedThenCut] };
            let bot = approved(setup, &faults).await;
            bot.advance(59).await;
            println!("{seconds} s, answered: {is_answered}");
            if is_answered || !is_noted {
                assert_created(&bot);
                let announced = bot.slack.transcript(OPS);
                assert_eq!(
                    announced.contains("API Only: yes was approved, Marketo shows no"),
                    is_noted,
                    "{announced}"
                );
            } else {
                bot.card_says(&["Failed", "API Only: yes was approved, Marketo shows no", "[ Retry ]"]);
                bot.advance(600).await;
                bot.clicks(&bot.ada, "Retry").await;
                assert_created(&bot);
            }
            assert_eq!(bot.marketo.invites(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn user_with_other_rights_is_not_taken_for_the_approved_one() {
    type Change = fn(&mut SimUser);
    let changes: [(&str, Change); 6] = [
        ("Role: API Only was approved, Marketo shows Admin", |user| user.roles = vec![(1, 1)]),
        ("Role: API Only was approved, Marketo shows API Only, Admin", |user| {
            user.roles = vec![(101, 1), (1, 1)]
        }),
        ("Workspace: Default was approved, Marketo shows AllZones", |user| user.roles = vec![(101, 0)]),
        ("Role: API Only was approved, Marketo shows nothing", |user| user.roles = vec![]),
        ("Access: 2027-01-31 was approved, Marketo shows never expires", |user| user.expires_at = None),
        ("API Only: yes was approved, Marketo shows no", |user| user.api_only = false),
    ];
    for (words, change) in changes {
        for identity in [Identity::Marketo, Identity::Adobe] {
            println!("{words} {identity:?}");
            let mut setup = careless();
            setup.marketo.identity = identity;
            setup.marketo.visible_after = Duration::from_secs(3);
            let bot = approved(setup, &[Fault::AppliedThenCut]).await;
            bot.marketo.change_user(EMAIL, change);
            bot.advance(40).await;
            bot.card_says(&["Failed", "isn't what was approved", words, "[ Retry ]"]);
            assert!(bot.slack.channel(OPS).is_empty());
            assert!(bot.direct_messages(RAE).contains(words), "{}", bot.direct_messages(RAE));
            // A Marketo admin deletes it: the retry creates the approved one.
            bot.marketo.remove_user(EMAIL);
            bot.clicks(&bot.ada, "Retry").await;
            bot.advance(40).await;
            assert_created(&bot);
            assert_eq!(bot.created_users()[0].roles, [(101, 1)]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn user_whose_rights_cannot_be_read_is_not_adopted() {
    let bot = approved(careless(), &[Fault::AppliedThenCut]).await;
    bot.marketo.faults().persist("user", answer(503, 608));
    bot.advance(600).await;
    bot.card_says(&["is being created", "isn't responding right now"]);
    bot.marketo.faults().lift();
    bot.advance(600).await;
    assert_created(&bot);
    // Marketo lists the user, but says that it does not exist.
    let bot = approved(careless(), &[Fault::AppliedThenCut]).await;
    bot.marketo.faults().persist("user", answer(404, 610));
    bot.advance(120).await;
    bot.card_says(&["Failed", "Marketo says 610", "[ Retry ]"]);
    bot.marketo.faults().lift();
    bot.clicks(&bot.ada, "Retry").await;
    assert_created(&bot);
    assert_eq!(bot.marketo.invites(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn end_of_access_that_is_off_by_hours_is_a_note() {
    let mut setup = careless();
    setup.marketo.visible_after = Duration::from_secs(3);
    let bot = approved(setup, &[Fault::AppliedThenCut]).await;
    bot.marketo.change_user(EMAIL, |user| user.expires_at = Some("2027-02-01T00:00:00Z".parse().unwrap()));
    bot.advance(40).await;
    assert_created(&bot);
    let announced = bot.slack.transcript(OPS);
    assert!(announced.contains("2027-01-31 was approved, Marketo shows 2027-02-01 00:00 UTC"), "{announced}");
}

fn many(count: i64) -> Vec<SimUser> {
    (1..=count).map(|id| SimUser::new(id, &format!("u{id}@example.com"), "U", "Ser", false)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn user_on_a_later_page_is_seen_whatever_a_page_holds() {
    for paging in [Paging::Records, Paging::Pages] {
        for beyond_end in [BeyondEnd::Empty, BeyondEnd::LastPage, BeyondEnd::Refuse] {
            if (paging, beyond_end) == (Paging::Pages, BeyondEnd::Refuse) {
                // Whether there are more users cannot be told; the client's tests say so.
                continue;
            }
            for page_limit in [20, 100, 200] {
                println!("{paging:?}, {beyond_end:?}, {page_limit}");
                let mut setup = careless();
                (setup.marketo.paging, setup.marketo.beyond_end) = (paging, beyond_end);
                (setup.marketo.page_limit, setup.marketo.users) = (page_limit, many(230));
                let bot = TestBot::with(setup).await;
                bot.opens_form(&bot.rae, "/marketo-api-user").await;
                bot.rae.fills(&FORM).await.unwrap();
                bot.rae.fills(&[("Email", "u229@example.com")]).await.unwrap();
                let submitted = bot.rae.submits().await.unwrap();
                assert!(submitted.errors["Email"].contains("already"), "{:?}", submitted.errors);
                // A lost answer: the new user, the last of the list, is found.
                bot.rae.fills(&[("Email", EMAIL)]).await.unwrap();
                assert!(bot.rae.submits().await.unwrap().closed);
                bot.drain().await.unwrap();
                bot.marketo.faults().script("invite", Fault::AppliedThenCut);
                bot.clicks(&bot.ada, "Approve").await;
                bot.advance(60).await;
                assert_created(&bot);
                assert_eq!(bot.marketo.invites(), 1);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_later_page_is_not_taken_for_the_end() {
    for fault in [answer(404, 610), answer(400, 702), answer(400, 1003), answer(500, 713), Fault::Html] {
        println!("{fault:?}");
        let mut setup = careless();
        setup.marketo.users = many(230);
        let bot = TestBot::with(setup).await;
        bot.rae_requests(&[]).await;
        bot.marketo.faults().script("invite", Fault::AppliedThenCut);
        bot.clicks(&bot.ada, "Approve").await;
        // The new user is on the second page, which fails for a while.
        for _ in 0..6 {
            bot.marketo.faults().script("allusers", Fault::Slow(Duration::ZERO));
            bot.marketo.faults().script("allusers", fault.clone());
        }
        bot.advance(600).await;
        assert_created(&bot);
        assert_eq!(bot.marketo.invites(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_that_explains_nothing_is_believed_after_a_few_tries() {
    let text = |body| Fault::Answer { status: 200, body, retry_after: None };
    for (fault, words) in [
        (text(json!(false)), "Marketo's response: false"),
        (text(json!("The user limit is reached")), "Marketo's response: The user limit is reached"),
        (
            text(json!({"success": false, "message": "The user limit is reached"})),
            "The user limit is reached",
        ),
        (answer(500, 611), "Marketo's response: Marketo says 611"),
        (Fault::Answer { status: 500, body: json!({}), retry_after: None }, "Marketo's response: HTTP 500"),
        (Fault::Html, "Marketo's response: the response is not the JSON that Adobe documents"),
    ] {
        println!("{fault:?}");
        let bot = TestBot::with(careless()).await;
        bot.rae_requests(&[]).await;
        bot.marketo.faults().persist("invite", fault.clone());
        bot.clicks(&bot.ada, "Approve").await;
        assert!(!bot.card_text().contains("Failed"), "once is not believed");
        bot.advance(5 * 60).await;
        bot.card_says(&[
            "Failed",
            "didn't clearly say why",
            "What to do: Ask a Marketo admin",
            words,
            "[ Retry ]",
        ]);
        assert!(bot.direct_messages(RAE).contains(words));
        assert_eq!(bot.invite_bodies().len(), 3);
        bot.marketo.faults().lift();
        bot.clicks(&bot.ada, "Retry").await;
        bot.advance(60).await;
        assert_created(&bot);
        // The user was created in spite of the answer.
        let applied = match &fault {
            Fault::Answer { status, body, .. } => {
                Fault::AppliedThenAnswer { status: *status, body: body.clone() }
            }
            _ => continue,
        };
        let bot = approved(careless(), &[applied]).await;
        bot.advance(30).await;
        assert_created(&bot);
        assert_eq!(bot.marketo.invites(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn email_that_somebody_logs_in_with_is_taken() {
    let mut setup = careless();
    let login =
        SimUser { userid: EMAIL.to_owned(), ..SimUser::new(77, "someone@example.com", "Some", "One", false) };
    setup.marketo.users.push(login.clone());
    let bot = TestBot::with(setup).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    let submitted = bot.rae.submits().await.unwrap();
    assert!(submitted.errors["Email"].contains("logs in with this one"), "{:?}", submitted.errors);
    // It is somebody's login only after the form was sent.
    let bot = TestBot::with(careless()).await;
    bot.rae_requests(&[]).await;
    bot.marketo.add_user(login);
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["Failed", "logs in with this email"]);
    assert_eq!(bot.marketo.invites(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_fresh_token_passes() {
    for code in [601, 602] {
        let bot = TestBot::with(careless()).await;
        bot.rae_requests(&[]).await;
        bot.marketo.faults().script_many("allusers", &answer(401, code), 6);
        bot.clicks(&bot.ada, "Approve").await;
        bot.card_says(&["is being created"]);
        bot.advance(60).await;
        assert_created(&bot);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn user_deleted_in_marketo_can_be_requested_again_after_the_next_list() {
    let bot = TestBot::with(careless()).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    assert_created(&bot);
    bot.marketo.remove_user(EMAIL);
    let lists = |bot: &TestBot| bot.marketo.calls().iter().filter(|call| call.name == "allusers").count();
    let before = lists(&bot);
    bot.advance(31).await;
    // The form asks for a list, which takes two calls.
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    let real = marketo_api_user::clock::Clock::system();
    while lists(&bot) < before + 2 {
        real.sleep(Duration::from_millis(5)).await;
    }
    bot.rae.fills(&FORM).await.unwrap();
    let is_sent = async || bot.rae.submits().await.unwrap().closed;
    while !is_sent().await {
        real.sleep(Duration::from_millis(5)).await;
    }
    bot.drain().await.unwrap();
    let cards = bot.slack.channel(CARDS);
    bot.ada.clicks(cards.last().unwrap(), "Approve").await.unwrap();
    bot.advance(5).await;
    assert_eq!((bot.marketo.invites(), bot.created_users().len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn long_wait_that_marketo_asks_for_is_shown_and_can_be_cancelled() {
    let busy = json!({"errors": [{"code": "606", "message": "Max rate limit exceeded"}]});
    let fault = Fault::Answer { status: 429, body: busy, retry_after: Some(3600) };
    for call in ["allusers", "invite"] {
        let bot = TestBot::with(careless()).await;
        bot.rae_requests(&[]).await;
        bot.marketo.faults().script(call, fault.clone());
        bot.clicks(&bot.ada, "Approve").await;
        bot.card_says(&["too busy", "2026-11-24 11:00 UTC", "[ Cancel request ]"]);
        bot.clicks(&bot.ada, "Cancel request").await;
        bot.card_says(&["Cancelled by @Ada Approver"]);
        assert_eq!(bot.marketo.invites(), 0);
    }
}
