//! The controls of the playground: faults, killing the bot, and time travel.

use super::page::{ADA, Answer, CARDS, OPS, Page, RAE, part};

async fn request_is_pending(page: &Page) {
    page.does("scenario", &[("name", "request"), ("pace", "quick")]).await;
    page.until(RAE, OPS, "Finished: Request a user.").await;
}

async fn switches(page: &Page, name: &str, on: &str) {
    page.does("switch", &[("name", name), ("on", on)]).await;
}

#[tokio::test]
async fn killed_bot_is_silent_and_resumes_after_a_restart() {
    let page = Page::open().await;
    request_is_pending(&page).await;
    page.does("bot", &[("do", "kill")]).await;
    let seen = page.sees(ADA, CARDS).await;
    assert!(part(&seen, "top").contains("Bot is killed"));
    page.clicks(ADA, CARDS, "Approve").await;
    let seen = page.sees(ADA, CARDS).await;
    assert!(part(&seen, "conversation").contains("Slack could not reach the app."), "{seen}");
    assert!(part(&seen, "traffic").contains("no response"));
    page.does("bot", &[("do", "start")]).await;
    page.clicks(ADA, CARDS, "Approve").await;
    // The work it was doing comes back when its lease expires.
    page.does("time", &[("jump", "minute")]).await;
    page.until(ADA, CARDS, "The user is created in Marketo.").await;
    page.does("bot", &[("do", "restart")]).await;
    let seen = page.sees(ADA, CARDS).await;
    assert!(
        part(&seen, "top").contains("Bot is running") && seen.contains("The user is created in Marketo.")
    );
}

#[tokio::test]
async fn marketo_faults_can_be_toggled() {
    for (name, shown) in
        [("marketo-down", "cut"), ("marketo-rate", "code 606"), ("marketo-quota", "code 607")]
    {
        let page = Page::open().await;
        request_is_pending(&page).await;
        switches(&page, name, "1").await;
        page.clicks(ADA, CARDS, "Approve").await;
        let waits = page.until_so(ADA, CARDS, shown, |page| part(page, "traffic").contains(shown)).await;
        assert!(
            waits.contains(&format!("id=\"switch-{name}\" name=\"on\" value=\"0\" aria-checked=\"true\""))
        );
        assert!(!part(&waits, "marketo").contains("svc-crm-sync@example.com"));
        switches(&page, name, "0").await;
        page.does("time", &[("jump", "day")]).await;
        let seen = page
            .until_so(ADA, CARDS, "an outcome", |page| page.contains("The user is created in Marketo."))
            .await;
        assert_eq!(part(&seen, "marketo").matches("svc-crm-sync@example.com</span>").count(), 1, "{name}");
    }
}

#[tokio::test]
async fn slack_faults_can_be_toggled() {
    for (name, shown) in [("slack-down", "cut"), ("slack-limit", "429 ratelimited"), ("slack-lost", "cut")] {
        let page = Page::open().await;
        request_is_pending(&page).await;
        switches(&page, name, "1").await;
        page.clicks(ADA, CARDS, "Approve").await;
        page.until_so(ADA, CARDS, shown, |page| part(page, "traffic").contains(shown)).await;
        switches(&page, name, "0").await;
        page.does("time", &[("jump", "minute")]).await;
        page.until(ADA, CARDS, "The user is created in Marketo.").await;
        let answer = page.until(RAE, OPS, "Marketo API user created").await;
        assert_eq!(part(&answer, "conversation").matches("Marketo API user created").count(), 1, "{name}");
    }
}

#[tokio::test]
async fn delays_end_and_an_expired_token_is_renewed() {
    let page = Page::open().await;
    request_is_pending(&page).await;
    switches(&page, "slow", "1").await;
    switches(&page, "late", "1").await;
    page.does("tokens", &[]).await;
    page.clicks(ADA, CARDS, "Approve").await;
    let seen = page.until(ADA, CARDS, "not in the lists yet").await;
    assert!(part(&seen, "traffic").contains("code 602"), "{}", part(&seen, "traffic"));
    switches(&page, "slow", "0").await;
    page.does("time", &[("jump", "minute")]).await;
    page.until(ADA, CARDS, "The user is created in Marketo.").await;
    switches(&page, "marketo-cut", "1").await;
    let unknown: Answer = page.act("switch", &[("name", "no-such-switch"), ("on", "1")]).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn time_travel_reaches_reminders_timeouts_and_expirations() {
    let page = Page::open().await;
    request_is_pending(&page).await;
    page.does("time", &[("jump", "day")]).await;
    let seen = page.until(ADA, CARDS, "1 reply</a>").await;
    let ahead =
        seen.split("data-ahead=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("the time there");
    // Some of the day passes by itself on the way.
    assert!((86_300_000..=86_400_000).contains(&ahead.parse::<u32>().expect("milliseconds")), "{ahead}");
    let thread = seen.split("thread=").nth(1).and_then(|rest| rest.split('"').next()).expect("a thread");
    let thread = page.get(&format!("/?as={ADA}&in={CARDS}&thread={thread}")).await;
    assert!(part(&thread, "thread").contains("@Ada Approver"), "{}", part(&thread, "thread"));
    page.does("time", &[("jump", "week")]).await;
    page.until(ADA, CARDS, "Expired").await;
    page.does("scenario", &[("name", "approve"), ("pace", "quick")]).await;
    page.until(RAE, OPS, "Finished: Request and approve.").await;
    page.does("time", &[("jump", "expiration")]).await;
    page.until(RAE, OPS, "state bad\">expired").await;
}
