//! Two replicas count required approvals and the weekly auto-approval limit exactly.

use std::time::Duration;

use marketo_api_user::{
    playground::{Mode, Options},
    sim::slack::SimUser,
};
use tokio::task::JoinSet;

use super::cluster::{
    CARDS, Cluster, OPS, RAE, click_until_accepted, created_emails, fill_form, marketo_calls, options,
    postgres, replicas, run_clock, settle, submit_request,
};

const FAST: &str = "\n[replicas]\nlease = \"10m\"\n";
const APPROVERS: [&str; 8] = ["U0APPROVE", "U1", "U2", "U3", "U4", "U5", "U6", "U7"];

/// Eight people who may approve and request.
fn among_eight(mut options: Options, lines: &str) -> Options {
    let named = format!("approvers = {APPROVERS:?}\n{lines}");
    options.policy = options.policy.replace("approvers = [\"U0APPROVE\", \"S0MOPS\"]", &named);
    for id in &APPROVERS[1..] {
        options.slack.users.push(SimUser::member(id, &id.to_lowercase(), id, "Europe/Vienna"));
    }
    for channel in options.slack.channels.iter_mut().filter(|channel| [CARDS, OPS].contains(&&*channel.id)) {
        channel.members.extend(APPROVERS[1..].iter().map(|id| (*id).to_owned()));
    }
    options
}

/// Two replicas with a stopped clock.
async fn two(options: Options) -> Cluster {
    let running = run_clock(&options.clock);
    let all = replicas(options, 1).await;
    drop(running);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_approvals_on_two_replicas_count_exactly_as_many_as_required() {
    for needed in [2_usize, 3, 5] {
        let Some(database) = postgres().await else { return };
        let lines = format!("approvals_needed = {needed}");
        let all = two(among_eight(options(database, Mode::Pumped, FAST), &lines)).await;
        let bot = &all[0];
        submit_request(&bot.person(RAE), "svc@example.com").await;
        settle(&all).await;
        let card = bot.slack.channel(CARDS).remove(0);
        let mut clicks = JoinSet::new();
        // Everyone clicks on each replica.
        for (n, id) in APPROVERS.iter().chain(&APPROVERS).enumerate() {
            let person = all[(n + n / APPROVERS.len()) % 2].person(id);
            let card = card.clone();
            clicks.spawn(async move { click_until_accepted(&person, &card, "Approve").await });
        }
        assert!(clicks.join_all().await.into_iter().all(|status| status == 200), "every click is answered");
        settle(&all).await;
        assert_eq!((marketo_calls(bot, "invite"), created_emails(bot).len()), (1, 1), "{needed}");
        let card = bot.slack.transcript(CARDS);
        let line = card.lines().find(|line| line.contains("Approved by")).expect("a card that is done");
        let names = bot.slack.names();
        let named = APPROVERS.iter().filter(|id| line.contains(&format!("@{}", names.user(id)))).count();
        assert_eq!(named, needed, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_respect_the_weekly_auto_approval_limit() {
    let Some(database) = postgres().await else { return };
    let rule = format!("\n[[rule]]\nname = \"free\"\napproval = \"none\"\nauto_per_week = 3\n{FAST}");
    let all = two(among_eight(options(database, Mode::Pumped, &rule), "")).await;
    let mut clicks = JoinSet::new();
    for (n, id) in APPROVERS.iter().enumerate() {
        let person = all[n % 2].person(id);
        person.types(OPS, "/marketo-api-user").await;
        person.sees_modal().await.expect("the form");
        fill_form(&person, &format!("svc{n}@example.com")).await;
        clicks.spawn(async move { person.submits().await.expect("a form to submit").closed });
    }
    assert!(clicks.join_all().await.into_iter().all(|closed| closed), "every submission is taken");
    settle(&all).await;
    let bot = &all[0];
    // A channel takes a short burst at once, then a message a second.
    bot.clock.advance(Duration::from_secs(5));
    settle(&all).await;
    assert_eq!((created_emails(bot).len(), bot.slack.channel(CARDS).len()), (3, APPROVERS.len() - 3));
}
