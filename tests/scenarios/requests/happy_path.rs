//! The happy path from the command to the announcement.

use insta::{assert_json_snapshot, assert_snapshot};

use crate::test_bot::{ADA, OPS, RAE, TestBot};

#[tokio::test(flavor = "multi_thread")]
async fn user_is_requested_approved_created_and_announced() {
    let bot = TestBot::open().await;
    bot.opens_form(&bot.rae, "/marketo-api-user svc-crm@example.com").await;
    bot.rae
        .fills(&[
            ("First name", "Svc"),
            ("Last name", "Crm"),
            ("Reason", "Sync *leads* from <!channel> the CRM"),
            ("Access expiration", "2027-01-31"),
            ("Role", "API Only"),
        ])
        .await
        .unwrap();
    let submitted = bot.rae.submits().await.unwrap();
    assert!(submitted.closed, "{:?}", submitted.errors);
    bot.drain().await.unwrap();
    assert_snapshot!("card_waits", bot.slack.transcript("C0APPROVE"));
    assert_snapshot!("requester_waits", bot.direct_messages(RAE));
    bot.clicks(&bot.ada, "Approve").await;
    assert_snapshot!("card_is_done", bot.slack.transcript("C0APPROVE"));
    assert_snapshot!("created_is_announced", bot.slack.transcript(OPS));
    assert_snapshot!("requester_is_done", bot.direct_messages(RAE));
    assert_json_snapshot!("invite", bot.invite_bodies());
    assert!(bot.ephemerals_to(ADA).is_empty());
}
