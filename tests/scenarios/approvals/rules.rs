//! Rules: other approvers, required fields and channels for some requests, and weekly auto-approval.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::{
    clock::Clock,
    playground::Options,
    sim::slack::{SimChannel, SimGroup, SimMessage, SimUser},
};
use tokio::task::JoinSet;

use crate::test_bot::{
    ADA, CARDS, Database, FORM, OPS, RAE, SAM, TestBot, assert_empty_ack, options, policy,
};

const RULES: &str = r#"
[[rule]]
name = "EMEA"
role = "API Only - EMEA"
approvers = ["U0SECOND"]
approval_channel = "C0EMEA"

[[rule]]
name = "partners"
email_domain = ["partner.example.com", "partner.example.org"]
reason = "required"
expiration = "required"
max_access = "30d"

[[rule]]
name = "interns"
requester = ["S0INTERNS", "C0INTERNS"]
max_access = "10d"
approvers = ["U0SECOND"]

[[rule]]
channel = "C0SALES"
approvers = ["U0SECOND"]
"#;

fn setup() -> Options {
    let mut options = policy(RULES);
    options.slack.channels.extend([
        SimChannel::public("C0EMEA", "emea-leads", &[ADA, SAM]),
        SimChannel::public("C0SALES", "sales", &[RAE, ADA, SAM]),
        SimChannel::public("C0INTERNS", "interns", &[]),
    ]);
    options.slack.groups.push(SimGroup {
        id: "S0INTERNS".to_owned(),
        handle: "interns".to_owned(),
        users: Vec::new(),
    });
    options
}

