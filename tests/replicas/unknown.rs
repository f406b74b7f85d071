//! A connection that is lost around a COMMIT: whether it was carried out or not, nothing is lost and nothing doubled.

use std::time::Duration;

use marketo_api_user::playground::{Mode, Playground};

use crate::{
    proxy::{Around, Proxy},
    support::{ADA, CARDS, OPS, RAE, count, created, end, fills, options, postgres, replicas, runs},
};

/// A playground whose network is good so far, with Rae's form filled in.
async fn house() -> Option<(Proxy, Vec<Playground>)> {
    let (network, database) = Proxy::before(&postgres().await?).await;
    let options = options(database, Mode::Pumped, "");
    let running = runs(&options.clock);
    let all = replicas(options, 0).await;
    drop(running);
    let rae = all[0].person(RAE);
    rae.types(OPS, "/marketo-api-user").await;
    rae.sees_modal().await.expect("the form");
    fills(&rae, "svc@example.com").await;
    Some((network, all))
}

/// Carries out what is due until nothing is, whatever the database does meanwhile; leases that were lost end.
async fn work(play: &Playground) {
    for _ in 0..8 {
        while play.drain().await.is_err() {}
        play.clock.advance(Duration::from_secs(31));
    }
    play.drain().await.expect("the database answers by now");
}

async fn ends_as_it_should(play: &Playground, how: &str) {
    assert_eq!((count(play, "invite"), created(play).len()), (1, 1), "{how}");
    assert_eq!(play.slack.channel(CARDS).len(), 1, "{how}: {}", play.slack.transcript(CARDS));
    assert_eq!(play.slack.channel(OPS).len(), 1, "{how}: {}", play.slack.transcript(OPS));
    assert_eq!(play.slack.dm(RAE).len(), 1, "{how}");
    let depth = play.depth().await.expect("the database answers");
    assert_eq!((depth.due, depth.later, depth.dead_letters), (0, 0, 0), "{how}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_whose_commit_is_lost_is_kept_once() {
    for around in [Around::Before, Around::After] {
        let Some((network, all)) = house().await else { return };
        let play = &all[0];
        let rae = play.person(RAE);
        network.cut_at_commit(1, around);
        let submitted = rae.submits().await.expect("the form");
        assert!(!network.is_set());
        // Kept and said to be kept, or not kept and said not to be.
        assert_eq!(submitted.closed, around == Around::After, "{:?}", submitted.errors);
        if !submitted.closed {
            assert!(submitted.errors["Email"].starts_with("Nothing was saved"));
            assert!(rae.submits().await.expect("the form").closed);
        }
        work(play).await;
        assert_eq!(play.slack.channel(CARDS).len(), 1);
        end(all).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_whose_commit_is_lost_creates_one_user() {
    for around in [Around::Before, Around::After] {
        let Some((network, all)) = house().await else { return };
        let play = &all[0];
        assert!(play.person(RAE).submits().await.expect("the form").closed);
        play.drain().await.expect("the database answers");
        let card = play.slack.channel(CARDS).remove(0);
        network.cut_at_commit(1, around);
        let ada = play.person(ADA);
        assert_eq!(ada.clicks(&card, "Approve").await.expect("the button").status, 503);
        assert!(!network.is_set());
        assert_eq!(ada.clicks(&card, "Approve").await.expect("the button").status, 200);
        work(play).await;
        ends_as_it_should(play, &format!("{around:?}")).await;
        let told: Vec<_> = play.slack.ephemerals_for(ADA).into_iter().map(|one| one.text).collect();
        let late = told.iter().filter(|text| text.contains("already approved by <@U0APPROVE>")).count();
        assert_eq!(late, usize::from(around == Around::After), "{told:?}");
        end(all).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_commit_of_the_work_is_lost_one_user_is_created_and_every_message_posted_once() {
    for around in [Around::After, Around::Before] {
        let mut nth = 0;
        loop {
            nth += 1;
            let Some((network, all)) = house().await else { return };
            let play = &all[0];
            assert!(play.person(RAE).submits().await.expect("the form").closed);
            play.drain().await.expect("the database answers");
            let card = play.slack.channel(CARDS).remove(0);
            assert_eq!(play.person(ADA).clicks(&card, "Approve").await.expect("the button").status, 200);
            network.cut_at_commit(nth, around);
            work(play).await;
            let was_reached = !network.is_set();
            ends_as_it_should(play, &format!("commit {nth}, {around:?}")).await;
            end(all).await;
            if !was_reached || nth == 24 {
                break;
            }
        }
        println!("{nth} commits were lost one after the other, {around:?}");
        assert!(nth > 8);
    }
}
