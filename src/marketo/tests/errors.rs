//! Every row of Adobe's table of error codes, and every transport error, as the caller sees it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{client, count, impatient_client, instance, noon, svc};
use crate::{
    marketo::{Call, Class, Error},
    sim::{
        fault::Fault,
        marketo::{CLIENT_ID, CLIENT_SECRET, MarketoSim, Setup},
    },
};

fn errors(code: impl Into<Value>) -> Value {
    json!({ "errors": [{ "code": code.into(), "message": "message from Marketo" }] })
}

fn answer(status: u16, body: Value) -> Fault {
    Fault::Answer { status, body, retry_after: None }
}

async fn invite_with(fault: Fault) -> Error {
    let (sim, client, _) = instance(Setup::default()).await;
    sim.faults().script("invite", fault);
    client.invite(&svc(), || true).await.expect_err("a fault was scripted")
}

fn assert_private(error: &Error) {
    for text in [error.to_string(), format!("{error:?}")] {
        for secret in [CLIENT_SECRET, CLIENT_ID, ":int", "Bearer", "client_secret", "oauth"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        for personal in ["svc.orders", "example.com", "Sync", "nightly"] {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
    }
}

#[tokio::test]
async fn every_code_has_its_class_whatever_the_status_and_the_type_of_the_code() {
    let midnight = "2026-11-25T06:00:00Z".parse().unwrap();
    let table = [
        (603, Class::Denied, true),
        (604, Class::Unknown, false),
        (606, Class::NotExecuted { retry_after: None }, true),
        (607, Class::QuotaReached { resets_at: midnight }, true),
        (608, Class::Unknown, false),
        (609, Class::Refused, true),
        (610, Class::NoSuchResource, true),
        (611, Class::Unexplained, false),
        (612, Class::Refused, true),
        (614, Class::Subscription, true),
        (615, Class::NotExecuted { retry_after: None }, true),
        (702, Class::Refused, true),
        (709, Class::Refused, true),
        (713, Class::Unknown, false),
        (1003, Class::Refused, true),
        (502, Class::Unknown, false),
    ];
    let (sim, client, clock) = instance(Setup::default()).await;
    for (code, class, not_executed) in table {
        let with_success = |mut body: Value| {
            body["success"] = json!(false);
            body
        };
        let faults = [
            answer(400, errors(code)),
            answer(503, errors(code.to_string())),
            answer(200, with_success(errors(code))),
            answer(200, errors(code)),
        ];
        for fault in faults {
            sim.faults().script("invite", fault);
            let error = client.invite(&svc(), || true).await.unwrap_err();
            assert_eq!((&error.class, error.code), (&class, Some(code)), "{error}");
            assert_eq!(error.class.certainly_not_executed(), not_executed, "{error}");
            assert_eq!(error.certainly_not_executed(), not_executed, "{error}");
            assert!(
                error.to_string().starts_with(&format!("Marketo invite: error {code} (HTTP ")),
                "{error}"
            );
            assert!(error.to_string().ends_with("): message from Marketo"), "{error}");
            assert_private(&error);
            clock.advance(Duration::from_secs(20));
        }
    }
    assert_eq!(sim.invites(), 0);
}

#[tokio::test]
async fn status_determines_the_class_without_a_code() {
    let table = [
        (400, Class::Refused),
        (403, Class::Denied),
        (404, Class::NoSuchResource),
        (405, Class::Refused),
        (429, Class::NotExecuted { retry_after: None }),
        (500, Class::Unexplained),
        (502, Class::Unknown),
        (503, Class::Unknown),
        (504, Class::Unknown),
        (302, Class::Unexplained),
    ];
    for (status, class) in table {
        for body in [json!({}), json!(true), json!({"errors": []}), json!({"errors": [{"code": "?"}]})] {
            let error = invite_with(answer(status, body)).await;
            assert_eq!((error.class, error.status, error.code), (class.clone(), Some(status), None));
        }
    }
}

#[tokio::test]
async fn undocumented_success_of_a_write_is_unexplained_and_of_a_read_unreadable() {
    for body in [json!(false), json!({}), json!([]), json!("ok"), json!({"success": true}), json!(null)] {
        let error = invite_with(answer(200, body)).await;
        assert_eq!(error.class, Class::Unexplained);
        assert!(!error.certainly_not_executed());
    }
    let error = invite_with(Fault::Html).await;
    assert_eq!(error.class, Class::Unexplained);
    assert_eq!(
        error.to_string(),
        "Marketo invite: HTTP 200: the response is not the JSON that Adobe documents"
    );
    for body in [json!(false), json!({}), json!("ok"), json!({"success": true, "result": 7})] {
        let (sim, client, _) = instance(Setup::default()).await;
        sim.faults().script("roles", answer(200, body));
        assert_eq!(client.roles().await.unwrap_err().class, Class::Unreadable);
    }
}

#[tokio::test]
async fn envelope_without_a_result_is_an_empty_list() {
    let (sim, client, _) = instance(Setup::default()).await;
    for call in ["roles", "workspaces", "allusers"] {
        sim.faults().script(call, answer(200, json!({"requestId": "a#b", "success": true})));
    }
    assert_eq!((client.roles().await.unwrap(), client.workspaces().await.unwrap()), (vec![], vec![]));
    assert_eq!(client.all_users().await.unwrap(), vec![]);
}

#[tokio::test]
async fn first_of_several_errors_determines_the_class() {
    let body = json!({"errors": [{"code": 606, "message": "first"}, {"code": 709, "message": "second"}]});
    let error = invite_with(answer(400, body)).await;
    assert_eq!(error.class, Class::NotExecuted { retry_after: None });
    assert_eq!(error.to_string(), "Marketo invite: error 606 (HTTP 400): first; second");
}

#[tokio::test]
async fn throttled_call_returns_how_long_to_wait() {
    let fault = Fault::Answer { status: 429, body: json!({}), retry_after: Some(17) };
    let error = invite_with(fault).await;
    assert_eq!(error.class, Class::NotExecuted { retry_after: Some(Duration::from_secs(17)) });
}

#[tokio::test]
async fn message_of_marketo_is_redacted() {
    let message = "User svc.orders@example.com (Orders Sync) cannot be invited: nightly order export\u{7}";
    let error = invite_with(answer(400, json!({"errors": [{"code": 709, "message": message}]}))).await;
    assert_private(&error);
    assert_eq!(error.message, "User … (… …) cannot be invited: …");
}

#[tokio::test]
async fn broken_connection_leaves_the_invite_unknown_and_is_not_retried() {
    let (sim, client, _) = instance(Setup::default()).await;
    for (fault, invites) in [(Fault::Cut, 0), (Fault::AppliedThenCut, 1)] {
        sim.faults().script("invite", fault);
        let error = client.invite(&svc(), || true).await.unwrap_err();
        assert_eq!((error.call, error.status), (Call::Invite, None));
        assert_eq!(error.class, Class::Unknown);
        assert!(!error.certainly_not_executed());
        assert_private(&error);
        assert_eq!(sim.invites(), invites);
    }
    assert_eq!(count(&sim, "invite"), 2, "no invite is repeated");
}

#[tokio::test]
async fn bad_gateway_after_the_invite_is_unknown() {
    let (sim, client, _) = instance(Setup::default()).await;
    sim.faults().script("invite", Fault::AppliedThenAnswer { status: 502, body: json!({}) });
    assert_eq!(client.invite(&svc(), || true).await.unwrap_err().class, Class::Unknown);
    assert!(client.find_user("svc.orders@example.com").await.unwrap().is_some());
}

#[tokio::test]
async fn hanging_call_times_out() {
    let clock = noon();
    let sim = MarketoSim::start(clock.clone(), Setup::default()).await.unwrap();
    let client = impatient_client(&sim.url(), &clock);
    sim.faults().script("invite", Fault::Hang);
    let error = client.invite(&svc(), || true).await.unwrap_err();
    assert_eq!(error.class, Class::Unknown);
    assert_eq!(error.to_string(), "Marketo invite: no response in time");
}

#[tokio::test]
async fn refused_connection_is_certainly_not_executed() {
    let gone = MarketoSim::start(noon(), Setup::default()).await.unwrap().url();
    let error = client(&gone, &noon()).invite(&svc(), || true).await.unwrap_err();
    assert_eq!((error.call, &error.class), (Call::Token, &Class::Unreachable));
    assert!(error.certainly_not_executed());
    assert!(error.to_string().contains("no connection"), "{error}");
    assert_private(&error);
}

#[tokio::test]
async fn failing_identity_endpoint_is_certainly_not_executed() {
    let clock = noon();
    let sim = MarketoSim::start(clock.clone(), Setup::default()).await.unwrap();
    sim.faults().script("token", Fault::Hang);
    let error = impatient_client(&sim.url(), &clock).invite(&svc(), || true).await.unwrap_err();
    assert_eq!(error.class, Class::Unreachable);
    assert_eq!(error.to_string(), "Marketo token: no response in time");
    let client = client(&sim.url(), &clock);
    let faults = [
        (Fault::Cut, Class::Unreachable),
        (Fault::AppliedThenCut, Class::Unreachable),
        (answer(502, json!({})), Class::Unreachable),
        (answer(500, errors(611)), Class::Unreachable),
        (Fault::Html, Class::Unreadable),
        (answer(200, json!({"access_token": ""})), Class::Unreadable),
        (answer(403, json!({})), Class::Denied),
        (answer(404, json!({})), Class::NoSuchResource),
    ];
    for (fault, class) in faults {
        sim.faults().script("token", fault);
        let error = client.invite(&svc(), || true).await.unwrap_err();
        assert_eq!((error.call, &error.class), (Call::Token, &class), "{error}");
        assert!(error.certainly_not_executed());
        assert_private(&error);
    }
    assert_eq!(count(&sim, "invite"), 0);
}

#[tokio::test]
async fn service_without_permissions_is_denied() {
    let (sim, client, _) = instance(Setup { permissions: false, ..Setup::default() }).await;
    client.authenticate().await.unwrap();
    assert_eq!(client.roles().await.unwrap_err().class, Class::Denied);
    assert_eq!(client.workspaces().await.unwrap_err().call, Call::Workspaces);
    assert_eq!(client.all_users().await.unwrap_err().call, Call::AllUsers);
    sim.set_permissions(true);
    assert_eq!(client.roles().await.unwrap().len(), 4);
}

#[tokio::test]
async fn oversized_response_is_not_read_to_its_end() {
    let (sim, client, _) = instance(Setup::default()).await;
    sim.faults().script("roles", answer(200, json!("x".repeat(9 * 1024 * 1024))));
    let error = client.roles().await.unwrap_err();
    assert_eq!(error.class, Class::Unreadable);
    assert!(error.message.contains("longer than"), "{error}");
}

#[tokio::test]
async fn server_without_tls_receives_nothing_at_an_https_address() {
    let sim = MarketoSim::start(noon(), Setup::default()).await.unwrap();
    let url = sim.url().replace("http://", "https://");
    let error = client(&url, &noon()).invite(&svc(), || true).await.unwrap_err();
    assert_eq!(error.class, Class::Unreachable);
    assert_private(&error);
    assert!(sim.calls().is_empty());
}
