//! One of two Marketo instances is in trouble, or is taken out of the configuration: the other one works, and nobody
//! is left without an answer.

use std::time::Duration;

use marketo_api_user::{clock::Clock, config::Instance, playground::Playground, sim::fault::Fault};

use crate::{
    instances::{sandbox, with_sandbox},
    support::{CARDS, Database, FORM, House, assert_quiet, options},
};

/// A house that serves, but whose sandbox has never answered.
async fn without_sandbox() -> House {
    let mut setup = options();
    setup.policy = setup.policy.replace("[slack]", "[slack]\nteam_ids = [\"T0001\"]");
    setup.second_marketo = Some(sandbox());
    let mut house = House::prepare(setup).await;
    house.sandbox().set_down(true);
    house.play.launch().await.unwrap();
    let calls = |house: &House| house.marketo.calls().iter().filter(|call| call.name == "allusers").count();
    let real = Clock::system();
    while calls(&house) == 0 {
        real.sleep(Duration::from_millis(5)).await;
    }
    house
}

#[tokio::test]
async fn an_instance_that_stops_answering_does_not_hold_up_the_other() {
    let house = with_sandbox(sandbox()).await;
    house.sandbox().set_down(true);
    house.rae_asks(&[]).await;
    house.presses(&house.ada, "Approve").await;
    house.card_says(&["created", "Marketo instance: production"]);
    assert_eq!(house.created().len(), 1);
    house.ends().await;
}

#[tokio::test]
async fn a_request_for_an_instance_that_does_not_answer_waits_for_it() {
    let house = with_sandbox(sandbox()).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.rae_chooses("sandbox").await;
    house.rae.fills(&[("Role", "API Only"), ("Workspace", "Default")]).await.unwrap();
    house.rae_sends().await;
    house.sandbox().set_down(true);
    house.presses(&house.ada, "Approve").await;
    house.waits(60).await;
    house.card_says(&["isn't responding right now", "Marketo instance: sandbox"]);
    house.sandbox().set_down(false);
    house.waits(600).await;
    house.card_says(&["created"]);
    assert_eq!((house.marketo.invites(), house.sandbox().invites()), (0, 1));
    house.ends().await;
}

#[tokio::test]
async fn an_instance_that_never_answered_is_said_to_be_away_and_fills_the_form_when_it_is_back() {
    let mut house = without_sandbox().await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.rae_chooses("sandbox").await;
    let modal = house.modal(&house.rae);
    assert!(modal.contains("sandbox isn't responding right now"), "{modal}");
    let told = house.rae_is_told("Marketo instance").await;
    assert!(told.contains("sandbox isn't responding") && told.contains("another Marketo instance"), "{told}");
    house.rae_chooses("production").await;
    house.rae.fills(&[("Role", "API Only")]).await.unwrap();
    house.rae_sends().await;
    // Whether the e-mail is free on the sandbox nobody knows.
    house.presses(&house.ada, "Approve").await;
    house.waits(60).await;
    house.card_says(&["isn't responding right now", "[ Cancel request ]"]);
    assert_eq!(house.marketo.invites(), 0);
    house.sandbox().set_down(false);
    house.waits(600).await;
    house.card_says(&["created"]);
    house.play.ready().await.unwrap();
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae_chooses("sandbox").await;
    assert!(house.modal(&house.rae).contains("Workspace"), "{}", house.modal(&house.rae));
    house.play.stop().await;
}

