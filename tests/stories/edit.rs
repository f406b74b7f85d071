//! A requester changes a request that nobody has decided on.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::{
    playground::{FIRST, SECOND},
    sim::{marketo, slack::SimUser},
};
use serde_json::{Value, json};
use tokio::join;

use crate::support::{ADA, CARDS, House, RAE, SAM, assert_quiet, forged, options, policy};

#[tokio::test]
async fn the_form_comes_back_filled_in_and_what_is_saved_is_what_marketo_gets() {
    let house = House::open().await;
    house.rae_asks(&[("Reason", "CRM sync")]).await;
    house.opens_edit().await;
    assert_snapshot!("edit", house.modal(&house.rae));
    let changed = [
        ("Email", "svc-erp@example.com"),
        ("First name", "Service"),
        ("Reason", "ERP sync"),
        ("Access expiration", "2027-03-31"),
        ("Role", "API Only - EMEA"),
    ];
    house.rae.fills(&changed).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    assert_snapshot!("edited_card", house.slack.transcript(CARDS));
    assert_snapshot!("edited_requester", house.direct(RAE));
    house.presses(&house.ada, "Approve").await;
    assert_eq!(
        house.invites(),
        [json!({
            "emailAddress": "svc-erp@example.com", "firstName": "Service", "lastName": "Crm", "apiOnly": true,
            "reason": "ERP sync", "expiresAt": "2027-03-31T23:59:59-07:00",
            "userRoleWorkspaces": [{"accessRoleId": 102, "workspaceId": 1}],
        })]
    );
    house.ends().await;
}

#[tokio::test]
async fn a_form_that_is_saved_as_it_was_changes_nothing() {
    let house = House::with(policy("approvals_needed = 2\n")).await;
    house.rae_asks(&[]).await;
    house.presses(&house.ada, "Approve").await;
    let before = house.slack.transcript(CARDS);
    house.edits(&[]).await;
    assert_eq!(house.slack.transcript(CARDS), before, "the approval still counts");
    house.presses(&house.sam, "Approve").await;
    house.card_says(&["Approved by @Ada Approver and @Sam Second", "created"]);
    house.ends().await;
}

#[tokio::test]
async fn approvals_lapse_with_an_edit_and_the_card_says_so() {
    let house = House::with(policy("approvals_needed = 2\n")).await;
    house.rae_asks(&[]).await;
    house.presses(&house.ada, "Approve").await;
    house.card_says(&["Approvals: 1 of 2, by @Ada Approver"]);
    let (stale, form) = (house.card(), "The request changed since you looked at it");
    house.edits(&[("Role", "API Only - EMEA")]).await;
    assert_snapshot!("approvals_lapsed", house.slack.transcript(CARDS));
    // Sam's screen still shows what Ada agreed to.
    assert_quiet(&house.sam.clicks_stale(&stale, "Approve").await.unwrap());
    house.drain().await.unwrap();
    assert!(house.whispers(SAM).contains(form), "{}", house.whispers(SAM));
    house.card_says(&["Approvals: 0 of 2"]);
    house.presses(&house.sam, "Approve").await;
    house.card_says(&["Approvals: 1 of 2, by @Sam Second"]);
    assert_eq!(house.marketo.invites(), 0);
    house.presses(&house.ada, "Approve").await;
    house.card_says(&["Approved by @Sam Second and @Ada Approver", "created"]);
    assert_eq!(house.created()[0].roles, [(102, 1)]);
    house.ends().await;
}

#[tokio::test]
async fn an_edit_while_an_approver_clicks_is_either_approved_or_refused_but_never_mixed() {
    for round in 0..6 {
        let house = House::open().await;
        house.rae_asks(&[]).await;
        house.opens_edit().await;
        house.rae.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
        let card = house.card();
        let (saved, clicked) = if round % 2 == 0 {
            join!(house.rae.submits(), house.ada.clicks_stale(&card, "Approve"))
        } else {
            let (clicked, saved) = join!(house.ada.clicks_stale(&card, "Approve"), house.rae.submits());
            (saved, clicked)
        };
        assert!(saved.unwrap().closed);
        assert_quiet(&clicked.unwrap());
        house.drain().await.unwrap();
        if house.marketo.invites() == 1 {
            assert_eq!(house.created()[0].roles, [(101, 1)], "what Ada saw");
            assert!(house.whispers(RAE).contains("already approved by @Ada Approver"));
            assert!(house.told(ADA).is_empty());
        } else {
            assert!(house.whispers(ADA).contains("changed since you looked"), "{}", house.whispers(ADA));
            house.presses(&house.ada, "Approve").await;
            assert_eq!(house.created()[0].roles, [(102, 1)]);
        }
        house.ends().await;
    }
}

