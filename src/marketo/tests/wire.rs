//! Undocumented responses of Marketo.

use axum::{body::Body, http::Response};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{client, instance, noon, svc};
use crate::{
    marketo::{
        Call, Class, Role, ShownTime, User, UserDetails, UserRole, Workspace,
        redact::redact,
        response::{RawResponse, classify},
    },
    sim::{
        fault::Fault,
        marketo::{Setup, SimUser},
        server::Server,
    },
};

#[test]
fn roles_are_read_in_both_documented_forms() {
    let page = json!({"id": 7, "name": "API", "description": null, "hidden": true, "onlyAllZones": true});
    let swagger = json!({"id": "7", "name": "API", "isHidden": true, "isOnlyAllZones": true, "new": {}});
    for entry in [page, swagger] {
        let role = Role::read(&entry).unwrap();
        assert_eq!((role.id, role.hidden, role.only_all_zones), (7, true, true));
        assert_eq!(role.description, "");
    }
    assert!(!Role::read(&json!({"id": 1, "name": "API"})).unwrap().only_all_zones);
    for unreadable in
        [json!({"name": "API"}), json!({"id": 1}), json!(null), json!([]), json!({"id": {}, "name": "x"})]
    {
        assert_eq!(Role::read(&unreadable), None);
    }
}

#[test]
fn workspaces_and_users_are_read_without_optional_fields() {
    let workspace = Workspace::read(&json!({"id": " 3 ", "name": "EMEA", "currencyInfo": {"a": 1}})).unwrap();
    assert_eq!((workspace.id, workspace.status.as_str()), (3, ""));
    let user = User::read(&json!({"emailAddress": "A@b.co", "id": "12", "firstName": null})).unwrap();
    assert_eq!((user.id, user.api_only, user.first_name.as_str()), (12, false, ""));
    assert_eq!(format!("{user:?}"), "User { id: 12, api_only: false, .. }");
    assert_eq!(User::read(&json!({"id": 12})), None);
    let invite = format!("{:?}", svc());
    assert!(
        !invite.contains("orders") && !invite.contains("Sync") && !invite.contains("nightly"),
        "{invite}"
    );
}

#[test]
fn rights_of_a_user_are_read_in_every_documented_form() {
    let record = |expires_at: Value| json!({"userid": "a@b.co", "apiOnly": true, "expiresAt": expires_at});
    let at: jiff::Timestamp = "2027-01-31T08:00:00Z".parse().unwrap();
    let table = [
        (json!(null), ShownTime::Never),
        (json!(""), ShownTime::Never),
        (json!("2027-01-31T08:00:00.000t+0000"), ShownTime::At(at)),
        (json!("20270131T08:00:00.0t+0000"), ShownTime::At(at)),
        (json!("2027-01-31T08:00:00.000Z+0000"), ShownTime::At(at)),
        (json!("2027-01-31T03:00:00-05:00"), ShownTime::At(at)),
        (json!("2027-01-31T08:00:00Z"), ShownTime::At(at)),
        (json!("2027-01-31T03:00:00.000-0500"), ShownTime::At(at)),
        (json!("next year"), ShownTime::Unreadable("next year".to_owned())),
        (json!(7), ShownTime::Unreadable("7".to_owned())),
    ];
    for (text, expected) in table {
        assert_eq!(UserDetails::read(&record(text.clone()), Vec::new()).expires_at, expected, "{text}");
    }
    assert_eq!(UserDetails::read(&json!({}), Vec::new()).api_only, None);
    let role = json!({"accessRoleId": "101", "accessRoleName": "API Only", "workspaceId": 0});
    let role = UserRole::read(&role).unwrap();
    assert_eq!((role.role_id, role.workspace_id, role.workspace_name.as_str()), (101, 0, ""));
}

#[tokio::test]
async fn rights_are_read_by_the_id_of_a_user() {
    let mut user = SimUser::new(7, "svc+crm/eu@example.com", "Svc", "Crm", true);
    user.roles = vec![(101, 1)];
    let (sim, client, _) = instance(Setup { users: vec![user], ..Setup::default() }).await;
    let details = client.user_details("svc+crm/eu@example.com").await.unwrap();
    assert_eq!((details.api_only, details.roles[0].role_id), (Some(true), 101));
    let paths: Vec<_> =
        sim.calls().into_iter().filter(|call| call.name != "token").map(|call| call.path).collect();
    assert!(paths[0].ends_with("/users/svc%2Bcrm%2Feu@example.com/user.json"), "{paths:?}");
    // The record has the roles, too.
    sim.faults().script("user_roles", Fault::Cut);
    assert_eq!(client.user_details("svc+crm/eu@example.com").await.unwrap(), details);
    assert_eq!(client.user_details("nobody").await.unwrap_err().class, Class::NoSuchResource);
    assert_eq!(client.user_details("").await.unwrap_err().class, Class::NoSuchResource);
}

