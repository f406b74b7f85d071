//! Many people click at once, on cards of different revisions: there is one decision, on the revision that its maker
//! saw.

use marketo_api_user::sim::slack::{SimMessage, SimUser};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::test_bot::{CARDS, Database, TestBot, assert_empty_ack, options};

const APPROVERS: [&str; 5] = ["U0APPROVE", "U1", "U2", "U3", "U4"];

/// A bot with five named approvers.
async fn five(database: &Database) -> TestBot {
    let mut setup = options();
    setup.database_url = database.fresh().await;
    let named = format!("approvers = {APPROVERS:?}");
    setup.policy = setup.policy.replace("approvers = [\"U0APPROVE\", \"S0MOPS\"]", &named);
    for id in &APPROVERS[1..] {
        setup.slack.users.push(SimUser::member(id, &id.to_lowercase(), id, "Europe/Vienna"));
    }
    let cards = setup.slack.channels.iter_mut().find(|channel| channel.id == CARDS).unwrap();
    cards.members.extend(APPROVERS[1..].iter().map(|id| (*id).to_owned()));
    TestBot::with(setup).await
}

/// The card with buttons of this revision.
fn of_revision(card: &SimMessage, revision: u32) -> SimMessage {
    fn walk(value: &mut Value, revision: u32) {
        match value {
            Value::Object(map) => {
                if map.get("type") == Some(&json!("button")) {
                    let id = map["value"].as_str().unwrap().split('@').next().unwrap();
                    let seen = json!(format!("{id}@{revision}"));
                    map.insert("value".to_owned(), seen);
                }
                map.values_mut().for_each(|value| walk(value, revision));
            }
            Value::Array(values) => values.iter_mut().for_each(|value| walk(value, revision)),
            _ => {}
        }
    }
    let mut card = card.clone();
    walk(&mut card.blocks, revision);
    card
}

/// Clicks **Approve** twenty times at once on revisions 1 and 2, while `others` run.
async fn click_twenty_times(bot: &TestBot, card: &SimMessage, mut others: JoinSet<()>) {
    for click in 0..20 {
        let person = bot.person(APPROVERS[click % APPROVERS.len()]);
        let card = of_revision(card, if click % 2 == 0 { 1 } else { 2 });
        others.spawn(async move {
            let mut reply = person.clicks_stale(&card, "Approve").await.unwrap();
            // A person whose click failed clicks again.
            while reply.status == 503 {
                reply = person.clicks_stale(&card, "Approve").await.unwrap();
            }
            assert_empty_ack(&reply);
        });
    }
    while let Some(acted) = others.join_next().await {
        acted.unwrap();
    }
    bot.drain().await.unwrap();
}

/// Asserts that every click but the deciding one was refused with a reason.
fn assert_losers_are_told(bot: &TestBot, decided: usize) {
    let answer: Vec<String> = APPROVERS.iter().flat_map(|id| bot.ephemerals_to(id)).collect();
    assert_eq!(answer.len(), 20 - decided, "{answer:#?}");
    let known =
        |answer: &String| answer.contains("changed since you looked") || answer.contains("already approved");
    assert!(answer.iter().all(known), "{answer:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_approvals_of_two_revisions_decide_on_the_latest() {
    for database in Database::all() {
        let bot = five(&database).await;
        bot.rae_requests(&[]).await;
        bot.rae_edits(&[("Role", "API Only - EMEA")]).await;
        click_twenty_times(&bot, &bot.card(), JoinSet::new()).await;
        assert_losers_are_told(&bot, 1);
        assert_eq!(
            (bot.marketo.invites(), bot.created_users()[0].roles.as_slice()),
            (1, [(102, 1)].as_slice())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_during_an_edit_decide_at_most_once_on_the_seen_revision() {
    for database in Database::all() {
        for _ in 0..3 {
            let bot = five(&database).await;
            bot.rae_requests(&[]).await;
            bot.rae_opens_edit().await;
            bot.rae.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
            let card = bot.card();
            let mut others = JoinSet::new();
            let rae = bot.rae.clone();
            others.spawn(async move {
                rae.submits().await.unwrap();
            });
            click_twenty_times(&bot, &card, others).await;
            let is_edited = bot.card_text().contains("API Only - EMEA");
            assert_eq!(is_edited, bot.rae.open_view().is_none(), "a refused form stays open");
            let decided = bot.marketo.invites();
            assert_losers_are_told(&bot, decided);
            if decided == 0 {
                // Every click on the new revision came too early.
                assert!(is_edited);
                bot.clicks(&bot.ada, "Approve").await;
            }
            let role = if is_edited { 102 } else { 101 };
            assert_eq!((bot.marketo.invites(), bot.created_users().len()), (1, 1));
            assert_eq!(bot.created_users()[0].roles, [(role, 1)]);
        }
    }
}