#[tokio::test]
async fn an_edit_is_checked_as_a_new_request_is() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.opens_form(&house.rae, "/marketo-api-user other@example.com").await;
    let other = [("First name", "Other"), ("Last name", "One"), ("Role", "API Only")];
    house.rae.fills(&other).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.opens_edit().await;
    for (field, wrong, said) in [
        ("Email", "other@example.com", "already open"),
        ("Email", "grace@example.com", "Marketo already has a user"),
        ("Email", "nobody", "such as svc-crm@example.com"),
        ("First name", "", "Enter a first name"),
        ("Access expiration", "2026-11-23", "That date has passed"),
        ("Access expiration", "2028-01-01", "2027-11-24 at the latest"),
    ] {
        house.rae.fills(&[("Email", "svc-crm@example.com"), ("First name", "Svc")]).await.unwrap();
        house.rae.fills(&[("Access expiration", "2027-01-31"), (field, wrong)]).await.unwrap();
        let refused = house.rae.submits().await.unwrap();
        assert!(refused.errors[field].contains(said), "{field} {wrong}: {:?}", refused.errors);
        assert_eq!(refused.errors.len(), 1);
    }
    // Its own e-mail is no other request's, however it is written.
    let fields = [("Email", "SVC-CRM@example.com"), ("Access expiration", "2027-01-30")];
    house.rae.fills(&fields).await.unwrap();
    let saved = house.rae.submits().await.unwrap();
    assert!(saved.closed, "{:?}", saved.errors);
    house.drain().await.unwrap();
    let card = house.slack.channel(CARDS).remove(0);
    assert_quiet(&house.ada.clicks(&card, "Approve").await.unwrap());
    house.drain().await.unwrap();
    assert_eq!(house.invites()[0]["emailAddress"], "SVC-CRM@example.com");
    let other = house.slack.dm(RAE).into_iter().find(|one| one.text.contains("other@example.com")).unwrap();
    assert_quiet(&house.rae.clicks(&other, "Cancel request").await.unwrap());
    house.ends().await;
}

#[tokio::test]
async fn who_may_no_longer_ask_may_not_edit_either() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.opens_edit().await;
    house.rae.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    let rae = house.slack.setup().users.into_iter().find(|user| user.id == RAE).unwrap();
    house.slack.set_user(SimUser { is_restricted: true, ..rae });
    house.clock.advance(Duration::from_secs(3600));
    // What Slack says is heard when a form opens.
    house.opens_edit().await;
    house.rae.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    let refused = house.rae.submits().await.unwrap();
    assert!(refused.errors["Email"].contains("Guests are not allowed"), "{refused:?}");
    assert!(!house.card_text().contains("Changed by"));
    house.cancels().await;
    house.ends().await;
}

#[tokio::test]
async fn nobody_but_the_requester_edits() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    let pressed = house.rae.clicks(&house.request_message(), "Edit").await.unwrap().sent;
    house.drain().await.unwrap();
    house.rae.fills(&[("First name", "")]).await.unwrap();
    let sent = house.rae.submits().await.unwrap().reply.sent;
    for user in [ADA, "U0SECOND"] {
        let press = forged(&house, &pressed, |payload| {
            payload["user"]["id"] = json!(user);
            payload["trigger_id"] = json!(format!("1.2.{user}"));
        });
        assert_quiet(&house.work.send(&press).await);
        house.drain().await.unwrap();
        assert!(house.person(user).open_view().is_none());
        // They have asked for something before, so that Slack's word about them is at hand.
        house.opens_form(&house.person(user), "/marketo-api-user").await;
        let save = forged(&house, &sent, |payload| {
            payload["user"]["id"] = json!(user);
            payload["view"]["state"]["values"]["first_name"]["value"]["value"] = json!("Mine");
        });
        assert_quiet(&house.work.send(&save).await);
        house.drain().await.unwrap();
    }
    assert!(!house.card_text().contains("Mine"));
    house.cancels().await;
    house.ends_despite(&["channel_not_found", "user_not_in_channel"]).await;
}

