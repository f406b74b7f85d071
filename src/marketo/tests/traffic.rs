//! What the client sends, and how many calls at the same time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{count, instance, noon, settings, svc, tls};
use crate::{
    clock::Clock,
    marketo::{Class, Client, Settings},
    sim::{
        fault::Fault,
        marketo::{Identity, MarketoSim, Setup, SimRole},
    },
};

#[tokio::test]
async fn invite_sends_the_documented_body_and_creates_one_user() {
    let (sim, client, _) = instance(Setup::default()).await;
    client.invite(&svc(), || true).await.unwrap();
    let call = sim.calls().pop().unwrap();
    assert_eq!(
        (call.method.as_str(), call.path.as_str()),
        ("POST", "/userservice/management/v1/users/invite.json")
    );
    insta::assert_json_snapshot!(call.body, @r#"
    {
      "apiOnly": true,
      "emailAddress": "svc.orders@example.com",
      "expiresAt": "2027-01-31T23:59:59-08:00",
      "firstName": "Orders",
      "lastName": "Sync",
      "reason": "nightly order export",
      "userRoleWorkspaces": [
        {
          "accessRoleId": 101,
          "workspaceId": 1
        }
      ]
    }
    "#);
    let user = client.find_user("SVC.orders@example.com").await.unwrap().unwrap();
    assert_eq!((user.userid.as_str(), user.api_only), ("svc.orders@example.com", true));
    assert_eq!(sim.invites(), 1);
}

#[tokio::test]
async fn optional_fields_are_left_out() {
    let (sim, client, _) = instance(Setup::default()).await;
    let mut user = svc();
    user.reason = None;
    user.expires_at = None;
    user.workspace_id = 0;
    client.invite(&user, || true).await.unwrap();
    insta::assert_json_snapshot!(sim.calls().pop().unwrap().body, @r#"
    {
      "apiOnly": true,
      "emailAddress": "svc.orders@example.com",
      "firstName": "Orders",
      "lastName": "Sync",
      "userRoleWorkspaces": [
        {
          "accessRoleId": 101,
          "workspaceId": 0
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn user_on_adobe_identity_is_found_by_email_and_has_a_guid() {
    let (sim, client, clock) = instance(Setup { identity: Identity::Adobe, ..Setup::default() }).await;
    sim.set_visible_after(Duration::from_secs(5));
    client.invite(&svc(), || true).await.unwrap();
    assert_eq!(client.find_user(&svc().email).await.unwrap(), None);
    clock.advance(Duration::from_secs(5));
    let user = client.find_user(&svc().email).await.unwrap().unwrap();
    assert_eq!(user.userid.len(), 36);
}

#[tokio::test]
async fn roles_and_workspaces_are_read() {
    let role = SimRole { hidden: true, only_all_zones: true, ..SimRole::new(7, "API everywhere") };
    let (_sim, client, _) = instance(Setup { roles: vec![role], ..Setup::default() }).await;
    insta::assert_debug_snapshot!((client.roles().await.unwrap(), client.workspaces().await.unwrap()), @r#"
    (
        [
            Role {
                id: 7,
                name: "API everywhere",
                description: "API everywhere role",
                hidden: true,
                only_all_zones: true,
            },
        ],
        [
            Workspace {
                id: 1,
                name: "Default",
                description: "",
                status: "active",
            },
        ],
    )
    "#);
}

#[tokio::test]
async fn base_url_may_end_in_a_slash_or_in_rest() {
    let (sim, _, clock) = instance(Setup::default()).await;
    for end in ["", "/", "/rest", "/rest/", "//"] {
        let settings = settings(&format!(" {}{end} ", sim.url()));
        let client = Client::new(settings, clock.clone(), tls()).unwrap();
        assert_eq!(client.roles().await.unwrap().len(), 4, "{end}");
    }
    for url in ["", "example.com", "ftp://example.com", "https://u:p@example.com", "https://example.com/?a=b"]
    {
        let error = Client::new(settings(url), clock.clone(), tls()).unwrap_err().to_string();
        assert!(error.starts_with("the Marketo base URL "), "{error}");
    }
}

#[tokio::test]
async fn concurrent_calls_stay_within_max_concurrent() {
    let clock = Clock::system();
    let sim = MarketoSim::start(clock.clone(), Setup::default()).await.unwrap();
    sim.faults().script_many("roles", &Fault::Slow(Duration::from_millis(10)), 40);
    let client = Client::new(settings(&sim.url()), clock, tls()).unwrap();
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.roles().await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(count(&sim, "roles"), 40);
    assert_eq!(sim.peak_concurrency(), 5, "the limit is used fully and not exceeded");
}

#[tokio::test]
async fn calls_beyond_the_rate_limit_wait_and_then_fail() {
    let clock = noon();
    let sim = MarketoSim::start(clock.clone(), Setup::default()).await.unwrap();
    let limits = Settings { calls_per_20s: 3, timeout: Duration::from_secs(15), ..settings(&sim.url()) };
    let client = Arc::new(Client::new(limits, clock.clone(), tls()).unwrap());
    for _ in 0..3 {
        client.roles().await.unwrap();
    }
    let waiting = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.roles().await }
    });
    tokio::task::yield_now().await;
    clock.advance(Duration::from_secs(15));
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.class, Class::NotExecuted { retry_after: Some(Duration::from_secs(5)) });
    assert_eq!(error.to_string(), "Marketo roles: not sent: calls_per_20s or max_concurrent is used up");
    clock.advance(Duration::from_secs(5));
    client.roles().await.unwrap();
    assert_eq!(sim.peak_20s(), 3);
}

#[tokio::test]
async fn invite_that_may_no_longer_be_sent_is_not_sent() {
    let (sim, client, _) = instance(Setup::default()).await;
    let error = client.invite(&svc(), || false).await.unwrap_err();
    assert!(error.certainly_not_executed(), "{error}");
    assert_eq!(count(&sim, "invite"), 0);
    // Only the second one, with another token.
    let asked = AtomicUsize::new(0);
    client.authenticate().await.unwrap();
    sim.expire_tokens();
    let may_send = || asked.fetch_add(1, Ordering::Relaxed) == 0;
    assert!(client.invite(&svc(), may_send).await.unwrap_err().certainly_not_executed());
    assert_eq!((count(&sim, "invite"), sim.invites()), (1, 0));
}
