//! What a review cannot do: approve more than was asked for, or serve whoever may not decide, or comes too late.

use marketo_api_user::{
    playground::FIRST,
    sim::marketo::{self, SimWorkspace},
};
use serde_json::{Value, json};

use crate::support::{ADA, CARDS, House, RAE, assert_quiet, forged, options};

type Change = fn(&mut Value);

#[tokio::test]
async fn a_forged_review_approves_nothing_wider() {
    let mut setup = options();
    setup.marketo.workspaces = vec![SimWorkspace::new(1, "Default"), SimWorkspace::new(7, "EMEA")];
    setup.policy.push_str("workspaces = [\"Default\"]\n");
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    house.opens_review(&house.ada).await;
    // The later day is in the form itself, as a person could choose it.
    house.ada.fills(&[("Access expiration", "2027-02-01")]).await.unwrap();
    let later = house.ada.submits().await.unwrap();
    assert!(later.errors["Access expiration"].contains("Access was asked for until 2027-01-31"), "{later:?}");
    let sent = later.reply.sent;
    let values = |change: Change| {
        forged(&house, &sent, |payload| {
            let values = &mut payload["view"]["state"]["values"];
            values["expiration"]["value"]["selected_date"] = json!("2027-01-31");
            change(values);
        })
    };
    let wider: [(&str, Change); 7] = [
        ("expiration", |values| values["expiration"]["value"]["selected_date"] = json!("2027-02-01")),
        ("expiration", |values| values["expiration"]["value"]["selected_date"] = json!("9999-12-31")),
        ("expiration", |values| values["expiration"]["value"]["selected_date"] = Value::Null),
        // A fault cannot stand beside a field that is not there.
        ("role", |values| {
            values.as_object_mut().unwrap().remove("expiration");
        }),
        // A role of Marketo that the policy does not offer, and a workspace that it does not.
        ("role", |values| values["role"]["value"]["selected_option"]["value"] = json!("1")),
        ("role", |values| values["role"]["value"]["selected_option"]["value"] = json!("101 OR 1=1")),
        ("workspace", |values| {
            values["workspace"] =
                json!({"value": {"type": "static_select", "selected_option": {"value": "7"}}})
        }),
    ];
    for (number, (field, change)) in wider.into_iter().enumerate() {
        let reply = house.work.send(&values(change)).await;
        let answer: Value = serde_json::from_str(&reply.body).unwrap();
        let beside: Vec<&String> = answer["errors"].as_object().unwrap().keys().collect();
        assert_eq!(
            (beside, &answer["response_action"]),
            (vec![&field.to_owned()], &json!("errors")),
            "{number}"
        );
    }
    house.drain().await.unwrap();
    house.card_says(&["asks for a Marketo API user"]);
    assert_eq!(house.marketo.invites(), 0);
    // The same form still approves what was asked for.
    assert_quiet(&house.work.send(&values(|_| {})).await);
    house.drain().await.unwrap();
    assert_eq!(house.created()[0].roles, [(101, 1)]);
    house.ends().await;
}

#[tokio::test]
async fn who_may_not_decide_gets_no_review_and_no_form_of_theirs_counts() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    let olga = house.person("U0OUT");
    for person in [&house.rae, &olga] {
        assert_quiet(&person.clicks(&house.card(), "Review").await.unwrap());
        house.drain().await.unwrap();
        assert!(person.open_view().is_none());
    }
    assert!(house.whispers(RAE).contains("somebody else decides"), "{}", house.whispers(RAE));
    assert!(house.whispers("U0OUT").contains("Only an approver may do this"));
    house.opens_review(&house.ada).await;
    house.ada.fills(&[("Access expiration", "2027-02-01")]).await.unwrap();
    let sent = house.ada.submits().await.unwrap().reply.sent;
    for user in [RAE, "U0OUT", "U0GUEST"] {
        let request = forged(&house, &sent, |payload| {
            payload["user"]["id"] = json!(user);
            payload["trigger_id"] = json!(format!("1.2.{user}"));
            payload["view"]["state"]["values"]["expiration"]["value"]["selected_date"] = json!("2027-01-31");
        });
        assert_quiet(&house.work.send(&request).await);
        house.drain().await.unwrap();
    }
    assert_eq!(house.marketo.invites(), 0);
    house.cancels().await;
    house.ends_despite(&["user_not_in_channel"]).await;
}