#[tokio::test]
async fn a_slow_instance_fills_the_form_when_it_answers() {
    let mut setup = options();
    setup.policy = setup.policy.replace("[slack]", "[slack]\nteam_ids = [\"T0001\"]");
    setup.second_marketo = Some(sandbox());
    let mut house = House::prepare(setup).await;
    let slow = Duration::from_secs(8);
    house.sandbox().faults().script("roles", Fault::Slow(slow));
    house.play.launch().await.unwrap();
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.rae.fills(&[("Marketo instance", "sandbox")]).await.unwrap();
    let is_loading = |house: &House| house.modal(&house.rae).contains("Loading roles from sandbox");
    assert!(house.slack.wait_for(|_| is_loading(&house)).await, "{}", house.modal(&house.rae));
    house.clock.advance(slow);
    house.rae.fills(&[("Role", "API Only"), ("Workspace", "Default")]).await.unwrap();
    house.play.ready().await.unwrap();
    house.rae_sends().await;
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.sandbox().users()[0].roles, [(501, 1)]);
    house.ends().await;
}

/// Takes the sandbox out of the bot's configuration and starts it anew; gives what puts it back.
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

#[tokio::test]
async fn a_request_for_an_instance_that_is_no_longer_configured_fails_and_can_be_retried_when_it_is_back() {
    let mut house = with_sandbox(sandbox()).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.rae_chooses("sandbox").await;
    house.rae.fills(&[("Role", "API Only"), ("Workspace", "Default")]).await.unwrap();
    house.rae_sends().await;
    // Another form stays open over the change.
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.rae_chooses("sandbox").await;
    house
        .rae
        .fills(&[("Email", "other@example.com"), ("Role", "API Only"), ("Workspace", "Default")])
        .await
        .unwrap();

    let instances = restarts_without_sandbox(&mut house.play).await;
    let told = house.rae_is_told("Marketo instance").await;
    assert!(told.contains("sandbox is no longer available"), "{told}");
    house.presses(&house.ada, "Approve").await;
    house.card_says(&["Failed", "no longer manage", "Missing from the configuration: sandbox", "[ Retry ]"]);

    house.play.stop().await;
    house.play.configure(|config| config.instances = instances);
    house.play.start().await.unwrap();
    house.presses(&house.ada, "Retry").await;
    house.card_says(&["created", "Marketo instance: sandbox"]);
    assert_eq!((house.marketo.invites(), house.sandbox().invites()), (0, 1));
    house.ends().await;
}

#[tokio::test]
async fn a_form_from_before_there_was_a_choice_is_out_of_date() {
    let mut house = with_sandbox(sandbox()).await;
    let instances = restarts_without_sandbox(&mut house.play).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.play.stop().await;
    house.play.configure(|config| config.instances = instances);
    house.play.start().await.unwrap();
    assert!(house.rae_is_told("Email").await.contains("out of date"));
    house.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_instance_has_its_own_limits_on_every_database() {
    for database in Database::all() {
        let mut setup = options();
        setup.second_marketo = Some(sandbox());
        setup.database_url = database.fresh().await;
        let mut house = House::prepare(setup).await;
        // The start takes three calls of each.
        house.play.configure(|config| config.instances[1].calls_per_20s = 4);
        house.play.start().await.unwrap();
        for email in ["a@example.com", "b@example.com", "c@example.com"] {
            house.opens_form(&house.rae, "/marketo-api-user").await;
            house.rae.fills(&FORM).await.unwrap();
            house.rae.fills(&[("Email", email)]).await.unwrap();
            house.rae_sends().await;
        }
        for card in house.slack.channel(CARDS) {
            assert_quiet(&house.ada.clicks(&card, "Approve").await.unwrap());
        }
        let (clock, real) = (house.clock.clone(), Clock::system());
        let time = tokio::spawn(async move {
            loop {
                real.sleep(Duration::from_millis(5)).await;
                clock.advance(Duration::from_millis(100));
            }
        });
        let real = Clock::system();
        while house.marketo.invites() < 3 {
            house.drain().await.unwrap();
            real.sleep(Duration::from_millis(5)).await;
        }
        time.abort();
        let (production, sandbox) = (house.marketo.peak_20s(), house.sandbox().peak_20s());
        assert!(sandbox <= 4 && production > 4, "{database:?}: {production} and {sandbox} calls in 20 s");
        house.waits(60).await;
        house.ends().await;
    }
}
