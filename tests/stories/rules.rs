//! Rules: other requests, other people who decide, other demands, other channels; and so many a week without anybody.

use insta::assert_snapshot;
use marketo_api_user::{
    playground::Options,
    sim::slack::{SimChannel, SimGroup, SimMessage, SimUser},
};
use tokio::task::JoinSet;

use crate::support::{ADA, CARDS, Database, FORM, House, OPS, RAE, SAM, assert_quiet, options, policy};

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

#[tokio::test]
async fn a_rule_for_a_role_chooses_who_decides_and_where_and_the_card_says_why() {
    let house = House::with(setup()).await;
    house.rae_asks(&[("Role", "API Only - EMEA")]).await;
    assert!(house.slack.channel(CARDS).is_empty());
    assert_snapshot!("card_of_a_rule", house.slack.transcript("C0EMEA"));
    assert_snapshot!("requester_of_a_rule", house.direct(RAE));
    let card = only(house.slack.channel("C0EMEA"));
    assert_quiet(&house.ada.clicks(&card, "Approve").await.unwrap());
    house.drain().await.unwrap();
    assert_snapshot!("approver_of_other_requests", house.whispers(ADA));
    assert_quiet(&house.sam.clicks(&card, "Approve").await.unwrap());
    house.drain().await.unwrap();
    assert_eq!(house.created().len(), 1);
    house.ends().await;
}

#[tokio::test]
async fn a_rule_for_an_e_mail_domain_demands_more_of_the_form() {
    let house = House::with(setup()).await;
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    for email in ["svc-crm@partner.example.com", "svc-crm@PARTNER.example.org"] {
        house.rae.fills(&[("Email", email), ("Access expiration", "2027-01-31")]).await.unwrap();
        let errors = house.rae.submits().await.unwrap().errors;
        assert!(errors["Reason"].starts_with("Explain what the user is for"), "{errors:?}");
        assert_eq!(errors["Access expiration"], "Access can last until 2026-12-24 at the latest.");
        house.rae.fills(&[("Access expiration", "")]).await.unwrap();
        let errors = house.rae.submits().await.unwrap().errors;
        assert!(errors["Access expiration"].starts_with("Choose the last day of access"), "{errors:?}");
    }
    house.rae.fills(&[("Reason", "Leads of a partner"), ("Access expiration", "2026-12-24")]).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.card_says(&["Approval rule: “partners”", "@Ada Approver or @mops"]);
    house.presses(&house.ada, "Approve").await;
    assert_eq!(house.marketo.invites(), 1);
    house.ends().await;
}

#[tokio::test]
async fn a_rule_for_a_group_or_a_channel_holds_for_whoever_is_in_it_when_they_ask() {
    for is_group in [true, false] {
        let house = House::with(setup()).await;
        house.opens_form(&house.rae, "/marketo-api-user").await;
        house.rae.fills(&FORM).await.unwrap();
        if is_group {
            house.slack.set_group("S0INTERNS", &[RAE]);
        } else {
            house.slack.set_channel(SimChannel::public("C0INTERNS", "interns", &[RAE]));
        }
        // The lists are fetched anew in the background.
        house.waits(121).await;
        house.slack.wait_for(|slack| slack.calls_to("conversations.members").len() > 1).await;
        house.drain().await.unwrap();
        let errors = house.rae.submits().await.unwrap().errors;
        assert_eq!(errors["Access expiration"], "Access can last until 2026-12-04 at the latest.");
        house.rae.fills(&[("Access expiration", "2026-12-04")]).await.unwrap();
        assert!(house.rae.submits().await.unwrap().closed);
        house.drain().await.unwrap();
        // Whoever leaves the group has still asked as one of it.
        house.slack.set_group("S0INTERNS", &[]);
        house.slack.set_channel(SimChannel::public("C0INTERNS", "interns", &[]));
        house.waits(121).await;
        house.presses(&house.ada, "Approve").await;
        assert!(house.whispers(ADA).contains("Only approvers"), "{}", house.whispers(ADA));
        house.presses(&house.sam, "Approve").await;
        assert_eq!(house.created().len(), 1);
        house.ends().await;
    }
}

