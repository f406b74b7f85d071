//! The modal: what it shows, what it refuses beside which field, and what a choice leads to.

use insta::assert_snapshot;
use marketo_api_user::sim::{
    fault::Fault,
    marketo::{SimRole, SimWorkspace},
};

use crate::support::{ADA, FORM, House, OPS, RAE, assert_quiet, options, policy};

#[tokio::test]
async fn the_form_has_the_fields_of_the_contract_and_the_email_that_was_typed() {
    let house = House::open().await;
    house.opens_form(&house.rae, "/marketo-api-user svc@example.com").await;
    let view = house.rae.open_view().unwrap();
    assert_eq!(
        view.labels(),
        ["Email", "First name", "Last name", "Reason", "Access expiration", "Role"],
        "there is no choice of workspace or instance"
    );
    assert_snapshot!("form_filled", house.modal(&house.rae));
    house.opens_form(&house.ada, "/marketo-api-user").await;
    assert_snapshot!("form_empty", house.modal(&house.ada));
    assert_eq!(house.slack.calls_to("views.open").len(), 2);
    house.ends().await;
}

#[tokio::test]
async fn help_and_nonsense_are_answered_to_whoever_typed_them() {
    let house = House::open().await;
    house.rae.types(OPS, "/marketo-api-user help").await;
    house.ada.types(OPS, "/marketo-api-user make me a sandwich").await;
    house.drain().await.unwrap();
    assert_snapshot!("help", house.whispers(RAE));
    assert_snapshot!("nonsense", house.whispers(ADA));
    assert!(house.slack.calls_to("views.open").is_empty());
    house.ends().await;
}

/// Fills one field wrongly at a time; the fault stands beside it and the rest is kept, until all is right.
async fn meets_faults(house: &House, faults: &[(&str, &str, &str)]) {
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.rae.fills(&[("Reason", "CRM sync")]).await.unwrap();
    for (label, value, words) in faults {
        let before = if *label == "Reason" { "CRM sync" } else { good(label) };
        house.rae.fills(&[(label, value)]).await.unwrap();
        let submitted = house.rae.submits().await.unwrap();
        assert!(!submitted.closed && submitted.reply.error.is_none(), "{label}: {:?}", submitted.reply);
        let beside: Vec<&str> = submitted.errors.keys().map(String::as_str).collect();
        assert_eq!(beside, [*label], "{value}");
        assert!(submitted.errors[*label].contains(words), "{:?}", submitted.errors);
        house.rae.fills(&[(label, before)]).await.unwrap();
    }
    house.drain().await.unwrap();
    assert!(house.slack.calls_to("chat.postMessage").is_empty(), "nothing was asked for yet");
    let submitted = house.rae.submits().await.unwrap();
    assert!(submitted.closed, "{:?}", submitted.errors);
    house.drain().await.unwrap();
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.marketo.invites(), 1);
}

fn good(label: &str) -> &'static str {
    FORM.iter().find(|(name, _)| *name == label).unwrap().1
}

