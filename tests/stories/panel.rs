//! Several who must agree: who counts, what everybody sees of it, and what ends it.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::{playground::Options, sim::slack::SimUser};
use tokio::task::JoinSet;

use crate::support::{ADA, CARDS, Database, House, RAE, SAM, assert_quiet, policy};

/// `needed` of these approvers must agree.
fn asking(needed: u32, approvers: &[&str]) -> Options {
    let mut options = policy(&format!("approvals_needed = {needed}\n"));
    let list = format!("approvers = {approvers:?}");
    options.policy = options.policy.replace("approvers = [\"U0APPROVE\", \"S0MOPS\"]", &list);
    let more = approvers.iter().filter(|id| id.starts_with("U0MORE"));
    let users: Vec<SimUser> =
        more.map(|id| SimUser::member(id, &id.to_lowercase(), id, "Europe/Vienna")).collect();
    let cards = options.slack.channels.iter_mut().find(|channel| channel.id == CARDS).unwrap();
    cards.members.extend(users.iter().map(|user| user.id.clone()).chain([RAE.to_owned()]));
    options.slack.users.extend(users);
    options
}

#[tokio::test]
async fn the_card_counts_approvals_and_names_who_gave_them() {
    let mut setup = asking(2, &["S0MOPS", "U0MORE1"]);
    setup.slack.groups[0].users.push(RAE.to_owned());
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    assert_snapshot!("card_waits_for_two", house.slack.transcript(CARDS));
    house.presses(&house.ada, "Approve").await;
    assert_snapshot!("card_with_one_of_two", house.slack.transcript(CARDS));
    assert_snapshot!("requester_with_one_of_two", house.direct(RAE));
    // The same person counts once, and the requester never.
    house.presses(&house.ada, "Approve").await;
    assert_snapshot!("agreed_before", house.whispers(ADA));
    house.presses(&house.rae, "Approve").await;
    assert_snapshot!("agrees_to_own", house.whispers(RAE));
    house.card_says(&["Approvals: 1 of 2, by @Ada Approver"]);
    assert_eq!(house.marketo.invites(), 0);
    house.presses(&house.sam, "Approve").await;
    assert_snapshot!("card_with_two_of_two", house.slack.transcript(CARDS));
    assert_eq!((house.marketo.invites(), house.created().len()), (1, 1));
    // Later ones are told that it is decided, and by whom.
    let card = house.slack.channel(CARDS).remove(0);
    assert!(house.person("U0MORE1").clicks(&card, "Approve").await.is_err(), "no buttons any more");
    house.ends().await;
}

#[tokio::test]
async fn one_denial_ends_it_whoever_agreed_before() {
    let house = House::with(asking(3, &["U0APPROVE", "U0SECOND", "U0MORE1", "U0MORE2"])).await;
    house.rae_asks(&[]).await;
    house.presses(&house.ada, "Approve").await;
    house.presses_first(&house.person("U0MORE1"), "Approve").await;
    let card = house.slack.channel(CARDS).remove(0);
    assert_quiet(&house.sam.clicks(&card, "Deny").await.unwrap());
    house.sam.fills(&[("Reason", "There is one already")]).await.unwrap();
    assert!(house.sam.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    assert_snapshot!("card_denied_with_two_of_three", house.slack.transcript(CARDS));
    assert_quiet(&house.person("U0MORE2").clicks_stale(&card, "Approve").await.unwrap());
    house.drain().await.unwrap();
    assert!(house.whispers("U0MORE2").contains("already denied by @Sam Second"));
    assert_eq!(house.marketo.invites(), 0);
    house.ends().await;
}

#[tokio::test]
async fn whoever_agreed_may_deny_after_all() {
    let house = House::with(asking(2, &["U0APPROVE", "U0SECOND"])).await;
    house.rae_asks(&[]).await;
    house.presses(&house.ada, "Approve").await;
    let card = house.slack.channel(CARDS).remove(0);
    assert_quiet(&house.ada.clicks(&card, "Deny").await.unwrap());
    house.ada.fills(&[("Reason", "On second thoughts")]).await.unwrap();
    assert!(house.ada.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    assert!(house.slack.transcript(CARDS).contains("Denied by @Ada Approver"));
    house.ends().await;
}

#[tokio::test]
async fn the_last_approval_after_the_time_is_up_approves_nothing() {
    let house = House::with(asking(2, &["U0APPROVE", "U0SECOND"])).await;
    house.rae_asks(&[]).await;
    house.presses(&house.ada, "Approve").await;
    let stale = house.slack.channel(CARDS).remove(0);
    // Nobody carried out the timer yet.
    house.clock.advance(Duration::from_secs(7 * 24 * 3600));
    assert_quiet(&house.sam.clicks_stale(&stale, "Approve").await.unwrap());
    house.drain().await.unwrap();
    assert!(house.slack.transcript(CARDS).contains("Expired."));
    assert!(house.whispers(SAM).contains("This request expired"), "{}", house.whispers(SAM));
    assert_eq!(house.marketo.invites(), 0);
    house.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_approvals_at_once_exactly_as_many_count_as_are_needed() {
    let ids = ["U0APPROVE", "U0SECOND", "U0MORE1", "U0MORE2", "U0MORE3", "U0MORE4"];
    for (database, needed) in Database::all().iter().flat_map(|database| [(database, 2), (database, 3)]) {
        let mut setup = asking(needed, &ids);
        setup.database_url = database.fresh().await;
        let house = House::with(setup).await;
        house.rae_asks(&[]).await;
        let card = house.slack.channel(CARDS).remove(0);
        let mut acts = JoinSet::new();
        // Everybody presses twice.
        for id in ids.iter().chain(&ids) {
            let (person, card) = (house.person(id), card.clone());
            acts.spawn(async move { person.clicks_stale(&card, "Approve").await.unwrap().status });
        }
        assert!(acts.join_all().await.into_iter().all(|status| status == 200), "{database:?}");
        house.drain().await.unwrap();
        assert_eq!((house.marketo.invites(), house.created().len()), (1, 1), "{database:?}");
        let card = house.slack.transcript(CARDS);
        let line = card.lines().find(|line| line.contains("Approved by")).unwrap();
        let named = ids.iter().filter(|id| line.contains(house.slack.names().user(id))).count();
        assert_eq!(named, usize::try_from(needed).unwrap(), "{line}");
        // Every other press is told why it counts for nothing.
        assert_eq!(house.slack.ephemerals().len(), 2 * ids.len() - named, "{database:?}");
        house.ends().await;
    }
}
