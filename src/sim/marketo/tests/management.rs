//! Reading and changing users.

use std::time::Duration;

use serde_json::json;

use super::{Caller, Setup, code, svc};
use crate::sim::marketo::{Paging, SimUser};

#[tokio::test]
async fn a_new_user_becomes_visible_after_the_delay() {
    let caller = Caller::new(Setup { visible_after: Duration::from_secs(30), ..Setup::default() }).await;
    let mut body = svc();
    body["expiresAt"] = json!("2027-01-31T23:59:59-08:00");
    assert_eq!(caller.post("invite.json", &body).await, (200, json!(true)));
    assert_eq!(caller.get("allusers.json").await.1.as_array().unwrap().len(), 3);
    assert_eq!(caller.get("svc%40example.com/user.json").await.0, 404);
    assert_eq!(caller.get("svc%40example.com/invite.json").await.0, 404, "an API-only user is never pending");
    caller.clock.advance(Duration::from_secs(30));
    assert_eq!(caller.get("allusers.json").await.1.as_array().unwrap().len(), 4);
    insta::assert_json_snapshot!(caller.get("svc%40example.com/user.json").await.1, @r#"
    {
      "apiOnly": true,
      "emailAddress": "svc@example.com",
      "expiresAt": "2027-02-01T07:59:59.000t+0000",
      "failedDeviceCode": 0,
      "failedLogins": 0,
      "firstName": "Svc",
      "id": 1004,
      "isLocked": false,
      "lastLoginAt": null,
      "lastName": "Orders",
      "lockedReason": "",
      "optedIn": false,
      "userRoleWorkspaces": [
        {
          "accessRoleId": 101,
          "accessRoleName": "API Only",
          "workspaceId": 1,
          "workspaceName": "Default"
        }
      ],
      "userid": "svc@example.com"
    }
    "#);
}

#[tokio::test]
async fn an_invited_person_is_pending() {
    let caller = Caller::new(Setup::default()).await;
    let mut body = svc();
    body["apiOnly"] = json!(false);
    caller.post("invite.json", &body).await;
    assert_eq!(caller.get("svc@example.com/user.json").await.0, 404);
    assert_eq!(caller.get("svc@example.com/invite.json").await.1["status"], "pending");
    assert_eq!(caller.post("svc@example.com/delete.json", &json!({})).await.0, 404);
    assert_eq!(caller.post("svc@example.com/invite/delete.json", &json!({})).await.0, 200);
    assert_eq!(caller.sim.users().len(), 3);
}

#[tokio::test]
async fn users_are_paged_in_both_readings_of_the_offset() {
    for (paging, second) in [(Paging::Records, [2, 3]), (Paging::Pages, [3, 4])] {
        let users = (1..=25).map(|id| SimUser::new(id, "u@example.com", "U", "Ser", false)).collect();
        let caller = Caller::new(Setup { paging, users, ..Setup::default() }).await;
        assert_eq!(caller.get("allusers.json").await.1.as_array().unwrap().len(), 20);
        let (_, page) = caller.get("allusers.json?pageOffset=1&pageSize=2").await;
        assert_eq!([&page[0]["id"], &page[1]["id"]], second.map(|id| json!(id)).each_ref());
        assert_eq!(caller.get("allusers.json?pageOffset=25").await.1, json!([]));
    }
}

#[tokio::test]
async fn an_update_sets_the_expiration_and_an_expired_user_is_locked() {
    let caller = Caller::new(Setup::default()).await;
    for (text, expected) in [
        ("20211231T08:00:00.000t+0000", "2021-12-31T08:00:00Z"),
        ("2027-12-31T08:00:00.000t-0800", "2027-12-31T16:00:00Z"),
        ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"),
    ] {
        let (status, user) =
            caller.post("reports@example.com/update.json", &json!({"expiresAt": text})).await;
        assert_eq!(status, 200, "{user}");
        assert_eq!(caller.sim.users()[2].expires_at, Some(expected.parse().unwrap()));
        assert_eq!(user["isLocked"], json!(text.starts_with("2021")));
    }
    caller.clock.advance(Duration::from_secs(7 * 24 * 3600));
    caller.sim.expire_tokens();
    assert_eq!(code(&caller.get("roles.json").await.1), 602);
    assert_eq!(caller.sim.users()[2].first_name, "Reports");
}

#[tokio::test]
async fn roles_are_added_and_removed_with_both_body_formats() {
    let caller = Caller::new(Setup::default()).await;
    let emea = json!([{"accessRoleId": 102, "workspaceId": 1}]);
    let (_, roles) = caller.post("reports@example.com/roles/create.json", &emea).await;
    assert_eq!(roles.as_array().unwrap().len(), 2);
    let (_, roles) = caller.post("reports@example.com/roles/delete.json", &json!({"input": emea})).await;
    assert_eq!(roles.as_array().unwrap().len(), 1);
    assert_eq!(caller.get("reports@example.com/roles.json").await.1, roles);
    assert_eq!(
        caller.refusal("reports@example.com/roles/create.json", &json!({"input": 1})).await,
        (400, 1001)
    );
    assert_eq!(caller.post("reports@example.com/delete.json", &json!({})).await.0, 200);
    assert_eq!(caller.get("reports@example.com/roles.json").await.0, 404);
}
