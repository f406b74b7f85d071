//! Whole scenarios, through what people do on the page.

use super::page::{ADA, CARDS, OPS, Page, RAE, part};

const FIELDS: [(&str, &str); 3] = [("First name", "Svc"), ("Last name", "Crm"), ("Role", "101")];

/// The value of the offered role.
fn with_role(page: &str, role: &str) -> String {
    let select = &page[page.find(">Role</label>").expect("a role")..];
    let option = select.split("<option").find(|option| option.contains(&format!(">{role}</option>")));
    super::page::attribute(option.expect("it is offered"), "value").expect("a value")
}

async fn asks(page: &Page, email: &str) -> String {
    let line = format!("/marketo-api-user {email}");
    page.does("post", &[("as", RAE), ("in", OPS), ("text", &line)]).await;
    let form = page.until(RAE, OPS, ">Role</label>").await;
    let role = with_role(&form, "API Only");
    let [first, last, _] = FIELDS;
    page.submits(&form, &[first, last, ("Role", &role)]).await;
    page.sees(RAE, OPS).await
}

#[tokio::test]
async fn user_is_requested_approved_and_created() {
    let page = Page::open().await;
    let first = page.get("/").await;
    for name in ["Rae Requester", "Ada Approver", "Sam Second", "Gus Guest", "Olga Outsider"] {
        assert!(part(&first, "top").contains(name), "{name}");
    }
    let after = asks(&page, "svc@example.com").await;
    assert!(!part(&after, "modal").contains("role=\"dialog\""), "the form closes: {after}");
    page.clicks(ADA, CARDS, "Approve").await;
    let seen = page.until(ADA, CARDS, "The user is created in Marketo.").await;
    assert!(part(&seen, "conversation").contains("(edited)"));
    let marketo = part(&seen, "marketo");
    for text in
        ["Svc Crm", "svc@example.com", "API Only", "Default", "Next: the custom service of svc@example.com"]
    {
        assert!(marketo.contains(text), "{text}");
    }
    let answer = page.until(RAE, OPS, "Marketo API user created").await;
    assert!(part(&answer, "conversation").contains("@Rae Requester"));
    assert!(page.get("/transcript").await.contains("Marketo API user created"));
}

#[tokio::test]
async fn field_errors_appear_inline_and_keep_the_input() {
    let page = Page::open().await;
    page.does("post", &[("as", RAE), ("in", OPS), ("text", "/marketo-api-user svc@example.com")]).await;
    let form = page.until(RAE, OPS, ">Role</label>").await;
    page.submits(&form, &[("First name", "Svc"), ("Access expiration", "2020-01-31")]).await;
    let client = page.sees(RAE, OPS).await;
    assert!(
        client.contains("Please complete this required field."),
        "Slack's client asks for what is missing"
    );
    let role = with_role(&client, "API Only");
    page.submits(&client, &[("Last name", "Crm"), ("Role", &role)]).await;
    let wrong = page.sees(RAE, OPS).await;
    let modal = part(&wrong, "modal");
    assert_eq!(modal.matches("class=\"error\"").count(), 1, "{modal}");
    assert!(modal.contains("aria-invalid=\"true\"") && modal.contains("value=\"Svc\""), "{modal}");
    page.submits(&wrong, &[("Access expiration", "")]).await;
    page.until(RAE, CARDS, ">Approve</button>").await;
}

#[tokio::test]
async fn own_approval_is_refused_and_denial_shows_its_reason() {
    let page = Page::open().await;
    asks(&page, "svc@example.com").await;
    page.clicks(RAE, CARDS, "Approve").await;
    let answer = page.until(RAE, CARDS, "Only visible to you").await;
    assert!(part(&answer, "conversation").contains("own request"));
    assert!(!page.sees(ADA, CARDS).await.contains("Only visible to you"));
    page.clicks(ADA, CARDS, "Deny").await;
    let modal = page.until(ADA, CARDS, ">Reason</label>").await;
    page.submits(&modal, &[("Reason", "Use the other one.")]).await;
    page.until(ADA, CARDS, "Use the other one.").await;
    let direct = page.until(RAE, "D0REQ", "Use the other one.").await;
    assert!(part(&direct, "sidebar").contains("aria-current=\"page\""));
}

#[tokio::test]
async fn scenarios_start_by_url_and_by_button() {
    let page = Page::open().await;
    let host = page.host();
    let played = page.send("GET /?scenario=approve&pace=quick", &[("Host", &host)], "").await;
    assert_eq!(played.status, 303);
    let seen = page.until(RAE, OPS, "Finished: Request and approve.").await;
    assert!(part(&seen, "conversation").contains("Marketo API user created"));
    page.does("scenario", &[("name", "crash"), ("pace", "quick")]).await;
    let seen = page.until(RAE, OPS, "Finished: Crash and recover.").await;
    assert_eq!(part(&seen, "marketo").matches("svc-crm-sync@example.com</span>").count(), 1);
    let none = page.send("GET /?scenario=nothing", &[("Host", &host)], "").await;
    assert_eq!(none.status, 404);
    let from_elsewhere = [("Host", host.as_str()), ("Sec-Fetch-Site", "cross-site")];
    let not_played = page.send("GET /?scenario=approve", &from_elsewhere, "").await;
    assert_eq!(not_played.status, 200);
}

#[tokio::test]
async fn every_scenario_reaches_its_end() {
    let page = Page::open().await;
    for scenario in &marketo_api_user::playground::web::SCENARIOS {
        page.does("scenario", &[("name", scenario.name), ("pace", "quick")]).await;
        let end = |page: &str| !page.contains("data-running");
        let seen = page.until_so(RAE, OPS, scenario.name, end).await;
        assert!(seen.contains(&format!("Finished: {}.", scenario.label)), "{}", part(&seen, "top"));
    }
}