fn only(messages: Vec<SimMessage>) -> SimMessage {
    let [message] = messages.try_into().expect("one message");
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn role_rule_selects_approvers_and_channel_and_is_shown_on_the_card() {
    let bot = TestBot::with(setup()).await;
    bot.rae_requests(&[("Role", "API Only - EMEA")]).await;
    assert!(bot.slack.channel(CARDS).is_empty());
    assert_snapshot!("card_of_a_rule", bot.slack.transcript("C0EMEA"));
    assert_snapshot!("requester_of_a_rule", bot.direct_messages(RAE));
    let card = only(bot.slack.channel("C0EMEA"));
    assert_empty_ack(&bot.ada.clicks(&card, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    assert_snapshot!("approver_of_other_requests", bot.ephemeral_texts(ADA));
    assert_empty_ack(&bot.sam.clicks(&card, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    assert_eq!(bot.created_users().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn email_domain_rule_requires_more_fields() {
    let bot = TestBot::with(setup()).await;
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    for email in ["svc-crm@partner.example.com", "svc-crm@PARTNER.example.org"] {
        bot.rae.fills(&[("Email", email), ("Access expiration", "2027-01-31")]).await.unwrap();
        let errors = bot.rae.submits().await.unwrap().errors;
        assert!(errors["Reason"].starts_with("Explain what the user is for"), "{errors:?}");
        assert_eq!(errors["Access expiration"], "Access can last until 2026-12-24 at the latest.");
        bot.rae.fills(&[("Access expiration", "")]).await.unwrap();
        let errors = bot.rae.submits().await.unwrap().errors;
        assert!(errors["Access expiration"].starts_with("Choose the last day of access"), "{errors:?}");
    }
    bot.rae.fills(&[("Reason", "Leads of a partner"), ("Access expiration", "2026-12-24")]).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.card_says(&["Approval rule: “partners”", "@Ada Approver or @mops"]);
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(bot.marketo.invites(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn group_and_channel_rules_use_membership_at_submission() {
    for is_group in [true, false] {
        let bot = TestBot::with(setup()).await;
        bot.opens_form(&bot.rae, "/marketo-api-user").await;
        bot.rae.fills(&FORM).await.unwrap();
        if is_group {
            bot.slack.set_group("S0INTERNS", &[RAE]);
        } else {
            bot.slack.set_channel(SimChannel::public("C0INTERNS", "interns", &[RAE]));
        }
        // The lists are refreshed in the background. Once the second round has begun, the first is stored.
        let calls = || bot.slack.calls_to("conversations.members").len();
        let second_round = calls() + 2;
        while calls() < second_round {
            bot.advance(121).await;
            Clock::system().sleep(Duration::from_millis(5)).await;
        }
        let errors = bot.rae.submits().await.unwrap().errors;
        assert_eq!(errors["Access expiration"], "Access can last until 2026-12-04 at the latest.");
        bot.rae.fills(&[("Access expiration", "2026-12-04")]).await.unwrap();
        assert!(bot.rae.submits().await.unwrap().closed);
        bot.drain().await.unwrap();
        // A requester who leaves the group requested as a member of it.
        bot.slack.set_group("S0INTERNS", &[]);
        bot.slack.set_channel(SimChannel::public("C0INTERNS", "interns", &[]));
        bot.advance(121).await;
        bot.clicks(&bot.ada, "Approve").await;
        assert!(bot.ephemeral_texts(ADA).contains("Only approvers"), "{}", bot.ephemeral_texts(ADA));
        bot.clicks(&bot.sam, "Approve").await;
        assert_eq!(bot.created_users().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn channel_rule_applies_to_commands_from_that_channel() {
    let bot = TestBot::with(setup()).await;
    assert_empty_ack(&bot.rae.types("C0SALES", "/marketo-api-user").await);
    bot.rae.fills(&FORM).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.card_says(&["Approvers: @Sam Second\n", "Approval rule: “rule[3]”"]);
    bot.clicks(&bot.sam, "Approve").await;
    assert_eq!((bot.slack.channel("C0SALES").len(), bot.slack.channel(OPS).len()), (1, 0));
}

fn capped(most: u32) -> String {
    format!(
        "\n[[rule]]\nname = \"sandbox\"\nrole = \"API Only\"\napproval = \"none\"\nauto_per_week = {most}\n\
         max_access = \"3650d\"\n[[rule]]\nname = \"beyond\"\nrole = \"API Only\"\napprovers = [\"U0SECOND\"]\n\
         max_access = \"90d\"\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_weekly_limit_fall_to_the_next_rule() {
    let bot = TestBot::with(policy(&capped(2))).await;
    for email in ["svc1@example.com", "svc2@example.com"] {
        bot.rae_requests(&[("Email", email)]).await;
        bot.advance(3600).await;
    }
    assert!(bot.slack.channel(CARDS).is_empty());
    assert_eq!(bot.marketo.invites(), 2);
    // Fields of the next rule are required before it is known which rule applies.
    bot.opens_form(&bot.rae, "/marketo-api-user").await;
    bot.rae.fills(&FORM).await.unwrap();
    bot.rae.fills(&[("Access expiration", "2027-03-31")]).await.unwrap();
    let errors = bot.rae.submits().await.unwrap().errors;
    assert_eq!(errors["Access expiration"], "Access can last until 2027-02-22 at the latest.");
    bot.rae.closes().await.unwrap();
    bot.rae_requests(&[]).await;
    assert_snapshot!("card_beyond_the_weekly_limit", bot.slack.transcript(CARDS));
    assert_eq!(bot.marketo.invites(), 2);
    bot.clicks(&bot.sam, "Approve").await;
    // The approved request does not count, and the first is older than a week now.
    bot.advance(7 * 24 * 3600 - 2 * 3600).await;
    bot.rae_requests(&[("Email", "svc4@example.com")]).await;
    bot.rae_requests(&[("Email", "svc5@example.com")]).await;
    assert_eq!((bot.slack.channel(CARDS).len(), bot.marketo.invites()), (2, 4));
    let card = bot.slack.channel(CARDS).pop().unwrap();
    assert_empty_ack(&bot.sam.clicks(&card, "Approve").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_respect_the_weekly_auto_approval_limit() {
    const ASK: usize = 8;
    for database in Database::all() {
        let mut setup = options();
        setup.policy.push_str(&capped(3));
        setup.database_url = database.fresh().await;
        let ids: Vec<String> = (0..ASK).map(|n| format!("U0ASK{n}")).collect();
        let user = |id: &String| SimUser::member(id, &id.to_lowercase(), id, "Europe/Vienna");
        setup.slack.users.extend(ids.iter().map(user));
        let ops = setup.slack.channels.iter_mut().find(|channel| channel.id == OPS).unwrap();
        ops.members.extend(ids.clone());
        let bot = TestBot::with(setup).await;
        let mut acts = JoinSet::new();
        for (n, id) in ids.iter().enumerate() {
            let person = bot.person(id);
            bot.opens_form(&person, "/marketo-api-user").await;
            person.fills(&FORM).await.unwrap();
            person.fills(&[("Email", &format!("svc{n}@example.com"))]).await.unwrap();
            acts.spawn(async move { person.submits().await.unwrap().closed });
        }
        assert!(acts.join_all().await.into_iter().all(|closed| closed), "{database:?}");
        // A channel takes a short burst at once, then a message a second.
        bot.advance(5).await;
        let cards = bot.slack.channel(CARDS);
        assert_eq!((bot.marketo.invites(), cards.len()), (3, ASK - 3), "{database:?}");
        for card in cards {
            assert_empty_ack(&bot.sam.clicks(&card, "Approve").await.unwrap());
            bot.advance(1).await;
        }
        assert_eq!(bot.marketo.invites(), ASK, "{database:?}");
    }
}