#[tokio::test]
async fn a_rule_for_a_channel_holds_where_the_command_is_typed() {
    let house = House::with(setup()).await;
    assert_quiet(&house.rae.types("C0SALES", "/marketo-api-user").await);
    house.rae.fills(&FORM).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.card_says(&["Approvers: @Sam Second\n", "Approval rule: “rule[3]”"]);
    house.presses(&house.sam, "Approve").await;
    assert_eq!((house.slack.channel("C0SALES").len(), house.slack.channel(OPS).len()), (1, 0));
    house.ends().await;
}

fn capped(most: u32) -> String {
    format!(
        "\n[[rule]]\nname = \"sandbox\"\nrole = \"API Only\"\napproval = \"none\"\nauto_per_week = {most}\n\
         max_access = \"3650d\"\n[[rule]]\nname = \"beyond\"\nrole = \"API Only\"\napprovers = [\"U0SECOND\"]\n\
         max_access = \"90d\"\n"
    )
}

#[tokio::test]
async fn so_many_a_week_need_no_approval_and_the_next_rule_holds_for_those_beyond() {
    let house = House::with(policy(&capped(2))).await;
    for email in ["svc1@example.com", "svc2@example.com"] {
        house.rae_asks(&[("Email", email)]).await;
        house.waits(3600).await;
    }
    assert!(house.slack.channel(CARDS).is_empty());
    assert_eq!(house.marketo.invites(), 2);
    // What the rule beyond demands is demanded before it is known which one holds.
    house.opens_form(&house.rae, "/marketo-api-user").await;
    house.rae.fills(&FORM).await.unwrap();
    house.rae.fills(&[("Access expiration", "2027-03-31")]).await.unwrap();
    let errors = house.rae.submits().await.unwrap().errors;
    assert_eq!(errors["Access expiration"], "Access can last until 2027-02-22 at the latest.");
    house.rae.closes().await.unwrap();
    house.rae_asks(&[]).await;
    assert_snapshot!("card_beyond_the_week", house.slack.transcript(CARDS));
    assert_eq!(house.marketo.invites(), 2);
    house.presses(&house.sam, "Approve").await;
    // The one that was approved does not count, and the first is out of the week now.
    house.waits(7 * 24 * 3600 - 2 * 3600).await;
    house.rae_asks(&[("Email", "svc4@example.com")]).await;
    house.rae_asks(&[("Email", "svc5@example.com")]).await;
    assert_eq!((house.slack.channel(CARDS).len(), house.marketo.invites()), (2, 4));
    let card = house.slack.channel(CARDS).pop().unwrap();
    assert_quiet(&house.sam.clicks(&card, "Approve").await.unwrap());
    house.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_exactly_so_many_need_no_approval() {
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
        let house = House::with(setup).await;
        let mut acts = JoinSet::new();
        for (n, id) in ids.iter().enumerate() {
            let person = house.person(id);
            house.opens_form(&person, "/marketo-api-user").await;
            person.fills(&FORM).await.unwrap();
            person.fills(&[("Email", &format!("svc{n}@example.com"))]).await.unwrap();
            acts.spawn(async move { person.submits().await.unwrap().closed });
        }
        assert!(acts.join_all().await.into_iter().all(|closed| closed), "{database:?}");
        house.drain().await.unwrap();
        let cards = house.slack.channel(CARDS);
        assert_eq!((house.marketo.invites(), cards.len()), (3, ASK - 3), "{database:?}");
        for card in cards {
            assert_quiet(&house.sam.clicks(&card, "Approve").await.unwrap());
            house.drain().await.unwrap();
        }
        assert_eq!(house.marketo.invites(), ASK, "{database:?}");
        house.ends().await;
    }
}