#[tokio::test]
async fn a_review_that_comes_too_late_changes_nothing_and_says_so() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    let stale = house.card();
    house.opens_review(&house.ada).await;
    house.ada.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    house.presses(&house.sam, "Approve").await;
    assert!(house.ada.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    assert!(house.whispers(ADA).contains("already approved by @Sam Second"), "{}", house.whispers(ADA));
    assert_quiet(&house.ada.clicks_stale(&stale, "Review").await.unwrap());
    house.drain().await.unwrap();
    assert!(house.ada.open_view().is_none());
    assert_eq!((house.told(ADA).len(), house.created()[0].roles.as_slice()), (2, [(101, 1)].as_slice()));
    house.ends().await;
}

#[tokio::test]
async fn a_denial_in_a_review_that_comes_too_late_is_told_where_the_card_is() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.opens_review(&house.ada).await;
    assert_quiet(&house.ada.clicks_in_modal("Deny").await.unwrap());
    house.slack.wait_for(|slack| slack.calls_to("views.push").len() == 1).await;
    house.ada.fills(&[("Reason", "No")]).await.unwrap();
    house.presses(&house.sam, "Approve").await;
    assert!(house.ada.submits().await.unwrap().closed);
    assert!(house.ada.open_view().is_none());
    house.drain().await.unwrap();
    let [told] = house.slack.ephemerals_for(ADA).try_into().unwrap();
    assert!(told.channel == CARDS && told.text.contains("already approved"), "{told:?}");
    house.ends().await;
}

#[tokio::test]
async fn a_review_that_is_open_when_the_request_is_decided_opens_no_form_for_a_denial() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.opens_review(&house.ada).await;
    house.presses(&house.sam, "Approve").await;
    assert_quiet(&house.ada.clicks_in_modal("Deny").await.unwrap());
    house.drain().await.unwrap();
    let [told] = house.slack.ephemerals_for(ADA).try_into().unwrap();
    assert!(told.channel == CARDS && told.text.contains("already approved"), "{told:?}");
    assert!(house.slack.calls_to("views.push").is_empty());
    house.ends().await;
}

#[tokio::test]
async fn a_role_on_which_others_decide_is_approved_by_them_only() {
    let mut setup = options();
    setup.policy.push_str("\n[[rule]]\nrole = \"API Only - EMEA\"\napprovers = [\"U0SECOND\"]\n");
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    house.opens_review(&house.ada).await;
    house.ada.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    let refused = house.ada.submits().await.unwrap();
    assert!(refused.errors["Role"].contains("it is for others to decide"), "{refused:?}");
    house.drain().await.unwrap();
    assert!(house.whispers(ADA).contains("Ask @Sam Second"), "{}", house.whispers(ADA));
    assert_eq!(house.marketo.invites(), 0);
    house.reviews(&house.sam, &[("Role", "API Only - EMEA")]).await;
    assert_eq!(house.created()[0].roles, [(102, 1)]);
    house.ends().await;
}

#[tokio::test]
async fn of_several_instances_only_the_roles_of_the_asked_one_are_offered() {
    let mut setup = options();
    let mut second = marketo::Setup::default();
    second.roles.retain(|role| role.name != "API Only - EMEA");
    setup.second_marketo = Some(second);
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    house.opens_review(&house.ada).await;
    assert!(house.modal(&house.ada).contains(&format!("Marketo instance: {FIRST}")));
    house.ada.fills(&[("Role", "API Only - EMEA"), ("Access expiration", "2027-02-01")]).await.unwrap();
    let refused = house.ada.submits().await.unwrap();
    assert!(refused.errors["Access expiration"].contains("2027-01-31"), "{refused:?}");
    let sent = refused.reply.sent;
    let admin = forged(&house, &sent, |payload| {
        let values = &mut payload["view"]["state"]["values"];
        values["expiration"]["value"]["selected_date"] = json!("2027-01-31");
        values[format!("role:{FIRST}")]["value"]["selected_option"]["value"] = json!("1");
    });
    let answer: Value = serde_json::from_str(&house.work.send(&admin).await.body).unwrap();
    assert!(answer["errors"][format!("role:{FIRST}")].is_string(), "{answer}");
    house.ada.fills(&[("Access expiration", "2027-01-31")]).await.unwrap();
    assert!(house.ada.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    assert_eq!(house.created()[0].roles, [(102, 1)]);
    house.ends().await;
}
