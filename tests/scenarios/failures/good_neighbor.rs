//! The bot shares Marketo with every other integration: it reads rarely while nobody uses it, and asks ever more rarely
//! while it is refused.

use std::time::Duration;

use marketo_api_user::{
    clock::Clock,
    playground::{Mode, Playground},
};

use crate::{
    replicas::cluster,
    test_bot::{FORM, TestBot},
};

/// Moves time on in steps of 15 s, each with a moment for the bot to do what is due. `each_minute` is what people do.
async fn time_passes(bot: &Playground, minutes: u64, mut each_minute: impl AsyncFnMut(u64)) {
    let real = Clock::system();
    for minute in 0..minutes {
        for _ in 0..4 {
            bot.clock.advance(Duration::from_secs(15));
            real.sleep(Duration::from_millis(2)).await;
        }
        each_minute(minute).await;
    }
}

/// Rae opens the form, and the bot finishes what follows.
async fn opens_form(bot: &TestBot) {
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.drain().await.unwrap();
}

/// How many calls Marketo received, without those for tokens, which it does not count.
fn calls(bot: &Playground) -> usize {
    bot.marketo.calls().iter().filter(|call| call.name != "token").count()
}

/// How many calls Marketo refused with 603, for each of which it notifies its admins.
fn refusals(bot: &Playground) -> usize {
    bot.marketo.calls().iter().filter(|call| call.status == Some(403)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_bot_makes_few_calls_a_day_and_more_while_people_use_it() {
    let bot = TestBot::open().await;
    let start = calls(&bot);
    time_passes(&bot, 24 * 60, async |_| {}).await;
    let idle = calls(&bot) - start;
    assert!((40..=110).contains(&idle), "{idle} calls on a day on which nobody uses the bot");
    let start = calls(&bot);
    time_passes(&bot, 60, async |minute| {
        if minute % 2 == 0 {
            opens_form(&bot).await;
        }
    })
    .await;
    let in_use = calls(&bot) - start;
    assert!(
        (60..=90).contains(&in_use),
        "{in_use} calls in an hour in which a form is opened every other minute"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_bot_asks_at_growing_intervals() {
    let bot = TestBot::open().await;
    bot.marketo.set_permissions(false);
    time_passes(&bot, 6 * 60, async |_| {}).await;
    let refused = refusals(&bot);
    assert!((8..=20).contains(&refused), "{refused} notifications of Marketo's admins in six hours");
    // Somebody opens the form: it asks at once, but not again for each further form.
    for _ in 0..5 {
        opens_form(&bot).await;
    }
    time_passes(&bot, 1, async |_| {}).await;
    let asked = refusals(&bot) - refused;
    assert!((1..=2).contains(&asked), "{asked} calls for five opened forms");
    bot.marketo.set_permissions(true);
    opens_form(&bot).await;
    time_passes(&bot, 1, async |_| {}).await;
    let before = refusals(&bot);
    time_passes(&bot, 10, async |_| {}).await;
    assert_eq!(refusals(&bot), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_asks_at_once() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.marketo.set_permissions(false);
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["Failed", "[ Retry ]"]);
    time_passes(&bot, 4 * 60, async |_| {}).await;
    bot.marketo.set_permissions(true);
    let before = calls(&bot);
    bot.clicks(&bot.sam, "Retry").await;
    bot.card_says(&["The user is created"]);
    let real = Clock::system();
    // The lists are read again, too: two calls for the lookup, one for the invite, one to read it back, and the lists.
    while calls(&bot) < before + 5 {
        real.sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_read_for_each_other() {
    let Some(database) = cluster::postgres().await else { return };
    let all = cluster::replicas(cluster::options(database, Mode::Pumped, ""), 2).await;
    // Two calls for roles and workspaces and two for users, by the first; the others take them from the database.
    assert_eq!(calls(&all[0]), 4);
    time_passes(&all[0], 12 * 60, async |_| {}).await;
    let shared = calls(&all[0]);
    assert!((20..=70).contains(&shared), "{shared} calls by three replicas in half a day");
    // A user whom the first replica knows is known to the others.
    all[0].marketo.add_user(marketo_api_user::sim::marketo::SimUser::new(77, FORM[0].1, "Some", "One", true));
    time_passes(&all[0], 122, async |_| {}).await;
    for replica in all.iter() {
        let rae = replica.person(cluster::RAE);
        assert_eq!(rae.types(cluster::OPS, "/marketo-api-user").await.status, 200);
        replica.drain().await.unwrap();
        rae.fills(&FORM).await.unwrap();
        let submitted = rae.submits().await.unwrap();
        assert!(submitted.errors["Email"].contains("already"), "{:?}", submitted.errors);
    }
    // One refusal keeps all of them from asking.
    all[0].marketo.set_permissions(false);
    let before = refusals(&all[0]);
    time_passes(&all[0], 6 * 60, async |_| {}).await;
    let refused = refusals(&all[0]) - before;
    assert!((6..=24).contains(&refused), "{refused} notifications for three replicas in six hours");
}
