//! The main job from beginning to end.

use insta::{assert_json_snapshot, assert_snapshot};

use crate::support::{ADA, House, OPS, RAE};

#[tokio::test]
async fn a_user_is_asked_for_approved_created_and_announced() {
    let house = House::open().await;
    house.opens_form(&house.rae, "/marketo-api-user svc-crm@example.com").await;
    house
        .rae
        .fills(&[
            ("First name", "Svc"),
            ("Last name", "Crm"),
            ("Reason", "Sync *leads* from <!channel> the CRM"),
            ("Access expiration", "2027-01-31"),
            ("Role", "API Only"),
        ])
        .await
        .unwrap();
    let submitted = house.rae.submits().await.unwrap();
    assert!(submitted.closed, "{:?}", submitted.errors);
    house.drain().await.unwrap();
    assert_snapshot!("card_waits", house.slack.transcript("C0APPROVE"));
    assert_snapshot!("requester_waits", house.direct(RAE));
    house.presses(&house.ada, "Approve").await;
    assert_snapshot!("card_is_done", house.slack.transcript("C0APPROVE"));
    assert_snapshot!("created_is_announced", house.slack.transcript(OPS));
    assert_snapshot!("requester_is_done", house.direct(RAE));
    assert_json_snapshot!("invite", house.invites());
    assert!(house.told(ADA).is_empty());
    house.ends().await;
}
