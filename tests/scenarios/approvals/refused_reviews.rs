//! Reviews that are refused: wider than the request, by a non-approver, or too late.

use marketo_api_user::{
    playground::FIRST,
    sim::marketo::{self, SimWorkspace},
};
use serde_json::{Value, json};

use crate::test_bot::{ADA, CARDS, RAE, TestBot, assert_empty_ack, forged, options};

type Change = fn(&mut Value);

#[tokio::test(flavor = "multi_thread")]
async fn forged_review_cannot_exceed_the_request() {
    let mut setup = options();
    setup.marketo.workspaces = vec![SimWorkspace::new(1, "Default"), SimWorkspace::new(7, "EMEA")];
    setup.policy.push_str("workspaces = [\"Default\"]\n");
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.opens_review(&bot.ada).await;
    // The later day is in the form itself, as a person could choose it.
    bot.ada.fills(&[("Access expiration", "2027-02-01")]).await.unwrap();
    let later = bot.ada.submits().await.unwrap();
    assert!(later.errors["Access expiration"].contains("Access was requested until 2027-01-31"), "{later:?}");
    let sent = later.reply.sent;
    let values = |change: Change| {
        forged(&bot, &sent, |payload| {
            let values = &mut payload["view"]["state"]["values"];
            values["expiration"]["value"]["selected_date"] = json!("2027-01-31");
            change(values);
        })
    };
    let wider: [(&str, Change); 7] = [
        ("expiration", |values| values["expiration"]["value"]["selected_date"] = json!("2027-02-01")),
        ("expiration", |values| values["expiration"]["value"]["selected_date"] = json!("9999-12-31")),
        ("expiration", |values| values["expiration"]["value"]["selected_date"] = Value::Null),
        // A field that is not in the form cannot carry an error.
        ("role", |values| {
            values.as_object_mut().unwrap().remove("expiration");
        }),
        // A role and a workspace of Marketo that the policy does not offer.
        ("role", |values| values["role"]["value"]["selected_option"]["value"] = json!("1")),
        ("role", |values| values["role"]["value"]["selected_option"]["value"] = json!("101 OR 1=1")),
        ("workspace", |values| {
            values["workspace"] =
                json!({"value": {"type": "static_select", "selected_option": {"value": "7"}}})
        }),
    ];
    for (number, (field, change)) in wider.into_iter().enumerate() {
        let reply = bot.work.send(&values(change)).await;
        let answer: Value = serde_json::from_str(&reply.body).unwrap();
        let beside: Vec<&String> = answer["errors"].as_object().unwrap().keys().collect();
        assert_eq!(
            (beside, &answer["response_action"]),
            (vec![&field.to_owned()], &json!("errors")),
            "{number}"
        );
    }
    bot.drain().await.unwrap();
    bot.card_says(&["requests a Marketo API user"]);
    assert_eq!(bot.marketo.invites(), 0);
    // The same form can still approve the request as it is.
    assert_empty_ack(&bot.work.send(&values(|_| {})).await);
    bot.drain().await.unwrap();
    assert_eq!(bot.created_users()[0].roles, [(101, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn non_approver_gets_no_review_and_cannot_forge_one() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["user_not_in_channel"]);
    bot.rae_requests(&[]).await;
    let olga = bot.person("U0OUT");
    for person in [&bot.rae, &olga] {
        assert_empty_ack(&person.clicks(&bot.card(), "Review").await.unwrap());
        bot.drain().await.unwrap();
        assert!(person.open_view().is_none());
    }
    assert!(bot.ephemeral_texts(RAE).contains("someone else has to decide"), "{}", bot.ephemeral_texts(RAE));
    assert!(bot.ephemeral_texts("U0OUT").contains("Only approvers are allowed to do this"));
    bot.opens_review(&bot.ada).await;
    bot.ada.fills(&[("Access expiration", "2027-02-01")]).await.unwrap();
    let sent = bot.ada.submits().await.unwrap().reply.sent;
    for user in [RAE, "U0OUT", "U0GUEST"] {
        let request = forged(&bot, &sent, |payload| {
            payload["user"]["id"] = json!(user);
            payload["trigger_id"] = json!(format!("1.2.{user}"));
            payload["view"]["state"]["values"]["expiration"]["value"]["selected_date"] = json!("2027-01-31");
        });
        let reply = bot.work.send(&request).await;
        let why = if user == RAE { "your own request" } else { "Only approvers" };
        assert!(reply.body.contains(why), "{}", reply.body);
        bot.drain().await.unwrap();
    }
    assert_eq!(bot.marketo.invites(), 0);
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_review_changes_nothing_and_is_reported() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    let stale = bot.card();
    bot.opens_review(&bot.ada).await;
    bot.ada.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    bot.clicks(&bot.sam, "Approve").await;
    let refused = bot.ada.submits().await.unwrap();
    assert!(refused.errors["Note"].contains("Someone else was faster"), "{refused:?}");
    bot.drain().await.unwrap();
    assert!(bot.ephemerals_to(ADA).is_empty());
    assert_empty_ack(&bot.ada.clicks_stale(&stale, "Review").await.unwrap());
    bot.drain().await.unwrap();
    assert!(bot.ephemeral_texts(ADA).contains("already approved by @Sam Second"));
    assert_eq!(bot.created_users()[0].roles, [(101, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_denial_from_review_is_reported_in_the_form() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.opens_review(&bot.ada).await;
    assert_empty_ack(&bot.ada.clicks_in_modal("Deny").await.unwrap());
    bot.drain().await.unwrap();
    bot.ada.fills(&[("Reason", "No")]).await.unwrap();
    bot.clicks(&bot.sam, "Approve").await;
    let refused = bot.ada.submits().await.unwrap();
    assert!(refused.errors["Reason"].contains("already approved"), "{refused:?}");
    bot.drain().await.unwrap();
    assert!(bot.ephemerals_to(ADA).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn open_review_of_a_decided_request_opens_no_denial_form() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.opens_review(&bot.ada).await;
    bot.clicks(&bot.sam, "Approve").await;
    assert_empty_ack(&bot.ada.clicks_in_modal("Deny").await.unwrap());
    bot.drain().await.unwrap();
    let [answer] = bot.slack.ephemerals_for(ADA).try_into().unwrap();
    assert!(answer.channel == CARDS && answer.text.contains("already approved"), "{answer:?}");
    assert!(bot.slack.calls_to("views.push").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_role_needs_approvers_of_its_own_rule() {
    let mut setup = options();
    setup.policy.push_str("\n[[rule]]\nrole = \"API Only - EMEA\"\napprovers = [\"U0SECOND\"]\n");
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.opens_review(&bot.ada).await;
    bot.ada.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    let refused = bot.ada.submits().await.unwrap();
    assert!(refused.errors["Role"].contains("Other people have to approve that choice"), "{refused:?}");
    bot.drain().await.unwrap();
    assert!(bot.ephemeral_texts(ADA).contains("Ask @Sam Second"), "{}", bot.ephemeral_texts(ADA));
    assert_eq!(bot.marketo.invites(), 0);
    bot.reviews(&bot.sam, &[("Role", "API Only - EMEA")]).await;
    assert_eq!(bot.created_users()[0].roles, [(102, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn review_offers_only_roles_of_the_requested_instance() {
    let mut setup = options();
    let mut second = marketo::Setup::default();
    second.roles.retain(|role| role.name != "API Only - EMEA");
    setup.second_marketo = Some(second);
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.opens_review(&bot.ada).await;
    assert!(bot.modal_text(&bot.ada).contains(&format!("Marketo instance: {FIRST}")));
    bot.ada.fills(&[("Role", "API Only - EMEA"), ("Access expiration", "2027-02-01")]).await.unwrap();
    let refused = bot.ada.submits().await.unwrap();
    assert!(refused.errors["Access expiration"].contains("2027-01-31"), "{refused:?}");
    let sent = refused.reply.sent;
    let admin = forged(&bot, &sent, |payload| {
        let values = &mut payload["view"]["state"]["values"];
        values["expiration"]["value"]["selected_date"] = json!("2027-01-31");
        values[format!("role:{FIRST}")]["value"]["selected_option"]["value"] = json!("1");
    });
    let answer: Value = serde_json::from_str(&bot.work.send(&admin).await.body).unwrap();
    assert!(answer["errors"][format!("role:{FIRST}")].is_string(), "{answer}");
    bot.ada.fills(&[("Access expiration", "2027-01-31")]).await.unwrap();
    assert!(bot.ada.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    assert_eq!(bot.created_users()[0].roles, [(102, 1)]);
}
