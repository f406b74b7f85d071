//! Simultaneous actions on two replicas: one decision, one accepted form, and nothing done twice.

use std::time::Duration;

use marketo_api_user::{
    playground::Mode,
    sim::{render, slack::SimUser, user::User},
};
use tokio::task::JoinSet;

use super::cluster::{
    ADA, CARDS, Cluster, OPS, RAE, click_until_accepted, created_emails, fill_form, marketo_calls, options,
    postgres, replicas, run_clock, settle, submit_request, wait_until,
};

const FAST: &str = "\n[replicas]\nlease = \"10m\"\n";
const APPROVERS: [&str; 5] = ["U0APPROVE", "U1", "U2", "U3", "U4"];

/// Two replicas with five named approvers and a stopped clock.
async fn two(mode: Mode) -> Option<Cluster> {
    let mut options = options(postgres().await?, mode, FAST);
    options.policy =
        options.policy.replace("\"U0APPROVE\", \"S0MOPS\"", &format!("{APPROVERS:?}")[1..].replace(']', ""));
    for id in &APPROVERS[1..] {
        options.slack.users.push(SimUser::member(id, &id.to_lowercase(), id, "Europe/Vienna"));
    }
    let cards = options.slack.channels.iter_mut().find(|channel| channel.id == CARDS).expect("the channel");
    cards.members.extend(APPROVERS[1..].iter().map(|id| (*id).to_owned()));
    let running = run_clock(&options.clock);
    let all = replicas(options, 1).await;
    drop(running);
    Some(all)
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_decisions_have_one_winner_and_losers_are_told() {
    for round in 0..3 {
        let Some(all) = two(Mode::Pumped).await else { return };
        let bot = &all[0];
        submit_request(&bot.person(RAE), "svc@example.com").await;
        settle(&all).await;
        let card = bot.slack.channel(CARDS).remove(0);
        // Two approvers already have the denial form open, one on each replica.
        let deniers: Vec<User> = (0..2).map(|n| all[n].person(APPROVERS[3 + n])).collect();
        for denier in &deniers {
            denier.clicks(&card, "Deny").await.expect("the button");
            denier.sees_modal().await.expect("the form for a denial");
            denier.fills(&[("Reason", "not now")]).await.expect("a reason");
        }
        let mut clicks = JoinSet::new();
        for (n, denier) in deniers.into_iter().enumerate() {
            clicks.spawn(async move {
                if n == round % 2 {
                    tokio::task::yield_now().await;
                }
                let submitted = denier.submits().await.expect("the form");
                let word = submitted.errors.get("Reason").map(String::as_str).unwrap_or_default();
                assert!(submitted.closed || word.contains("already"), "{submitted:?}");
                submitted.reply.status
            });
        }
        for n in 0..18 {
            let (person, card) = (all[n % 2].person(APPROVERS[n % 3]), card.clone());
            let label = if n % 6 < 4 { "Approve" } else { "Deny" };
            clicks.spawn(async move { click_until_accepted(&person, &card, label).await });
        }
        assert_eq!(clicks.join_all().await, [200; 20]);
        settle(&all).await;
        let card = render::message(&bot.slack.channel(CARDS)[0], &bot.slack.names());
        let is_denied = card.contains("Denied");
        assert_ne!(is_denied, card.contains("created"), "{card}");
        assert_eq!(created_emails(bot).len(), usize::from(!is_denied));
        assert_eq!(marketo_calls(bot, "invite"), usize::from(!is_denied));
        let mut answer = bot.slack.ephemerals();
        answer.retain(|one| !one.text.to_lowercase().contains("try again"));
        let word = if is_denied { "already denied by <@" } else { "already approved by <@" };
        for one in &answer {
            assert!(one.text.contains(word), "{}", one.text);
        }
        let names: std::collections::BTreeSet<_> =
            answer.iter().map(|one| one.text.split("<@").nth(1).map(|rest| rest[..2].to_owned())).collect();
        assert_eq!(names.len(), 1, "all name the same person: {answer:?}");
        // A click on Deny before the decision opens a form. A late form stays open and says why. All other clicks but one lose.
        let forms = bot.slack.calls_to("views.open").len() - 3;
        let late = APPROVERS[3..5].iter().filter(|id| bot.slack.open_view(id).is_some()).count();
        assert_eq!(answer.len() + forms + late + 1, 20);
        let errors = bot.slack.channel(CARDS).iter().filter(|message| message.text.contains("rror")).count();
        assert_eq!(errors, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn delivery_to_both_replicas_acts_once() {
    let Some(all) = two(Mode::Pumped).await else { return };
    let (here, there) = (&all[0], &all[1]);
    let rae = here.person(RAE);
    // The command, byte-identical and signed anew.
    let typed = rae.types(OPS, "/marketo-api-user").await;
    let again = there.work.send(&typed.sent).await;
    here.clock.advance(std::time::Duration::from_secs(1));
    let sent = &typed.sent;
    let anew = there.work.post_signed(&sent.path, &sent.content_type, &sent.body).await;
    assert_eq!((typed.status, again.status, anew.status), (200, 200, 200));
    settle(&all).await;
    assert_eq!(here.slack.calls_to("views.open").len(), 1, "one form");
    // The submitted form, opened by one replica and submitted to the other.
    fill_form(&rae, "svc@example.com").await;
    let submitted = there.person(RAE).submits().await.expect("the form");
    assert!(submitted.closed, "{:?}", submitted.errors);
    let sent = &submitted.reply.sent;
    let again = here.work.send(sent).await;
    here.clock.advance(std::time::Duration::from_secs(1));
    let anew = here.work.post_signed(&sent.path, &sent.content_type, &sent.body).await;
    assert_eq!((again.status, again.body.as_str(), anew.status, anew.body.as_str()), (200, "", 200, ""));
    settle(&all).await;
    assert_eq!(here.slack.channel(CARDS).len(), 1, "one card");
    // The denial form.
    let card = here.slack.channel(CARDS).remove(0);
    let clicked = here.person(ADA).clicks(&card, "Deny").await.expect("the button");
    there.work.send(&clicked.sent).await;
    here.clock.advance(std::time::Duration::from_secs(1));
    let sent = &clicked.sent;
    there.work.post_signed(&sent.path, &sent.content_type, &sent.body).await;
    settle(&all).await;
    assert_eq!(here.slack.calls_to("views.open").len(), 2, "one form for a denial");
    // The approval.
    let approved = here.person(ADA).clicks(&card, "Approve").await.expect("the button");
    let again = there.work.send(&approved.sent).await;
    here.clock.advance(std::time::Duration::from_secs(1));
    let sent = &approved.sent;
    let anew = there.work.post_signed(&sent.path, &sent.content_type, &sent.body).await;
    assert_eq!((approved.status, again.status, anew.status), (200, 200, 200));
    settle(&all).await;
    assert_eq!((marketo_calls(here, "invite"), created_emails(here).len()), (1, 1));
    assert!(here.slack.ephemerals().is_empty(), "a redelivered click is not a late click");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_forms_for_one_email_make_one_request() {
    let Some(all) = two(Mode::Pumped).await else { return };
    for round in 0..5 {
        let people = [all[0].person(RAE), all[1].person("U0SECOND")];
        let email = format!("svc{round}@example.com");
        for person in &people {
            person.types(OPS, "/marketo-api-user").await;
            person.sees_modal().await.expect("the form");
            fill_form(person, &email).await;
        }
        let (one, other) = tokio::join!(people[0].submits(), people[1].submits());
        let (one, other) = (one.expect("a form"), other.expect("a form"));
        assert_ne!(one.closed, other.closed, "one is accepted");
        let lost = if one.closed { &other } else { &one };
        assert!(lost.errors["Email"].contains("already open"), "{:?}", lost.errors);
        let loser = if one.closed { &people[1] } else { &people[0] };
        loser.closes().await.expect("a form to close");
        settle(&all).await;
        assert_eq!(all[0].slack.channel(CARDS).len(), round + 1);
        // A channel takes a short burst at once, then a message a second.
        all[0].clock.advance(Duration::from_secs(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_execute_each_effect_once() {
    let Some(all) = two(Mode::Live).await else { return };
    let bot = &all[0];
    for n in 0..20 {
        submit_request(&all[n % 2].person(RAE), &format!("svc{n:02}@example.com")).await;
    }
    let running = run_clock(&bot.clock);
    wait_until("every card is there", async || bot.slack.channel(CARDS).len() == 20).await;
    for (n, card) in bot.slack.channel(CARDS).into_iter().enumerate() {
        assert_eq!(all[n % 2].person(ADA).clicks(&card, "Approve").await.expect("the button").status, 200);
    }
    wait_until("everything is done", async || {
        let depth = bot.depth().await.expect("the database answers");
        created_emails(bot).len() == 20 && (depth.due, depth.later, depth.dead_letters) == (0, 0, 0)
    })
    .await;
    drop(running);
    assert_eq!(marketo_calls(bot, "invite"), 20, "one invite each");
    let posts = bot.slack.calls_to("chat.postMessage").len();
    assert_eq!(posts, 60, "for each a card, a direct message and an announcement");
    assert_eq!(bot.slack.channel(OPS).len(), 20);
}
