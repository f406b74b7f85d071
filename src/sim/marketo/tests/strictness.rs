//! Tokens, limits and the validation of invites.

use std::time::Duration;

use serde_json::{Value, json};

use super::{CLIENT_ID, CLIENT_SECRET, Caller, Setup, answer, code, svc};
use crate::sim::{
    fault::Fault,
    marketo::{DuplicateInvite, Identity, SimRole},
};

#[tokio::test]
async fn a_token_is_reissued_until_it_expires() {
    let caller = Caller::new(Setup::default()).await;
    caller.clock.advance(Duration::from_secs(3000));
    let (status, again) = caller.issue(CLIENT_ID, CLIENT_SECRET).await;
    assert_eq!(
        (status, &again["access_token"], &again["expires_in"]),
        (200, &json!(caller.token), &json!(600))
    );
    assert!(caller.token.ends_with(":int"));
    assert_eq!(caller.get("roles.json").await.0, 200);
    caller.clock.advance(Duration::from_secs(600));
    let (status, expired) = caller.get("roles.json").await;
    assert_eq!((status, code(&expired)), (401, 602));
    assert_ne!(caller.issue(CLIENT_ID, CLIENT_SECRET).await.1["access_token"], json!(caller.token));
}

#[tokio::test]
async fn invalid_credentials_and_tokens_are_refused() {
    let caller = Caller::new(Setup::default()).await;
    assert_eq!(caller.issue("nobody", CLIENT_SECRET).await.0, 401);
    assert_eq!(caller.issue(CLIENT_ID, "wrong").await.0, 401);
    let bare = format!("{}/identity/oauth/token", caller.sim.url());
    assert_eq!(answer(caller.http.post(bare)).await.0, 400);
    let url = caller.url("roles.json");
    let in_query = caller.http.get(&url).query(&[("access_token", &caller.token)]).bearer_auth(&caller.token);
    for request in [caller.http.get(&url), caller.http.get(&url).bearer_auth("other:int"), in_query] {
        let (status, refusal) = answer(request).await;
        assert_eq!((status, code(&refusal)), (401, 601));
    }
    caller.sim.set_permissions(false);
    assert_eq!(code(&caller.get("roles.json").await.1), 603);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused() {
    let caller = Caller::new(Setup::default()).await;
    for path in ["/roles.json", "nothing.json", "a@b.co/nothing.json", "nobody%40example.com/user.json"] {
        let (status, refusal) = caller.get(path).await;
        assert_eq!((status, code(&refusal)), (404, 610), "{path}");
    }
    assert_eq!(caller.refusal("roles.json", &json!({})).await, (405, 605));
    assert_eq!(code(&caller.get("allusers.json?pageSize=201").await.1), 1003);
    assert!(caller.sim.calls().iter().all(|call| !call.path.contains('?')));
}

#[tokio::test]
async fn more_than_100_calls_in_20_seconds_are_refused() {
    let caller = Caller::new(Setup::default()).await;
    for _ in 0..100 {
        assert_eq!(caller.get("workspaces.json").await.0, 200);
    }
    assert_eq!(code(&caller.get("workspaces.json").await.1), 606);
    assert_eq!(caller.sim.peak_20s(), 101);
    caller.clock.advance(Duration::from_secs(20));
    assert_eq!(caller.get("workspaces.json").await.0, 200);
}

#[tokio::test]
async fn the_eleventh_concurrent_call_is_refused() {
    let caller = Caller::new(Setup::default()).await;
    caller.sim.faults().script_many("roles", &Fault::Slow(Duration::from_secs(1)), 10);
    let slow: Vec<_> = (0..10)
        .map(|_| tokio::spawn(caller.http.get(caller.url("roles.json")).bearer_auth(&caller.token).send()))
        .collect();
    while caller.sim.peak_concurrency() < 10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(code(&caller.get("workspaces.json").await.1), 615);
    caller.clock.advance(Duration::from_secs(1));
    for call in slow {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(caller.get("workspaces.json").await.0, 200);
}

#[tokio::test]
async fn an_instance_that_is_down_cuts_every_connection() {
    let caller = Caller::new(Setup::default()).await;
    caller.sim.set_down(true);
    assert!(caller.http.get(caller.url("roles.json")).send().await.is_err());
    assert_eq!(caller.sim.calls().last().unwrap().status, None);
    caller.sim.set_down(false);
    assert_eq!(caller.get("roles.json").await.0, 200);
}

#[tokio::test]
async fn an_invite_with_an_invalid_field_creates_no_user() {
    let all_zones = SimRole { only_all_zones: true, ..SimRole::new(103, "API all zones") };
    let roles = vec![SimRole::new(101, "API Only"), all_zones];
    let caller = Caller::new(Setup { roles, ..Setup::default() }).await;
    let assignment = |role: i64, workspace: i64| json!([{"accessRoleId": role, "workspaceId": workspace}]);
    let table: [(&str, Value, i64); 20] = [
        ("emailAddress", json!("svc"), 1001),
        ("emailAddress", json!("svc@example"), 1001),
        ("emailAddress", json!("s vc@example.com"), 1001),
        ("emailAddress", json!("svc@-example.com"), 1001),
        ("emailAddress", json!(""), 1002),
        ("emailAddress", json!(7), 1001),
        ("emailAddress", json!("ADA@example.com"), 709),
        ("firstName", Value::Null, 1002),
        ("lastName", json!(" "), 1002),
        ("apiOnly", json!("true"), 1001),
        ("reason", json!(1), 1001),
        ("expiresAt", json!("2027-01-31"), 1001),
        ("expiresAt", json!("2027-01-31T23:59:59"), 1001),
        ("expiresAt", json!("2027-01-31T23:59:59.000-08:00"), 1001),
        ("expiresAt", json!("2026-11-24T10:00:00-08:00"), 709),
        ("userRoleWorkspaces", json!([]), 1002),
        ("userRoleWorkspaces", json!([{"accessRoleId": "101", "workspaceId": 1}]), 1001),
        ("userRoleWorkspaces", assignment(999, 1), 709),
        ("userRoleWorkspaces", assignment(101, 9), 709),
        ("userRoleWorkspaces", assignment(103, 1), 709),
    ];
    for (field, value, expected) in table {
        let mut body = svc();
        body[field] = value;
        assert_eq!(caller.refusal("invite.json", &body).await, (400, expected), "{body}");
    }
    assert_eq!(caller.refusal("invite.json", &json!([])).await, (400, 609));
    let untyped =
        caller.http.post(caller.url("invite.json")).bearer_auth(&caller.token).body(svc().to_string());
    assert_eq!(code(&answer(untyped).await.1), 612);
    assert_eq!((caller.sim.invites(), caller.sim.users().len()), (0, 3));
    for (field, value) in [
        ("emailAddress", json!("\"s.vc\"@mail.example.com")),
        ("emailAddress", json!("o'brien+{x}@example.co")),
        ("expiresAt", json!("2027-01-31T23:59:59-08:00")),
        ("userRoleWorkspaces", assignment(103, 0)),
    ] {
        let mut body = svc();
        body["emailAddress"] = json!(format!("svc{}@example.com", caller.sim.invites()));
        body[field] = value;
        assert_eq!(caller.post("invite.json", &body).await, (200, json!(true)), "{body}");
    }
}

#[tokio::test]
async fn a_duplicate_invite_is_refused_or_creates_a_second_user() {
    for (duplicate_invite, users) in [(DuplicateInvite::Refuse, 1), (DuplicateInvite::SecondRecord, 2)] {
        let caller = Caller::new(Setup { duplicate_invite, ..Setup::default() }).await;
        for _ in 0..2 {
            caller.post("invite.json", &svc()).await;
        }
        let is_duplicate = |user: &&super::super::SimUser| user.email == "svc@example.com";
        assert_eq!(caller.sim.users().iter().filter(is_duplicate).count(), users);
        assert_eq!(caller.sim.invites(), users);
    }
}

#[tokio::test]
async fn adobe_identity_accepts_only_api_only_users() {
    let caller = Caller::new(Setup { identity: Identity::Adobe, ..Setup::default() }).await;
    let mut body = svc();
    body["apiOnly"] = json!(false);
    assert_eq!(caller.refusal("invite.json", &body).await, (400, 709));
    assert_eq!(caller.post("invite.json", &svc()).await.0, 200);
}