#[tokio::test]
async fn an_edit_that_comes_too_late_says_what_was_decided() {
    for decision in ["Approve", "Deny", "Cancel request"] {
        let house = House::open().await;
        house.rae_asks(&[]).await;
        let stale = house.request_message();
        house.opens_edit().await;
        house.rae.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
        match decision {
            "Approve" => house.presses(&house.ada, decision).await,
            "Deny" => house.denies(&house.ada, "No").await,
            _ => house.cancels().await,
        }
        assert!(house.rae.submits().await.unwrap().closed);
        assert_quiet(&house.rae.clicks_stale(&stale, "Edit").await.unwrap());
        house.drain().await.unwrap();
        assert!(house.rae.open_view().is_none());
        let told = house.told(RAE);
        assert!(told.len() == 2 && told.iter().all(|told| told.contains("already")), "{told:?}");
        assert!(!house.card_text().contains("EMEA"));
        // A withdrawn or decided request has no buttons anywhere.
        for message in [house.card(), house.request_message()] {
            assert!(!message.blocks.to_string().contains("\"button\""), "{message:?}");
        }
        house.ends().await;
    }
}

#[tokio::test]
async fn of_two_edits_the_one_that_was_opened_before_the_other_was_saved_has_to_be_opened_anew() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.opens_edit().await;
    house.rae.fills(&[("First name", "")]).await.unwrap();
    let early = house.rae.submits().await.unwrap().reply.sent;
    house.edits(&[("First name", "Service")]).await;
    let late = forged(&house, &early, |payload| {
        payload["view"]["state"]["values"]["first_name"]["value"]["value"] = json!("Early");
    });
    let answer: Value = serde_json::from_str(&house.work.send(&late).await.body).unwrap();
    let said = answer["errors"]["email"].as_str().unwrap();
    assert!(said.contains("The request changed since you opened this form"), "{said}");
    house.card_says(&["Name: Service Crm"]);
    house.cancels().await;
    house.ends().await;
}

#[tokio::test]
async fn an_edit_does_not_move_a_request_to_another_channel() {
    let mut setup = options();
    setup.policy.push_str("\n[[rule]]\nrole = \"API Only - EMEA\"\napproval_channel = \"C0OPS\"\n");
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    house.opens_edit().await;
    house.rae.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    let refused = house.rae.submits().await.unwrap();
    assert!(
        refused.errors["Role"].contains("Other people have to approve that choice, in another channel"),
        "{refused:?}"
    );
    // The form is still open, and can be saved otherwise.
    house.rae.fills(&[("Role", "API Only"), ("First name", "Service")]).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.card_says(&["Name: Service Crm", "Role: API Only\n"]);
    house.cancels().await;
    house.ends().await;
}

#[tokio::test]
async fn an_edit_may_choose_another_instance() {
    let mut setup = options();
    setup.second_marketo = Some(marketo::Setup::default());
    let house = House::with(setup).await;
    house.rae_asks(&[]).await;
    house.opens_edit().await;
    house.rae.fills(&[("First name", "Service"), ("Marketo instance", SECOND)]).await.unwrap();
    house.drain().await.unwrap();
    house.rae.fills(&[("Role", "API Only")]).await.unwrap();
    assert!(house.rae.submits().await.unwrap().closed);
    house.drain().await.unwrap();
    house.card_says(&[&format!("Marketo instance: {FIRST} → {SECOND}"), "Name: Service Crm"]);
    house.presses(&house.ada, "Approve").await;
    assert!(house.created().is_empty(), "not where it was asked for at first");
    let second = house.second_marketo.as_ref().unwrap();
    assert_eq!(second.users().iter().filter(|user| user.email == "svc-crm@example.com").count(), 1);
    house.ends().await;
}

#[tokio::test]
async fn an_edit_that_is_delivered_again_has_no_second_effect() {
    let house = House::open().await;
    house.rae_asks(&[]).await;
    house.opens_edit().await;
    house.rae.fills(&[("First name", "Service")]).await.unwrap();
    let sent = house.rae.submits().await.unwrap().reply.sent;
    house.drain().await.unwrap();
    let before = house.slack.transcript(CARDS);
    assert_quiet(&house.work.send(&sent).await);
    // Whoever has no answer presses Save again.
    let again = forged(&house, &sent, |payload| payload["trigger_id"] = json!("1.2.again"));
    assert_quiet(&house.work.send(&again).await);
    house.drain().await.unwrap();
    assert_eq!(house.slack.transcript(CARDS), before);
    assert!(house.told(RAE).is_empty());
    // What is decided stays so, too.
    house.presses(&house.ada, "Approve").await;
    let late = forged(&house, &sent, |payload| payload["trigger_id"] = json!("1.2.late"));
    assert_quiet(&house.work.send(&late).await);
    house.drain().await.unwrap();
    assert!(house.told(RAE).is_empty(), "it is acked as the first one was: {:?}", house.told(RAE));
    assert_eq!(house.created().len(), 1);
    house.ends().await;
}
