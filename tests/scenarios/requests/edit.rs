//! A requester edits a pending request.

use std::time::Duration;

use insta::assert_snapshot;
use marketo_api_user::{
    playground::{FIRST, SECOND},
    sim::{marketo, slack::SimUser},
};
use serde_json::{Value, json};
use tokio::join;

use crate::test_bot::{ADA, CARDS, RAE, SAM, TestBot, assert_empty_ack, forged, options, policy};

#[tokio::test(flavor = "multi_thread")]
async fn edit_form_is_prefilled_and_its_values_reach_marketo() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[("Reason", "CRM sync")]).await;
    bot.rae_opens_edit().await;
    assert_snapshot!("edit", bot.modal_text(&bot.rae));
    let changed = [
        ("Email", "svc-erp@example.com"),
        ("First name", "Service"),
        ("Reason", "ERP sync"),
        ("Access expiration", "2027-03-31"),
        ("Role", "API Only - EMEA"),
    ];
    bot.rae.fills(&changed).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    assert_snapshot!("edited_card", bot.slack.transcript(CARDS));
    assert_snapshot!("edited_requester", bot.direct_messages(RAE));
    bot.clicks(&bot.ada, "Approve").await;
    assert_eq!(
        bot.invite_bodies(),
        [json!({
            "emailAddress": "svc-erp@example.com", "firstName": "Service", "lastName": "Crm", "apiOnly": true,
            "reason": "ERP sync", "expiresAt": "2027-03-31T23:59:59-07:00",
            "userRoleWorkspaces": [{"accessRoleId": 102, "workspaceId": 1}],
        })]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_edit_has_no_effect() {
    let bot = TestBot::with(policy("approvals_needed = 2\n")).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    let before = bot.slack.transcript(CARDS);
    bot.rae_edits(&[]).await;
    assert_eq!(bot.slack.transcript(CARDS), before, "the approval still counts");
    bot.clicks(&bot.sam, "Approve").await;
    bot.card_says(&["Approved by @Ada Approver and @Sam Second", "created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn edit_resets_approvals_and_the_card_says_so() {
    let bot = TestBot::with(policy("approvals_needed = 2\n")).await;
    bot.rae_requests(&[]).await;
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["Approvals: 1 of 2, by @Ada Approver"]);
    let (stale, form) = (bot.card(), "The request changed since you looked at it");
    bot.rae_edits(&[("Role", "API Only - EMEA")]).await;
    assert_snapshot!("approvals_reset", bot.slack.transcript(CARDS));
    // Sam's screen still shows what Ada approved.
    assert_empty_ack(&bot.sam.clicks_stale(&stale, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    assert!(bot.ephemeral_texts(SAM).contains(form), "{}", bot.ephemeral_texts(SAM));
    bot.card_says(&["Approvals: 0 of 2"]);
    bot.clicks(&bot.sam, "Approve").await;
    bot.card_says(&["Approvals: 1 of 2, by @Sam Second"]);
    assert_eq!(bot.marketo.invites(), 0);
    bot.clicks(&bot.ada, "Approve").await;
    bot.card_says(&["Approved by @Sam Second and @Ada Approver", "created"]);
    assert_eq!(bot.created_users()[0].roles, [(102, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_edit_and_approval_never_mix() {
    for round in 0..6 {
        let bot = TestBot::open().await;
        bot.rae_requests(&[]).await;
        bot.rae_opens_edit().await;
        bot.rae.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
        let card = bot.card();
        let (saved, clicked) = if round % 2 == 0 {
            join!(bot.rae.submits(), bot.ada.clicks_stale(&card, "Approve"))
        } else {
            let (clicked, saved) = join!(bot.ada.clicks_stale(&card, "Approve"), bot.rae.submits());
            (saved, clicked)
        };
        let saved = saved.unwrap();
        assert_empty_ack(&clicked.unwrap());
        bot.drain().await.unwrap();
        if bot.marketo.invites() == 1 {
            assert_eq!(bot.created_users()[0].roles, [(101, 1)], "what Ada saw");
            assert!(saved.errors["Email"].contains("already approved"), "{saved:?}");
            assert!(bot.ephemerals_to(ADA).is_empty());
        } else {
            assert!(
                bot.ephemeral_texts(ADA).contains("changed since you looked"),
                "{}",
                bot.ephemeral_texts(ADA)
            );
            bot.clicks(&bot.ada, "Approve").await;
            assert_eq!(bot.created_users()[0].roles, [(102, 1)]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edit_is_validated_like_a_new_request() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.opens_form(&bot.rae, "/marketo-api-user other@example.com").await;
    let other = [("First name", "Other"), ("Last name", "One"), ("Role", "API Only")];
    bot.rae.fills(&other).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.rae_opens_edit().await;
    for (field, wrong, said) in [
        ("Email", "other@example.com", "already open"),
        ("Email", "grace@example.com", "Marketo already has a user"),
        ("Email", "nobody", "such as svc-crm@example.com"),
        ("First name", "", "Enter a first name"),
        ("Access expiration", "2026-11-23", "That date has passed"),
        ("Access expiration", "2028-01-01", "2027-11-24 at the latest"),
    ] {
        bot.rae.fills(&[("Email", "svc-crm@example.com"), ("First name", "Svc")]).await.unwrap();
        bot.rae.fills(&[("Access expiration", "2027-01-31"), (field, wrong)]).await.unwrap();
        let refused = bot.rae.submits().await.unwrap();
        assert!(refused.errors[field].contains(said), "{field} {wrong}: {:?}", refused.errors);
        assert_eq!(refused.errors.len(), 1);
    }
    // The request's own email is no conflict, in any case.
    let fields = [("Email", "SVC-CRM@example.com"), ("Access expiration", "2027-01-30")];
    bot.rae.fills(&fields).await.unwrap();
    let saved = bot.rae.submits().await.unwrap();
    assert!(saved.closed, "{:?}", saved.errors);
    bot.drain().await.unwrap();
    let card = bot.slack.channel(CARDS).remove(0);
    assert_empty_ack(&bot.ada.clicks(&card, "Approve").await.unwrap());
    bot.drain().await.unwrap();
    assert_eq!(bot.invite_bodies()[0]["emailAddress"], "SVC-CRM@example.com");
    let other = bot.slack.dm(RAE).into_iter().find(|one| one.text.contains("other@example.com")).unwrap();
    assert_empty_ack(&bot.rae.clicks(&other, "Cancel request").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn edit_requires_the_right_to_request() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.rae_opens_edit().await;
    bot.rae.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    let rae = bot.slack.setup().users.into_iter().find(|user| user.id == RAE).unwrap();
    bot.slack.set_user(SimUser { is_restricted: true, ..rae });
    bot.clock.advance(Duration::from_secs(3600));
    // Membership is refreshed when a form opens.
    bot.rae_opens_edit().await;
    bot.rae.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    let refused = bot.rae.submits().await.unwrap();
    assert!(refused.errors["Email"].contains("Guests are not allowed"), "{refused:?}");
    assert!(!bot.card_text().contains("Changed by"));
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_requester_can_edit() {
    let bot = TestBot::open().await;
    bot.allow_slack_errors(&["channel_not_found", "user_not_in_channel"]);
    bot.rae_requests(&[]).await;
    let clicked = bot.rae.clicks(&bot.request_message(), "Edit").await.unwrap().sent;
    bot.drain().await.unwrap();
    bot.rae.fills(&[("First name", "")]).await.unwrap();
    let sent = bot.rae.submits().await.unwrap().reply.sent;
    for user in [ADA, "U0SECOND"] {
        let click = forged(&bot, &clicked, |payload| {
            payload["user"]["id"] = json!(user);
            payload["trigger_id"] = json!(format!("1.2.{user}"));
        });
        assert_empty_ack(&bot.work.send(&click).await);
        bot.drain().await.unwrap();
        assert!(bot.person(user).open_view().is_none());
        // They have made a request before, so that their membership is known.
        bot.opens_form(&bot.person(user), "/marketo-api-user").await;
        let save = forged(&bot, &sent, |payload| {
            payload["user"]["id"] = json!(user);
            payload["view"]["state"]["values"]["first_name"]["value"]["value"] = json!("Mine");
        });
        let reply = bot.work.send(&save).await;
        assert!(reply.body.contains("Only the person who sent this request"), "{}", reply.body);
        bot.drain().await.unwrap();
    }
    assert!(!bot.card_text().contains("Mine"));
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_edit_reports_the_decision() {
    for decision in ["Approve", "Deny", "Cancel request"] {
        let bot = TestBot::open().await;
        bot.rae_requests(&[]).await;
        let stale = bot.request_message();
        bot.rae_opens_edit().await;
        bot.rae.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
        match decision {
            "Approve" => bot.clicks(&bot.ada, decision).await,
            "Deny" => bot.denies(&bot.ada, "No").await,
            _ => bot.rae_cancels().await,
        }
        let refused = bot.rae.submits().await.unwrap();
        assert!(refused.errors["Email"].contains("already"), "{refused:?}");
        assert_empty_ack(&bot.rae.clicks_stale(&stale, "Edit").await.unwrap());
        bot.drain().await.unwrap();
        let answer = bot.ephemerals_to(RAE);
        assert!(answer.len() == 1 && answer.iter().all(|answer| answer.contains("already")), "{answer:?}");
        assert!(!bot.card_text().contains("EMEA"));
        // A cancelled or decided request has no buttons anywhere.
        for message in [bot.card(), bot.request_message()] {
            assert!(!message.blocks.to_string().contains("\"button\""), "{message:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edit_form_opened_before_another_edit_is_outdated() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.rae_opens_edit().await;
    bot.rae.fills(&[("First name", "")]).await.unwrap();
    let early = bot.rae.submits().await.unwrap().reply.sent;
    bot.rae_edits(&[("First name", "Service")]).await;
    let late = forged(&bot, &early, |payload| {
        payload["view"]["state"]["values"]["first_name"]["value"]["value"] = json!("Early");
    });
    let answer: Value = serde_json::from_str(&bot.work.send(&late).await.body).unwrap();
    let said = answer["errors"]["email"].as_str().unwrap();
    assert!(said.contains("The request changed since you opened this form"), "{said}");
    bot.card_says(&["Name: Service Crm"]);
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edit_keeps_the_requests_channel() {
    let mut setup = options();
    setup.policy.push_str("\n[[rule]]\nrole = \"API Only - EMEA\"\napproval_channel = \"C0OPS\"\n");
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.rae_opens_edit().await;
    bot.rae.fills(&[("Role", "API Only - EMEA")]).await.unwrap();
    let refused = bot.rae.submits().await.unwrap();
    assert!(
        refused.errors["Role"].contains("Other people have to approve that choice, in another channel"),
        "{refused:?}"
    );
    // The form is still open and can be saved with other values.
    bot.rae.fills(&[("Role", "API Only"), ("First name", "Service")]).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.card_says(&["Name: Service Crm", "Role: API Only\n"]);
    bot.rae_cancels().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edit_can_choose_another_instance() {
    let mut setup = options();
    setup.second_marketo = Some(marketo::Setup::default());
    let bot = TestBot::with(setup).await;
    bot.rae_requests(&[]).await;
    bot.rae_opens_edit().await;
    bot.rae.fills(&[("First name", "Service"), ("Marketo instance", SECOND)]).await.unwrap();
    bot.drain().await.unwrap();
    bot.rae.fills(&[("Role", "API Only")]).await.unwrap();
    assert!(bot.rae.submits().await.unwrap().closed);
    bot.drain().await.unwrap();
    bot.card_says(&[&format!("Marketo instance: {FIRST} → {SECOND}"), "Name: Service Crm"]);
    bot.clicks(&bot.ada, "Approve").await;
    assert!(bot.created_users().is_empty(), "not on the first instance");
    let second = bot.second_marketo.as_ref().unwrap();
    assert_eq!(second.users().iter().filter(|user| user.email == "svc-crm@example.com").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn redelivered_edit_acts_once() {
    let bot = TestBot::open().await;
    bot.rae_requests(&[]).await;
    bot.rae_opens_edit().await;
    bot.rae.fills(&[("First name", "Service")]).await.unwrap();
    let sent = bot.rae.submits().await.unwrap().reply.sent;
    bot.drain().await.unwrap();
    let before = bot.slack.transcript(CARDS);
    assert_empty_ack(&bot.work.send(&sent).await);
    // A person without an answer clicks Save again.
    let again = forged(&bot, &sent, |payload| payload["trigger_id"] = json!("1.2.again"));
    assert_empty_ack(&bot.work.send(&again).await);
    bot.drain().await.unwrap();
    assert_eq!(bot.slack.transcript(CARDS), before);
    assert!(bot.ephemerals_to(RAE).is_empty());
    // A decision stays decided, too.
    bot.clicks(&bot.ada, "Approve").await;
    let late = forged(&bot, &sent, |payload| payload["trigger_id"] = json!("1.2.late"));
    assert_empty_ack(&bot.work.send(&late).await);
    bot.drain().await.unwrap();
    assert!(bot.ephemerals_to(RAE).is_empty(), "acknowledged like the first: {:?}", bot.ephemerals_to(RAE));
    assert_eq!(bot.created_users().len(), 1);
}
