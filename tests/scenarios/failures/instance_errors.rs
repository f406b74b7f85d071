//! One of two Marketo instances fails, or is removed from the configuration: the other one works, and every request
//! gets an answer.

use std::time::Duration;

use marketo_api_user::{clock::Clock, config::Instance, playground::Playground, sim::fault::Fault};

use crate::{
    requests::instances::{sandbox, with_sandbox},
    test_bot::{CARDS, Database, FORM, TestBot, assert_empty_ack, options},
};

/// A bot that serves, but whose sandbox has never answered.
async fn without_sandbox() -> TestBot {
    let mut setup = options();
    setup.policy = setup.policy.replace("[slack]", "[slack]\nteam_ids = [\"T0001\"]");
    setup.second_marketo = Some(sandbox());
    let mut bot = TestBot::prepare(setup).await;
    bot.sandbox().set_down(true);
    bot.playground.launch().await.unwrap();
    let calls = |bot: &TestBot| bot.marketo.calls().iter().filter(|call| call.name == "allusers").count();
    let real = Clock::system();
    while calls(&bot) == 0 {
        real.sleep(Duration::from_millis(5)).await;
    }
    bot
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_instance_does_not_delay_the_other() {
    let bot = with_sandbox(sandbox()).await;
    bot.sandbox().set_down(true);
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["created", "Marketo instance: production"]);
    assert_eq!(bot.created_users().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_waits_for_its_unreachable_instance() {
    let bot = with_sandbox(sandbox()).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae_chooses("sandbox").await;
    bot.rae.fills(&[("Role", "API Only"), ("Workspace", "Default")]).await.unwrap();
    bot.rae_sends().await;
    bot.sandbox().set_down(true);
    bot.clicks(&bot.ada, "Approve").await;
    bot.advance(60).await;
    bot.card_says(&["isn't responding right now", "Marketo instance: sandbox"]);
    bot.sandbox().set_down(false);
    bot.advance(600).await;
    bot.card_says(&["created"]);
    assert_eq!((bot.marketo.invites(), bot.sandbox().invites()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn form_reports_an_unreachable_instance_and_fills_when_it_recovers() {
    let mut bot = without_sandbox().await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae_chooses("sandbox").await;
    let modal = bot.modal_text(&bot.rae);
    assert!(modal.contains("sandbox isn't responding right now"), "{modal}");
    let answer = bot.rae_is_told("Marketo instance").await;
    assert!(
        answer.contains("sandbox isn't responding") && answer.contains("another Marketo instance"),
        "{answer}"
    );
    bot.rae_chooses("production").await;
    bot.rae.fills(&[("Role", "API Only")]).await.unwrap();
    bot.rae_sends().await;
    // It is unknown whether the email is free on the sandbox.
    bot.clicks(&bot.ada, "Approve").await;
    bot.advance(60).await;
    bot.card_says(&["isn't responding right now", "[ Cancel request ]"]);
    assert_eq!(bot.marketo.invites(), 0);
    bot.sandbox().set_down(false);
    bot.advance(600).await;
    bot.card_says(&["created"]);
    bot.playground.ready().await.unwrap();
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae_chooses("sandbox").await;
    assert!(bot.modal_text(&bot.rae).contains("Workspace"), "{}", bot.modal_text(&bot.rae));
    bot.playground.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn form_fills_when_a_slow_instance_answers() {
    let mut setup = options();
    setup.policy = setup.policy.replace("[slack]", "[slack]\nteam_ids = [\"T0001\"]");
    setup.second_marketo = Some(sandbox());
    let mut bot = TestBot::prepare(setup).await;
    let slow = Duration::from_secs(8);
    bot.sandbox().faults().script("roles", Fault::Slow(slow));
    bot.playground.launch().await.unwrap();
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae.fills(&[("Marketo instance", "sandbox")]).await.unwrap();
    let is_loading = |bot: &TestBot| bot.modal_text(&bot.rae).contains("Loading roles from sandbox");
    assert!(bot.slack.wait_for(|_| is_loading(&bot)).await, "{}", bot.modal_text(&bot.rae));
    bot.clock.advance(slow);
    bot.rae.fills(&[("Role", "API Only"), ("Workspace", "Default")]).await.unwrap();
    bot.playground.ready().await.unwrap();
    bot.rae_sends().await;
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.sandbox().users()[0].roles, [(501, 1)]);
}

/// Restarts the bot without the sandbox. Returns the configuration that puts it back.
async fn restarts_without_sandbox(play: &mut Playground) -> Vec<Instance> {
    play.stop().await;
    let mut before = Vec::new();
    play.configure(|config| {
        before.clone_from(&config.instances);
        config.instances.retain(|instance| instance.name != "sandbox");
    });
    play.start().await.unwrap();
    before
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_instance_fails_the_request_until_it_is_configured_again() {
    let mut bot = with_sandbox(sandbox()).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae_chooses("sandbox").await;
    bot.rae.fills(&[("Role", "API Only"), ("Workspace", "Default")]).await.unwrap();
    bot.rae_sends().await;
    // Another form stays open across the change.
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae_chooses("sandbox").await;
    bot.rae
        .fills(&[("Email", "other@example.com"), ("Role", "API Only"), ("Workspace", "Default")])
        .await
        .unwrap();

    let instances = restarts_without_sandbox(&mut bot.playground).await;
    let answer = bot.rae_is_told("Marketo instance").await;
    assert!(answer.contains("sandbox is no longer available"), "{answer}");
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["Failed", "no longer manage", "Missing from the configuration: sandbox", "[ Retry ]"]);

    bot.playground.stop().await;
    bot.playground.configure(|config| config.instances = instances);
    bot.playground.start().await.unwrap();
    bot.clicks(&bot.ada, "Retry").await;
    bot.card_says(&["created", "Marketo instance: sandbox"]);
    assert_eq!((bot.marketo.invites(), bot.sandbox().invites()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn form_opened_before_a_second_instance_is_outdated() {
    let mut bot = with_sandbox(sandbox()).await;
    let instances = restarts_without_sandbox(&mut bot.playground).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.playground.stop().await;
    bot.playground.configure(|config| config.instances = instances);
    bot.playground.start().await.unwrap();
    assert!(bot.rae_is_told("Email").await.contains("out of date"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limits_are_separate_per_instance() {
    for database in Database::all() {
        let mut setup = options();
        setup.second_marketo = Some(sandbox());
        setup.database_url = database.fresh().await;
        let mut bot = TestBot::prepare(setup).await;
        // Startup makes three calls to each.
        bot.playground.configure(|config| config.instances[1].calls_per_20s = 4);
        bot.playground.start().await.unwrap();
        for email in ["a@example.com", "b@example.com", "c@example.com"] {
            bot.opens_form(&bot.rae, "/marketo-api-user").await;
            bot.rae.fills(&FORM).await.unwrap();
            bot.rae.fills(&[("Email", email)]).await.unwrap();
            bot.rae_sends().await;
        }
        for card in bot.slack.channel(CARDS) {
            assert_empty_ack(&bot.ada.clicks(&card, "Approve").await.unwrap());
        }
        let (clock, real) = (bot.clock.clone(), Clock::system());
        let time = tokio::spawn(async move {
            loop {
                real.sleep(Duration::from_millis(5)).await;
                clock.advance(Duration::from_millis(100));
            }
        });
        let real = Clock::system();
        while bot.marketo.invites() < 3 {
            bot.drain().await.unwrap();
            real.sleep(Duration::from_millis(5)).await;
        }
        time.abort();
        let (production, sandbox) = (bot.marketo.peak_20s(), bot.sandbox().peak_20s());
        assert!(sandbox <= 4 && production > 4, "{database:?}: {production} and {sandbox} calls in 20 s");
        bot.advance(60).await;
    }
}
