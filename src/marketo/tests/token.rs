//! One token for all calls, requested as rarely as possible.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{client, count, instance, noon, settings, svc, tls};
use crate::{
    marketo::{
        Call, Class, Client, Settings,
        token::{IssuedToken, Tokens},
    },
    sim::{fault::Fault, marketo::Setup},
};

fn rejected_token(code: i64) -> Fault {
    let body = json!({"errors": [{"code": code, "message": "Access token invalid"}]});
    Fault::Answer { status: 401, body, retry_after: None }
}

async fn call_concurrently(client: &Client, calls: usize) -> Vec<bool> {
    let tasks: Vec<_> = (0..calls)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.roles().await.is_ok() })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

#[tokio::test]
async fn concurrent_calls_request_one_token() {
    let (sim, client, _) = instance(Setup::default()).await;
    assert_eq!(call_concurrently(&client, 20).await, [true; 20]);
    assert_eq!(count(&sim, "token"), 1);
    assert_eq!(count(&sim, "roles"), 20);
}

#[tokio::test]
async fn concurrent_calls_share_a_failed_token_request() {
    let (sim, client, _) = instance(Setup::default()).await;
    sim.faults().script("token", Fault::Answer { status: 503, body: json!({}), retry_after: None });
    assert_eq!(call_concurrently(&client, 20).await, [false; 20]);
    assert_eq!(count(&sim, "token"), 1);
    assert!(client.roles().await.is_ok(), "the next call requests a token again");
}

#[tokio::test]
async fn token_is_renewed_shortly_before_it_expires() {
    let (sim, client, clock) = instance(Setup::default()).await;
    client.authenticate().await.unwrap();
    clock.advance(Duration::from_secs(3538));
    client.roles().await.unwrap();
    assert_eq!(count(&sim, "token"), 1);
    clock.advance(Duration::from_secs(2));
    client.roles().await.unwrap();
    client.roles().await.unwrap();
    assert_eq!(count(&sim, "token"), 2, "the same token came back: it is not requested before every call");
    clock.advance(Duration::from_secs(61));
    client.roles().await.unwrap();
    assert_eq!(count(&sim, "token"), 3);
    assert!(sim.calls().iter().all(|call| call.status == Some(200)), "no call used an expired token");
}

#[tokio::test]
async fn valid_token_is_used_while_the_identity_endpoint_fails() {
    let (sim, client, clock) = instance(Setup::default()).await;
    client.authenticate().await.unwrap();
    clock.advance(Duration::from_secs(3550));
    sim.faults().script("token", Fault::Cut);
    client.roles().await.unwrap();
    client.roles().await.unwrap();
    assert_eq!(count(&sim, "token"), 2);
    clock.advance(Duration::from_secs(60));
    sim.faults().script("token", Fault::Cut);
    assert_eq!(client.roles().await.unwrap_err().class, Class::Unreachable);
}

#[tokio::test]
async fn call_with_a_rejected_token_is_repeated_once_with_a_new_one() {
    let (sim, client, _) = instance(Setup::default()).await;
    for fault in [
        rejected_token(601),
        rejected_token(602),
        Fault::Answer { status: 401, body: json!({}), retry_after: None },
    ] {
        sim.faults().script("roles", fault);
        assert_eq!(client.roles().await.unwrap().len(), 4);
    }
    assert_eq!((count(&sim, "token"), count(&sim, "roles")), (4, 6));
}

#[tokio::test]
async fn invite_with_an_expired_token_creates_one_user() {
    let (sim, client, _) = instance(Setup::default()).await;
    client.authenticate().await.unwrap();
    sim.expire_tokens();
    client.invite(&svc(), || true).await.unwrap();
    let statuses: Vec<_> = sim.calls().iter().map(|call| (call.name, call.status)).collect();
    let expected = [("token", 200), ("invite", 401), ("token", 200), ("invite", 200)];
    assert_eq!(statuses, expected.map(|(name, status)| (name, Some(status))));
    assert_eq!(sim.invites(), 1);
}

#[tokio::test]
async fn concurrent_calls_with_an_expired_token_renew_it_once() {
    let (sim, client, _) = instance(Setup::default()).await;
    client.authenticate().await.unwrap();
    sim.expire_tokens();
    assert_eq!(call_concurrently(&client, 5).await, [true; 5]);
    assert_eq!(count(&sim, "token"), 2, "a newer token is not discarded because an older one was rejected");
}

#[tokio::test]
async fn late_rejection_of_an_old_token_keeps_the_new_one() {
    let (clock, tokens) = (noon(), Tokens::default());
    let issued = |text: &str| {
        let token = SecretString::from(text);
        async move { Ok(IssuedToken { token, lifetime: Duration::from_secs(3600) }) }
    };
    let old = tokens.get(&clock, || issued("old")).await.unwrap();
    tokens.discard(&old);
    let new = tokens.get(&clock, || issued("new")).await.unwrap();
    tokens.discard(&old);
    let kept = tokens.get(&clock, || issued("newer")).await.unwrap();
    assert_eq!(kept.token.expose_secret(), new.token.expose_secret());
    tokens.discard(&new);
    assert_eq!(tokens.get(&clock, || issued("newer")).await.unwrap().token.expose_secret(), "newer");
}

#[tokio::test]
async fn second_rejected_token_is_not_a_credentials_error() {
    let (sim, client, _) = instance(Setup::default()).await;
    sim.faults().script_many("roles", &rejected_token(602), 2);
    let error = client.roles().await.unwrap_err();
    assert_eq!((error.call, error.class, error.code), (Call::Roles, Class::TokenRejected, Some(602)));
    assert_eq!((count(&sim, "token"), count(&sim, "roles")), (2, 2));
}

#[tokio::test]
async fn rejected_secret_appears_in_no_error() {
    let (sim, _, clock) = instance(Setup::default()).await;
    let secret = "a-secret-that-nobody-may-read";
    let settings = Settings { client_secret: SecretString::from(secret), ..settings(&sim.url()) };
    let client = Client::new(settings, clock, tls()).unwrap();
    let echo = json!({"error": "invalid_client", "error_description": format!("no such secret: {secret}")});
    sim.faults().script("token", Fault::Answer { status: 401, body: echo, retry_after: None });
    for _ in 0..2 {
        let error = client.authenticate().await.unwrap_err();
        assert_eq!((error.call, &error.class), (Call::Token, &Class::Credentials));
        for text in [error.to_string(), format!("{error:?}"), format!("{client:?}")] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    assert_eq!(sim.calls().last().unwrap().path, "/identity/oauth/token");
}

#[tokio::test]
async fn rejected_client_id_appears_in_no_error() {
    let (sim, _, clock) = instance(Setup { client_id: "another-client-id".into(), ..Setup::default() }).await;
    let error = client(&sim.url(), &clock).authenticate().await.unwrap_err();
    assert_eq!(error.to_string(), "Marketo token: HTTP 401: No client with requested id: …; unauthorized");
    assert_eq!(error.class, Class::Credentials);
}
