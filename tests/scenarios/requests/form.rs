//! The request form: its fields, its errors, and its options.

use insta::assert_snapshot;
use marketo_api_user::sim::{
    fault::Fault,
    marketo::{SimRole, SimWorkspace},
};

use crate::test_bot::{ADA, FORM, OPS, RAE, TestBot, assert_empty_ack, options, policy};

#[tokio::test(flavor = "multi_thread")]
async fn form_has_all_fields_and_the_typed_email() {
    let bot = TestBot::open().await;
    bot.opens_form(&bot.rae, "/marketo-api-user svc@example.com").await;
    let view = bot.rae.open_view().unwrap();
    assert_eq!(
        view.labels(),
        ["Email", "First name", "Last name", "Reason", "Access expiration", "Role"],
        "there is no choice of workspace or instance"
    );
    assert_snapshot!("form_filled", bot.modal_text(&bot.rae));
    bot.opens_form(&bot.ada, "/marketo-api-user").await;
    assert_snapshot!("form_empty", bot.modal_text(&bot.ada));
    assert_eq!(bot.slack.calls_to("views.open").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn help_and_unknown_text_are_answered_privately() {
    let bot = TestBot::open().await;
    bot.rae.types(OPS, "/marketo-api-user help").await;
    bot.ada.types(OPS, "/marketo-api-user make me a sandwich").await;
    bot.drain().await.unwrap();
    assert_snapshot!("help", bot.ephemeral_texts(RAE));
    assert_snapshot!("unknown_text", bot.ephemeral_texts(ADA));
    assert!(bot.slack.calls_to("views.open").is_empty());
}

/// Makes one field invalid at a time: the error is on that field and the other input is kept.
async fn meets_faults(bot: &TestBot, faults: &[(&str, &str, &str)]) {
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae.fills(&[("Reason", "CRM sync")]).await.unwrap();
    for (label, value, words) in faults {
        let before = if *label == "Reason" { "CRM sync" } else { good(label) };
        bot.rae.fills(&[(label, value)]).await.unwrap();
        let submitted = bot.rae.submits().await.unwrap();
        assert!(!submitted.closed && submitted.reply.error.is_none(), "{label}: {:?}", submitted.reply);
        let beside: Vec<&str> = submitted.errors.keys().map(String::as_str).collect();
        assert_eq!(beside, [*label], "{value}");
        assert!(submitted.errors[*label].contains(words), "{:?}", submitted.errors);
        bot.rae.fills(&[(label, before)]).await.unwrap();
    }
    bot.drain().await.unwrap();
    assert!(bot.slack.calls_to("chat.postMessage").is_empty(), "nothing was requested yet");
    let submitted = bot.rae.submits().await.unwrap();
    assert!(submitted.closed, "{:?}", submitted.errors);
    bot.drain().await.unwrap();
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.marketo.invites(), 1);
}

fn good(label: &str) -> &'static str {
    FORM.iter().find(|(name, _)| *name == label).unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_fields_are_marked_and_a_corrected_form_passes() {
    let bot = TestBot::open().await;
    let (long_email, long_name) = (format!("{}@example.com", "a".repeat(243)), "x".repeat(101));
    let long_reason = "y".repeat(1001);
    meets_faults(
        &bot,
        &[
            ("Email", "", "Enter an email"),
            ("Email", "svc-crm", "such as"),
            ("Email", "svc crm@example.com", "such as"),
            ("Email", "svc@crm@example.com", "such as"),
            ("Email", &long_email, "254"),
            ("Email", "reports@example.com", "already"),
            ("Email", "Reports@Example.COM", "already"),
            ("First name", "", "Enter a first name"),
            ("First name", "   ", "Enter a first name"),
            ("First name", &long_name, "100"),
            ("Last name", "", "Enter a last name"),
            ("Last name", &long_name, "100"),
            ("Reason", &long_reason, "1000"),
            // Ten in the morning in London is two at night in Los Angeles, on the same day.
            ("Access expiration", "2026-11-23", "2026-11-24 or later"),
            ("Access expiration", "2027-11-25", "2027-11-24"),
            ("Role", "", "Choose a role"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_required_by_policy_are_marked() {
    let lines = "reason = \"required\"\nexpiration = \"required\"\nemail_domains = [\"example.com\"]\n\
                 max_access = \"90d\"\n";
    let bot = TestBot::with(policy(lines)).await;
    meets_faults(
        &bot,
        &[
            ("Email", "svc-crm@example.org", "@example.com"),
            ("Email", "svc-crm@evil-example.com", "@example.com"),
            ("Reason", "", "Explain what"),
            ("Reason", "  \n ", "Explain what"),
            ("Access expiration", "", "last day"),
            ("Access expiration", "2027-02-23", "2027-02-22"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_email_is_reported_to_the_next_requester() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.opens_form(&bot.sam, "/marketo-api-user").await;
    bot.sam.fills(&FORM).await.unwrap();
    bot.sam.fills(&[("Email", "SVC-CRM@example.com")]).await.unwrap();
    let submitted = bot.sam.submits().await.unwrap();
    assert!(!submitted.closed && submitted.errors["Email"].contains("already open"), "{submitted:?}");
    assert_snapshot!("pending_already", bot.modal_text(&bot.sam));
    bot.rae_cancels().await;
    // Once the first request is gone, the same form passes.
    assert!(bot.sam.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    let cards = bot.slack.channel("C0APPROVE");
    assert_eq!(cards.len(), 2);
    assert_empty_ack(&bot.ada.clicks(&cards[1], "Approve").await.unwrap());
    bot.drain().await.unwrap();
    assert_eq!(bot.marketo.invites(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn past_dates_follow_the_requesters_time_zone() {
    let mut setup = options();
    setup.policy.push_str("max_access = \"30d\"\n");
    // 19:00 UTC: 11 in the morning of the 24th in Los Angeles, half past midnight of the 25th in Kolkata.
    setup.clock.advance(std::time::Duration::from_secs(9 * 3600));
    let bot = TestBot::with(setup).await;
    for (person, email, past, first, far, last) in [
        (&bot.rae, "a@example.com", "2026-11-23", "2026-11-24", "2026-12-25", "2026-12-24"),
        (&bot.sam, "b@example.com", "2026-11-24", "2026-11-25", "2026-12-26", "2026-12-25"),
    ] {
        bot.opens_form(person, "/marketo-api-user").await;
        person.fills(&FORM).await.unwrap();
        for (date, words) in [(past, first), (far, last)] {
            person.fills(&[("Email", email), ("Access expiration", date)]).await.unwrap();
            let submitted = person.submits().await.unwrap();
            assert!(submitted.errors["Access expiration"].contains(words), "{:?}", submitted.errors);
        }
        person.fills(&[("Access expiration", first)]).await.unwrap();
        assert!(person.submits().await.unwrap().closed);
    }
    bot.drain().await.unwrap();
    for card in bot.slack.channel("C0APPROVE") {
        let approver = if card.text.contains("b@example.com") { &bot.ada } else { &bot.sam };
        assert_empty_ack(&approver.clicks(&card, "Approve").await.unwrap());
    }
    bot.drain().await.unwrap();
    let ends: Vec<_> = bot.invite_bodies().iter().map(|invite| invite["expiresAt"].clone()).collect();
    assert_eq!(ends, ["2026-11-24T23:59:59-08:00", "2026-11-25T23:59:59+05:30"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_workspace_reaches_marketo() {
    let mut setup = options();
    setup.marketo.workspaces = vec![SimWorkspace::new(1, "Default"), SimWorkspace::new(7, "EMEA")];
    let bot = TestBot::with(setup).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    let submitted = bot.rae.submits().await.unwrap();
    assert!(submitted.errors["Workspace"].contains("Choose a workspace"), "{:?}", submitted.errors);
    bot.rae.fills(&[("Workspace", "EMEA")]).await.unwrap();
    assert_snapshot!("form_with_workspaces", bot.modal_text(&bot.rae));
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.card_says(&["Workspace: EMEA"]);
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.created_users()[0].roles, [(101, 7)]);
    assert!(bot.slack.transcript(OPS).contains("Workspace: EMEA"));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_100_workspaces_are_searched_by_name() {
    let mut setup = options();
    let all = (1..=250).map(|id| SimWorkspace::new(id, &format!("Region {id}")));
    setup.marketo.workspaces = all.collect();
    let bot = TestBot::with(setup).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    let offered = bot.rae.asks_options("Workspace", "").await.unwrap();
    assert_eq!(offered.options.len(), 100);
    let offered = bot.rae.asks_options("Workspace", "region 24").await.unwrap();
    assert_eq!(offered.texts().len(), 11);
    assert!(bot.rae.asks_options("Workspace", "nowhere").await.unwrap().options.is_empty());
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae.fills(&[("Workspace", "Region 249")]).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.created_users()[0].roles, [(101, 249)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn role_limited_to_all_workspaces_is_assigned_there() {
    let mut setup = options();
    setup.marketo.workspaces = vec![SimWorkspace::new(1, "Default"), SimWorkspace::new(7, "EMEA")];
    setup.marketo.roles = vec![SimRole { only_all_zones: true, ..SimRole::new(101, "API Only") }];
    let bot = TestBot::with(setup).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae.fills(&[("Workspace", "EMEA")]).await.unwrap();
    let submitted = bot.rae.submits().await.unwrap();
    assert!(
        submitted.errors["Workspace"].contains("only be given in all workspaces"),
        "{:?}",
        submitted.errors
    );
    bot.rae.fills(&[("Workspace", "AllZones")]).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.created_users()[0].roles, [(101, 0)]);
}

/// A bot that serves, but has no answer from Marketo yet.
async fn launched(prepare: impl FnOnce(&TestBot)) -> TestBot {
    let mut setup = options();
    setup.policy = setup.policy.replace("[slack]", "[slack]\nteam_ids = [\"T0001\"]");
    let mut bot = TestBot::prepare(setup).await;
    prepare(&bot);
    bot.playground.launch().await.unwrap();
    bot
}

#[tokio::test(flavor = "multi_thread")]
async fn form_opens_at_once_and_fills_when_marketo_answers() {
    let slow = Fault::Slow(std::time::Duration::from_secs(8));
    let bot = launched(|bot| bot.marketo.faults().script("roles", slow)).await;
    bot.opens_form(&bot.rae, "/marketo-api-user svc-crm@example.com").await;
    assert_snapshot!("form_loading", bot.modal_text(&bot.rae));
    bot.clock.advance(std::time::Duration::from_secs(8));
    // Wait for the fields.
    bot.rae.fills(&FORM).await.unwrap();
    assert_eq!(bot.slack.calls_to("views.update").len(), 1);
    bot.ready().await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.created_users().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn form_reports_that_marketo_is_unreachable() {
    let bot = launched(|bot| bot.marketo.set_down(true)).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    let is_told =
        |view: &marketo_api_user::sim::slack::SimView| view.view.to_string().contains("isn't responding");
    assert!(bot.slack.wait_for(|slack| slack.open_view(RAE).is_some_and(|view| is_told(&view))).await);
    assert_snapshot!("form_without_marketo", bot.modal_text(&bot.rae));
    bot.marketo.set_down(false);
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.ready().await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.created_users().len(), 1);
}