#[tokio::test]
async fn each_fault_stands_beside_its_field_and_a_corrected_form_passes() {
    let house = House::open().await;
    let (long_email, long_name) = (format!("{}@example.com", "a".repeat(243)), "x".repeat(101));
    let long_reason = "y".repeat(1001);
    meets_faults(
        &house,
        &[
            ("Email", "", "Enter an e-mail"),
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
    house.ends().await;
}

#[tokio::test]
async fn what_the_policy_demands_is_demanded_beside_its_field() {
    let lines = "reason = \"required\"\nexpiration = \"required\"\nemail_domains = [\"example.com\"]\n\
                 max_access = \"90d\"\n";
    let house = House::with(policy(lines)).await;
    meets_faults(
        &house,
        &[
            ("Email", "svc-crm@example.org", "@example.com"),
            ("Email", "svc-crm@evil-example.com", "@example.com"),
            ("Reason", "", "Say what"),
            ("Reason", "  \n ", "Say what"),
            ("Access expiration", "", "last day"),
            ("Access expiration", "2027-02-23", "2027-02-22"),
        ],
    )
    .await;
    house.ends().await;
}

#[tokio::test]
async fn an_email_that_is_pending_already_is_told_to_the_second_who_asks() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.opens_form(&house.sam, "/marketo-api-user").await;
    house.sam.fills(&FORM).await.unwrap();
    house.sam.fills(&[("Email", "SVC-CRM@example.com")]).await.unwrap();
    let submitted = house.sam.submits().await.unwrap();
    assert!(!submitted.closed && submitted.errors["Email"].contains("open already"), "{submitted:?}");
    assert_snapshot!("pending_already", house.modal(&house.sam));
    house.cancels().await;
    // Now that the first one is gone, the same form passes.
    assert!(house.sam.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    let cards = house.slack.channel("C0APPROVE");
    assert_eq!(cards.len(), 2);
    assert_quiet(&house.ada.clicks(&cards[1], "Approve").await.unwrap());
    house.drain().await.unwrap();
    assert_eq!(house.marketo.invites(), 1);
    house.ends().await;
}

#[tokio::test]
async fn a_day_is_over_by_the_calendar_of_whoever_asks() {
    let mut setup = options();
    setup.policy.push_str("max_access = \"30d\"\n");
    // 19:00 UTC: 11 in the morning of the 24th in Los Angeles, half past midnight of the 25th in Kolkata.
    setup.clock.advance(std::time::Duration::from_secs(9 * 3600));
    let house = House::with(setup).await;
    for (person, email, past, first, far, last) in [
        (&house.rae, "a@example.com", "2026-11-23", "2026-11-24", "2026-12-25", "2026-12-24"),
        (&house.sam, "b@example.com", "2026-11-24", "2026-11-25", "2026-12-26", "2026-12-25"),
    ] {
        house.opens_form(person, "/marketo-api-user").await;
        person.fills(&FORM).await.unwrap();
        for (date, words) in [(past, first), (far, last)] {
            person.fills(&[("Email", email), ("Access expiration", date)]).await.unwrap();
            let submitted = person.submits().await.unwrap();
            assert!(submitted.errors["Access expiration"].contains(words), "{:?}", submitted.errors);
        }
        person.fills(&[("Access expiration", first)]).await.unwrap();
        assert!(person.submits().await.unwrap().closed);
    }
    house.drain().await.unwrap();
    for card in house.slack.channel("C0APPROVE") {
        let approver = if card.text.contains("b@example.com") { &house.ada } else { &house.sam };
        assert_quiet(&approver.clicks(&card, "Approve").await.unwrap());
    }
    house.drain().await.unwrap();
    let ends: Vec<_> = house.invites().iter().map(|invite| invite["expiresAt"].clone()).collect();
    assert_eq!(ends, ["2026-11-24T23:59:59-08:00", "2026-11-25T23:59:59+05:30"]);
    house.ends().await;
}

#[tokio::test]
async fn several_workspaces_are_a_choice_that_reaches_marketo() {
    let mut setup = options();
    setup.marketo.workspaces = vec![SimWorkspace::new(1, "Default"), SimWorkspace::new(7, "EMEA")];
    let house = House::with(setup).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    let submitted = house.rae.submits().await.unwrap();
    assert!(submitted.errors["Workspace"].contains("Choose a workspace"), "{:?}", submitted.errors);
    house.rae.fills(&[("Workspace", "EMEA")]).await.unwrap();
    assert_snapshot!("form_with_workspaces", house.modal(&house.rae));
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.card_says(&["Workspace: EMEA"]);
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.created()[0].roles, [(101, 7)]);
    assert!(house.slack.transcript(OPS).contains("Workspace: EMEA"));
    house.ends().await;
}

#[tokio::test]
async fn more_than_a_hundred_workspaces_are_searched_by_name() {
    let mut setup = options();
    let all = (1..=250).map(|id| SimWorkspace::new(id, &format!("Region {id}")));
    setup.marketo.workspaces = all.collect();
    let house = House::with(setup).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    let offered = house.rae.asks_options("Workspace", "").await.unwrap();
    assert_eq!(offered.options.len(), 100);
    let offered = house.rae.asks_options("Workspace", "region 24").await.unwrap();
    assert_eq!(offered.texts().len(), 11);
    assert!(house.rae.asks_options("Workspace", "nowhere").await.unwrap().options.is_empty());
    house.rae.fills(&FORM).await.unwrap();
    house.rae.fills(&[("Workspace", "Region 249")]).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.created()[0].roles, [(101, 249)]);
    house.ends().await;
}

#[tokio::test]
async fn a_role_for_all_workspaces_only_is_given_there() {
    let mut setup = options();
    setup.marketo.workspaces = vec![SimWorkspace::new(1, "Default"), SimWorkspace::new(7, "EMEA")];
    setup.marketo.roles = vec![SimRole { only_all_zones: true, ..SimRole::new(101, "API Only") }];
    let house = House::with(setup).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.rae.fills(&[("Workspace", "EMEA")]).await.unwrap();
    let submitted = house.rae.submits().await.unwrap();
    assert!(submitted.errors["Workspace"].contains("all workspaces only"), "{:?}", submitted.errors);
    house.rae.fills(&[("Workspace", "AllZones")]).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.created()[0].roles, [(101, 0)]);
    house.ends().await;
}

/// A house whose bot serves, but has learned nothing from Marketo yet.
async fn launched(prepare: impl FnOnce(&House)) -> House {
    let mut setup = options();
    setup.policy = setup.policy.replace("[slack]", "[slack]\nteam_ids = [\"T0001\"]");
    let mut house = House::prepare(setup).await;
    prepare(&house);
    house.play.launch().await.unwrap();
    house
}

#[tokio::test]
async fn a_form_opens_at_once_and_is_filled_when_a_slow_marketo_answers() {
    let slow = Fault::Slow(std::time::Duration::from_secs(8));
    let house = launched(|house| house.marketo.faults().script("roles", slow)).await;
    house.opens_form(&house.rae, "/marketo-api-user svc-crm@example.com").await;
    assert_snapshot!("form_loading", house.modal(&house.rae));
    house.clock.advance(std::time::Duration::from_secs(8));
    // Fields are waited for.
    house.rae.fills(&FORM).await.unwrap();
    assert_eq!(house.slack.calls_to("views.update").len(), 1);
    house.ready().await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.created().len(), 1);
    house.ends().await;
}

#[tokio::test]
async fn a_form_says_that_marketo_is_away_and_the_next_one_opens_when_it_is_back() {
    let house = launched(|house| house.marketo.set_down(true)).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    let is_told =
        |view: &marketo_api_user::sim::slack::SimView| view.view.to_string().contains("does not answer");
    assert!(house.slack.wait_for(|slack| slack.open_view(RAE).is_some_and(|view| is_told(&view))).await);
    assert_snapshot!("form_without_marketo", house.modal(&house.rae));
    house.marketo.set_down(false);
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.ready().await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.created().len(), 1);
    house.ends().await;
}
