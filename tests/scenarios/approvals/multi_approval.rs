//! Requests that need several approvals: whose count, what everyone sees, and what ends them.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::{playground::Options, sim::slack::SimUser};
use tokio::task::JoinSet;

use crate::test_bot::{ADA, CARDS, Database, RAE, SAM, TestBot, assert_empty_ack, policy};

/// `needed` of these approvers must approve.
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

#[tokio::test(flavor = "multi_thread")]
async fn card_counts_approvals_and_names_approvers() {
    let mut setup = asking(2, &["S0MOPS", "U0MORE1"]);
    setup.slack.groups[0].users.push(RAE.to_owned());
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    assert_snapshot!("card_waits_for_two", bot.slack.transcript(CARDS));
    bot.clicks(&bot.ada, "Approve").await;
    assert_snapshot!("card_with_one_of_two", bot.slack.transcript(CARDS));
    assert_snapshot!("requester_with_one_of_two", bot.direct_messages(RAE));
    // The same person counts once, and the requester never.
    bot.clicks(&bot.ada, "Approve").await;
    assert_snapshot!("already_approved", bot.ephemeral_texts(ADA));
    bot.clicks(&bot.rae, "Approve").await;
    assert_snapshot!("own_approval", bot.ephemeral_texts(RAE));
    bot.card_says(&["Approvals: 1 of 2, by @Ada Approver"]);
    assert_eq!(bot.marketo.invites(), 0);
    bot.clicks(&bot.sam, "Approve").await;
    assert_snapshot!("card_with_two_of_two", bot.slack.transcript(CARDS));
    assert_eq!((bot.marketo.invites(), bot.created_users().len()), (1, 1));
    // Later clicks hear who decided.
    let card = bot.slack.channel(CARDS).remove(0);
    assert!(bot.person("U0MORE1").clicks(&card, "Approve").await.is_err(), "no buttons any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_denial_overrides_earlier_approvals() {
    let bot = TestBot::with(asking(3, &["U0APPROVE", "U0SECOND", "U0MORE1", "U0MORE2"])).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    bot.clicks_first(&bot.person("U0MORE1"), "Approve").await;
    let card = bot.slack.channel(CARDS).remove(0);
    assert_empty_ack(&bot.sam.clicks(&card, "Deny").await.unwrap());
    bot.sam.fills(&[("Reason", "There is one already")]).await.unwrap();
    assert!(bot.sam.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    assert_snapshot!("card_denied_with_two_of_three", bot.slack.transcript(CARDS));
    assert_empty_ack(&bot.person("U0MORE2").clicks_stale(&card, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    assert!(bot.ephemeral_texts("U0MORE2").contains("already denied by @Sam Second"));
    assert_eq!(bot.marketo.invites(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn approver_can_still_deny_after_approving() {
    let bot = TestBot::with(asking(2, &["U0APPROVE", "U0SECOND"])).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    let card = bot.slack.channel(CARDS).remove(0);
    assert_empty_ack(&bot.ada.clicks(&card, "Deny").await.unwrap());
    bot.ada.fills(&[("Reason", "On second thoughts")]).await.unwrap();
    assert!(bot.ada.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    assert!(bot.slack.transcript(CARDS).contains("Denied by @Ada Approver"));
}

#[tokio::test(flavor = "multi_thread")]
async fn approval_after_the_timeout_is_refused() {
    let bot = TestBot::with(asking(2, &["U0APPROVE", "U0SECOND"])).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    let stale = bot.slack.channel(CARDS).remove(0);
    // The timer has not run yet.
    bot.clock.advance(Duration::from_secs(7 * 24 * 3600));
    assert_empty_ack(&bot.sam.clicks_stale(&stale, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    assert!(bot.slack.transcript(CARDS).contains("Expired."));
    assert!(bot.ephemeral_texts(SAM).contains("This request expired"), "{}", bot.ephemeral_texts(SAM));
    assert_eq!(bot.marketo.invites(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_approvals_count_exactly_as_many_as_required() {
    let ids = ["U0APPROVE", "U0SECOND", "U0MORE1", "U0MORE2", "U0MORE3", "U0MORE4"];
    for (database, needed) in Database::all().iter().flat_map(|database| [(database, 2), (database, 3)]) {
        let mut setup = asking(needed, &ids);
        setup.database_url = database.fresh().await;
        let bot = TestBot::with(setup).await;
        bot.rae_requests(&[]).await;
        let card = bot.slack.channel(CARDS).remove(0);
        let mut acts = JoinSet::new();
        // Everyone clicks twice.
        for id in ids.iter().chain(&ids) {
            let (person, card) = (bot.person(id), card.clone());
            acts.spawn(async move { person.clicks_stale(&card, "Approve").await.unwrap().status });
        }
        assert!(acts.join_all().await.into_iter().all(|status| status == 200), "{database:?}");
        bot.drain().await.unwrap();
        assert_eq!((bot.marketo.invites(), bot.created_users().len()), (1, 1), "{database:?}");
        let card = bot.slack.transcript(CARDS);
        let line = card.lines().find(|line| line.contains("Approved by")).unwrap();
        let named = ids.iter().filter(|id| line.contains(bot.slack.names().user(id))).count();
        assert_eq!(named, usize::try_from(needed).unwrap(), "{line}");
        // Every other click is refused with a reason.
        assert_eq!(bot.slack.ephemerals().len(), 2 * ids.len() - named, "{database:?}");
    }
}
