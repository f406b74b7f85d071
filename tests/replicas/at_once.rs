//! Two replicas at the same moment: one decision, one acceptance, one form, and nothing done twice.

use marketo_api_user::{
    playground::{Mode, Playground},
    sim::{render, slack::SimUser, user::User},
};
use tokio::task::JoinSet;

use crate::support::{
    ADA, CARDS, OPS, RAE, asks, count, created, end, fills, insists, options, postgres, replicas, runs,
    settle, until,
};

const FAST: &str = "\n[replicas]\nlease = \"10m\"\n";
const APPROVERS: [&str; 5] = ["U0APPROVE", "U1", "U2", "U3", "U4"];

/// Two replicas with five approvers who are named, at a time that stands still.
async fn two(mode: Mode) -> Option<Vec<Playground>> {
    let mut options = options(postgres().await?, mode, FAST);
    options.policy =
        options.policy.replace("\"U0APPROVE\", \"S0MOPS\"", &format!("{APPROVERS:?}")[1..].replace(']', ""));
    for id in &APPROVERS[1..] {
        options.slack.users.push(SimUser::member(id, &id.to_lowercase(), id, "Europe/Vienna"));
    }
    let cards = options.slack.channels.iter_mut().find(|channel| channel.id == CARDS).expect("the channel");
    cards.members.extend(APPROVERS[1..].iter().map(|id| (*id).to_owned()));
    let running = runs(&options.clock);
    let all = replicas(options, 1).await;
    drop(running);
    Some(all)
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_approvals_and_denials_at_once_make_one_decision_and_every_loser_hears_who_decided() {
    for round in 0..3 {
        let Some(all) = two(Mode::Pumped).await else { return };
        let play = &all[0];
        asks(&play.person(RAE), "svc@example.com").await;
        settle(&all).await;
        let card = play.slack.channel(CARDS).remove(0);
        // Two approvers have the form for a denial open already, one on each replica.
        let deniers: Vec<User> = (0..2).map(|n| all[n].person(APPROVERS[3 + n])).collect();
        for denier in &deniers {
            denier.clicks(&card, "Deny").await.expect("the button");
            denier.sees_modal().await.expect("the form for a denial");
            denier.fills(&[("Reason", "not now")]).await.expect("a reason");
        }
        let mut acts = JoinSet::new();
        for (n, denier) in deniers.into_iter().enumerate() {
            acts.spawn(async move {
                if n == round % 2 {
                    tokio::task::yield_now().await;
                }
                denier.submits().await.expect("the form").reply.status
            });
        }
        for n in 0..18 {
            let (person, card) = (all[n % 2].person(APPROVERS[n % 3]), card.clone());
            let label = if n % 6 < 4 { "Approve" } else { "Deny" };
            acts.spawn(async move { insists(&person, &card, label).await });
        }
        assert_eq!(acts.join_all().await, [200; 20]);
        settle(&all).await;
        let card = render::message(&play.slack.channel(CARDS)[0], &play.slack.names());
        let is_denied = card.contains("Denied");
        assert_ne!(is_denied, card.contains("created"), "{card}");
        assert_eq!(created(play).len(), usize::from(!is_denied));
        assert_eq!(count(play, "invite"), usize::from(!is_denied));
        let mut told = play.slack.ephemerals();
        told.retain(|one| !one.text.to_lowercase().contains("try again"));
        let word = if is_denied { "already denied by <@" } else { "already approved by <@" };
        for one in &told {
            assert!(one.text.contains(word), "{}", one.text);
        }
        let names: std::collections::BTreeSet<_> =
            told.iter().map(|one| one.text.split("<@").nth(1).map(|rest| rest[..2].to_owned())).collect();
        assert_eq!(names.len(), 1, "all name the same person: {told:?}");
        // Whoever pressed Deny before the decision got a form instead of an answer; all others but one lost.
        let forms = play.slack.calls_to("views.open").len() - 3;
        assert_eq!(told.len() + forms + 1, 20);
        let errors = play.slack.channel(CARDS).iter().filter(|message| message.text.contains("rror")).count();
        assert_eq!(errors, 0);
        end(all).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_to_both_replicas_acts_once() {
    let Some(all) = two(Mode::Pumped).await else { return };
    let (here, there) = (&all[0], &all[1]);
    let rae = here.person(RAE);
    // The command, to the letter and signed anew.
    let typed = rae.types(OPS, "/marketo-api-user").await;
    let again = there.work.send(&typed.sent).await;
    here.clock.advance(std::time::Duration::from_secs(1));
    let sent = &typed.sent;
    let anew = there.work.post_signed(&sent.path, &sent.content_type, &sent.body).await;
    assert_eq!((typed.status, again.status, anew.status), (200, 200, 200));
    settle(&all).await;
    assert_eq!(here.slack.calls_to("views.open").len(), 1, "one form");
    // The submitted form, opened by one replica and submitted to the other.
    fills(&rae, "svc@example.com").await;
    let submitted = there.person(RAE).submits().await.expect("the form");
    assert!(submitted.closed, "{:?}", submitted.errors);
    let sent = &submitted.reply.sent;
    let again = here.work.send(sent).await;
    here.clock.advance(std::time::Duration::from_secs(1));
    let anew = here.work.post_signed(&sent.path, &sent.content_type, &sent.body).await;
    assert_eq!((again.status, again.body.as_str(), anew.status, anew.body.as_str()), (200, "", 200, ""));
    settle(&all).await;
    assert_eq!(here.slack.channel(CARDS).len(), 1, "one card");
    // The form for a denial.
    let card = here.slack.channel(CARDS).remove(0);
    let pressed = here.person(ADA).clicks(&card, "Deny").await.expect("the button");
    there.work.send(&pressed.sent).await;
    here.clock.advance(std::time::Duration::from_secs(1));
    let sent = &pressed.sent;
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
    assert_eq!((count(here, "invite"), created(here).len()), (1, 1));
    assert!(here.slack.ephemerals().is_empty(), "a repeated press is no late press");
    end(all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_forms_for_one_e_mail_at_once_make_one_request() {
    let Some(all) = two(Mode::Pumped).await else { return };
    for round in 0..5 {
        let people = [all[0].person(RAE), all[1].person("U0SECOND")];
        let email = format!("svc{round}@example.com");
        for person in &people {
            person.types(OPS, "/marketo-api-user").await;
            person.sees_modal().await.expect("the form");
            fills(person, &email).await;
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
    }
    end(all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_carry_out_twenty_approvals_without_doing_anything_twice() {
    let Some(all) = two(Mode::Live).await else { return };
    let play = &all[0];
    for n in 0..20 {
        asks(&all[n % 2].person(RAE), &format!("svc{n:02}@example.com")).await;
    }
    let running = runs(&play.clock);
    until("every card is there", async || play.slack.channel(CARDS).len() == 20).await;
    for (n, card) in play.slack.channel(CARDS).into_iter().enumerate() {
        assert_eq!(all[n % 2].person(ADA).clicks(&card, "Approve").await.expect("the button").status, 200);
    }
    until("everything is done", async || {
        let depth = play.depth().await.expect("the database answers");
        created(play).len() == 20 && (depth.due, depth.later, depth.dead_letters) == (0, 0, 0)
    })
    .await;
    drop(running);
    assert_eq!(count(play, "invite"), 20, "one invite each");
    let posts = play.slack.calls_to("chat.postMessage").len();
    assert_eq!(posts, 60, "for each a card, a direct message and an announcement");
    assert_eq!(play.slack.channel(OPS).len(), 20);
    end(all).await;
}