#[tokio::test]
async fn compressed_response_is_read() {
    // `true`, by gzip.
    const TRUE: &[u8] =
        &[31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 43, 41, 42, 77, 5, 0, 141, 76, 252, 253, 4, 0, 0, 0];
    let server = Server::start(|request| async move {
        let token = r#"{"access_token":"t","token_type":"bearer","expires_in":"60"}"#;
        if request.uri().path().starts_with("/identity") {
            return Ok(Response::new(Body::from(token)));
        }
        assert_eq!(request.headers()["accept-encoding"], "gzip");
        Ok(Response::builder().header("content-encoding", "gzip").body(Body::from(TRUE)).unwrap())
    });
    let server = server.await.unwrap();
    client(&server.url(), &noon()).invite(&svc(), || true).await.unwrap();
}

#[test]
fn redacted_messages_stay_readable() {
    let table = [
        ("User a.b+c@mail.example.com exists", "User …@… exists"),
        ("<x@y.co>, \"q\"@z.co", "<…@…>, \"q\"…@…"),
        ("x%40y.co is 50% off @ noon", "…@… is 50% off @ noon"),
        ("a@b@c.de", "…@…"),
        ("two\nlines\u{0}\u{202e}here", "two lineshere"),
        ("Al Already secretsecret1 xsecretsecret1x", "… Already … x…x"),
    ];
    for (message, redacted) in table {
        assert_eq!(redact(message, &["Al", "secretsecret1", ""]), redacted);
    }
    assert_eq!(redact(&"é".repeat(500), &[]).chars().count(), 400);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-2i64..2000).prop_map(Value::from),
        "[a-z0-9@ ]{0,6}".prop_map(Value::from),
        Just(json!("true")),
        Just(json!("606")),
    ];
    let key = prop_oneof![
        Just("errors"),
        Just("code"),
        Just("message"),
        Just("success"),
        Just("result"),
        Just("error"),
        Just("id"),
        Just("emailAddress"),
        Just("access_token"),
        Just("expires_in"),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        any_json().prop_map(|json| json.to_string().into_bytes()),
        Just(b"true".to_vec()),
        Just(b" \"true\"\n".to_vec()),
    ]
}

proptest! {
    #[test]
    fn only_the_documented_response_is_a_success(
        status in prop_oneof![Just(200u16), Just(201), 200u16..600],
        retry_after in prop::option::of("[ -~]{0,12}"),
        body in any_body(),
    ) {
        let now = noon().now();
        let response = RawResponse { status, retry_after: retry_after.as_deref(), body: &body };
        let is_documented = matches!(status, 200 | 201)
            && serde_json::from_slice(&body).is_ok_and(|json: Value| json == json!(true) || json == json!("true"));
        prop_assert_eq!(classify(Call::Invite, &response, now, &["a"]).is_ok(), is_documented);
        for call in [Call::Token, Call::Roles, Call::Workspaces, Call::AllUsers] {
            if let Ok(json) = classify(call, &response, now, &[]) {
                let entries = crate::marketo::wire::entries(&json).unwrap_or_default();
                entries.iter().for_each(|entry| {
                    let _ = (Role::read(entry), Workspace::read(entry), User::read(entry));
                });
            }
        }
    }

    #[test]
    fn no_message_keeps_an_email_address(message in "\\PC{0,80}", local in "[a-z.+]{1,8}") {
        let redacted = redact(&format!("{message} {local}@secret.example {message}"), &[&message]);
        prop_assert!(!redacted.contains("secret.example"));
        prop_assert!(redacted.chars().count() <= 400);
    }
}

#[tokio::test]
async fn bodies_without_json_are_classified_by_status() {
    for (status, body, class) in [
        (200, "", Class::Unexplained),
        (204, "", Class::Unexplained),
        (200, "<html>", Class::Unexplained),
        (200, "tru", Class::Unexplained),
        (403, "", Class::Denied),
        (404, "<html>", Class::NoSuchResource),
        (502, "<html>", Class::Unknown),
        (400, "\u{0}", Class::Refused),
    ] {
        let server = Server::start(move |request| async move {
            let token = r#"{"access_token":"t","token_type":"bearer","expires_in":"60"}"#;
            let is_identity = request.uri().path().starts_with("/identity");
            let (status, body) = if is_identity { (200, token) } else { (status, body) };
            Ok(Response::builder().status(status).body(Body::from(body)).unwrap())
        });
        let server = server.await.unwrap();
        let error = client(&server.url(), &noon()).invite(&svc(), || true).await.unwrap_err();
        assert_eq!((error.class, error.status), (class, Some(status)));
    }
}
