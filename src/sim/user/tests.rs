//! People and a stub bot that opens a modal, refuses it once, and posts a card.

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response, StatusCode},
};
use serde_json::json;

use super::*;
use crate::{
    clock::Clock,
    sim::{
        server::{Cut, Server},
        slack::Setup,
    },
};

/// Verifies every request and records its payload. It refuses a submission without a name.
#[derive(Default)]
struct StubBot {
    payloads: Mutex<Vec<Value>>,
    refused: AtomicU32,
}

impl StubBot {
    fn answer(&self, request: &Request<Bytes>) -> Response<Body> {
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        let secret = Setup::default().signing_secret;
        let timestamp = header("x-slack-request-timestamp");
        if sign(&secret, &timestamp, request.body()) != header("x-slack-signature") {
            self.refused.fetch_add(1, Ordering::SeqCst);
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            return response;
        }
        let form: BTreeMap<String, String> = serde_urlencoded::from_bytes(request.body()).unwrap();
        let payload = form.get("payload").map_or_else(|| json!(form), |p| serde_json::from_str(p).unwrap());
        self.payloads.lock().unwrap().push(payload.clone());
        let values = &payload["view"]["state"]["values"];
        let answer = if request.uri().path() == "/slack/options" {
            json!({ "options": [{ "text": plain("Default"), "value": "1" }] })
        } else if payload["text"] == "help" {
            json!({ "text": "usage" })
        } else if payload["type"] == "view_submission" && values["name"]["v"]["value"].is_null() {
            json!({ "response_action": "errors", "errors": { "name": "Who?" } })
        } else {
            return Response::new(Body::empty());
        };
        Response::builder()
            .header("content-type", "application/json")
            .body(Body::from(answer.to_string()))
            .unwrap()
    }

    fn last(&self) -> Value {
        self.payloads.lock().unwrap().last().cloned().unwrap()
    }
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": true })
}

struct Fixture {
    workspace: SlackWorkspace,
    bot: Arc<StubBot>,
    _server: Server,
}

async fn fixture() -> Fixture {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    let slack = SlackSim::start(clock.clone(), Setup::default()).await.unwrap();
    let bot = Arc::new(StubBot::default());
    let server = Server::start({
        let bot = Arc::clone(&bot);
        move |request| {
            let bot = Arc::clone(&bot);
            async move { Ok::<_, Cut>(bot.answer(&request)) }
        }
    })
    .await
    .unwrap();
    let workspace = SlackWorkspace::new(slack, &server.url(), clock);
    Fixture { workspace, bot, _server: server }
}

impl Fixture {
    /// Calls the Web API as the bot would.
    async fn api(&self, method: &str, body: Value) {
        let mut form = vec![("token", "xoxb-simulated".to_owned())];
        for (name, value) in body.as_object().unwrap() {
            form.push((name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
        let body = serde_urlencoded::to_string(form).unwrap();
        let request = self.workspace.signed(&format!("/api/{method}"), FORM, &body);
        let bot = SlackWorkspace::new(
            Arc::clone(self.workspace.slack()),
            self.workspace.slack().api_url().trim_end_matches("/api"),
            Clock::system(),
        );
        let reply = bot.send(&request).await;
        assert!(reply.body.contains("\"ok\":true"), "{}", reply.body);
    }

    async fn open_modal(&self) {
        let trigger = self.bot.last()["trigger_id"].clone();
        let options =
            json!([{ "text": plain("API Only"), "value": "102" }, { "text": plain("Admin"), "value": "1" }]);
        let input = |id: &str, label: &str, element: Value| {
            let mut element = element;
            element["action_id"] = json!("v");
            json!({ "type": "input", "block_id": id, "label": plain(label), "element": element })
        };
        let mut role = input("role", "Role", json!({ "type": "static_select", "options": options }));
        role["dispatch_action"] = json!(true);
        let view = json!({
            "type": "modal", "title": plain("Marketo API user"), "submit": plain("Request"),
            "callback_id": "form", "notify_on_close": true,
            "blocks": [
                input("email", "Email", json!({ "type": "email_text_input", "initial_value": "svc@example.com" })),
                input("name", "First name", json!({ "type": "plain_text_input" })),
                input("until", "Access expiration", json!({ "type": "datepicker" })),
                role,
                input("space", "Workspace", json!({ "type": "external_select", "min_query_length": 2 })),
                { "type": "actions", "block_id": "more", "elements": [{ "type": "button", "action_id": "b", "text": plain("Deny") }] },
            ],
        });
        self.api("views.open", json!({ "trigger_id": trigger, "view": view })).await;
    }
}

#[test]
fn signatures_match_the_published_vectors() {
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
        &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
        &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands\
        %2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
        &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    assert_eq!(
        sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body),
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    );
    assert_eq!(
        sign("fa2c05deeef5a4077494e89f54394de0", "1531420618", "test-body"),
        "v0=baa91ef62d346e56607bbdd278a8acd570b91226854f15a382f43d33be42f666"
    );
}

#[tokio::test]
async fn a_command_is_a_signed_form_and_its_response_is_shown() {
    let fixture = fixture().await;
    let requester = fixture.workspace.person("U0REQ");
    let reply = requester.types("C0OPS", "/marketo-api-user svc@example.com").await;
    assert_eq!((reply.status, reply.body.as_str(), &reply.error), (200, "", &None));
    let payload = fixture.bot.last();
    for (name, value) in [
        ("command", "/marketo-api-user"),
        ("text", "svc@example.com"),
        ("user_id", "U0REQ"),
        ("channel_id", "C0OPS"),
        ("channel_name", "marketing-ops"),
        ("team_id", "T0001"),
        ("api_app_id", "A0001"),
    ] {
        assert_eq!(payload[name], value);
    }
    requester.types("C0PRIVATE", "/marketo-api-user help").await;
    assert_eq!(fixture.bot.last()["channel_name"], "privategroup");
    assert_eq!(fixture.workspace.slack().ephemerals_for("U0REQ")[0].text, "usage");

    let again = fixture.workspace.send(&reply.sent).await;
    assert_eq!(again.status, 200, "an exact replay is accepted");
    let forged = SignedRequest { body: "payload=%7B%7D".to_owned(), ..reply.sent };
    let refused = fixture.workspace.send(&forged).await;
    assert_eq!((refused.status, refused.error.as_deref()), (401, Some("dispatch_failed")));
    assert_eq!(fixture.bot.refused.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_modal_can_be_corrected_and_submitted_again() {
    let fixture = fixture().await;
    let requester = fixture.workspace.person("U0REQ");
    requester.types("C0OPS", "/marketo-api-user").await;
    let (modal, ()) = tokio::join!(requester.sees_modal(), fixture.open_modal());
    assert_eq!(modal.unwrap().labels(), ["Email", "First name", "Access expiration", "Role", "Workspace"]);

    let replies =
        requester.fills(&[("Access expiration", "2027-01-31"), ("Role", "API Only")]).await.unwrap();
    assert_eq!(replies.len(), 1, "only the role dispatches an action");
    let changed = fixture.bot.last();
    assert_eq!(changed["actions"][0]["selected_option"]["value"], "102");
    assert_eq!(changed["container"]["type"], "view");

    let refused = requester.submits().await.unwrap();
    assert_eq!((refused.closed, refused.errors["First name"].as_str()), (false, "Who?"));
    assert!(requester.open_view().unwrap().errors.contains_key("name"));
    let offered = requester.asks_options("Workspace", "Def").await.unwrap();
    assert_eq!(offered.texts(), ["Default"]);
    assert!(requester.asks_options("Workspace", "D").await.is_err());
    requester.fills(&[("First name", "Ada"), ("Workspace", "Default")]).await.unwrap();
    let wrong = requester.fills(&[("Role", "Owner")]).await.unwrap_err();
    assert_eq!(wrong.to_string(), "U0REQ sees no option Owner in Role; visible: API Only, Admin");
    let clicked = requester.clicks_in_modal("Deny").await.unwrap();
    assert_eq!(clicked.status, 200);

    let good = requester.submits().await.unwrap();
    assert!(good.closed && good.errors.is_empty() && requester.open_view().is_none());
    let role = json!({ "text": plain("API Only"), "value": "102" });
    assert_eq!(
        fixture.bot.last()["view"]["state"]["values"],
        json!({
            "email": { "v": { "type": "email_text_input", "value": "svc@example.com" } },
            "name": { "v": { "type": "plain_text_input", "value": "Ada" } },
            "until": { "v": { "type": "datepicker", "selected_date": "2027-01-31" } },
            "role": { "v": { "type": "static_select", "selected_option": role } },
            "space": { "v": { "type": "external_select",
                "selected_option": { "text": plain("Default"), "value": "1" } } },
        })
    );
}

#[tokio::test]
async fn the_bot_is_notified_of_a_closed_modal() {
    let fixture = fixture().await;
    let requester = fixture.workspace.person("U0REQ");
    requester.types("C0OPS", "/marketo-api-user").await;
    fixture.open_modal().await;
    assert!(requester.closes().await.unwrap().is_some());
    assert_eq!(fixture.bot.last()["type"], "view_closed");
    assert!(requester.open_view().is_none());
}

#[tokio::test]
async fn a_button_is_found_by_its_text_in_the_current_message() {
    let fixture = fixture().await;
    let slack = Arc::clone(fixture.workspace.slack());
    let button = json!({ "type": "button", "action_id": "approve", "value": "r1", "style": "primary",
        "text": plain("Approve") });
    let blocks = json!([{ "type": "actions", "block_id": "decision", "elements": [button] }]);
    fixture
        .api("chat.postMessage", json!({ "channel": "C0APPROVE", "text": "card", "blocks": blocks }))
        .await;
    let card = slack.channel("C0APPROVE").remove(0);
    let approver = fixture.workspace.person("U0APPROVE");
    assert_eq!(approver.clicks(&card, "Approve").await.unwrap().status, 200);
    let payload = fixture.bot.last();
    assert_eq!(payload["actions"][0]["value"], "r1");
    assert_eq!(payload["container"]["message_ts"], card.ts.as_str());
    assert_eq!(payload["message"]["blocks"], blocks);
    assert!(payload["response_url"].as_str().unwrap().contains("/response/"));

    fixture.api("chat.update", json!({ "channel": "C0APPROVE", "ts": card.ts, "text": "done" })).await;
    let gone = approver.clicks((card.channel.as_str(), card.ts.as_str()), "Approve").await;
    assert!(gone.is_err());
    assert!(approver.clicks_stale(&card, "Approve").await.is_ok());
}

#[tokio::test]
async fn an_unusable_response_is_an_error() {
    let fixture = fixture().await;
    let requester = fixture.workspace.person("U0REQ");
    fixture.workspace.set_bot_url("http://127.0.0.1:1");
    let reply = requester.types("C0OPS", "/marketo-api-user").await;
    assert_eq!((reply.status, reply.error.as_deref()), (0, Some("operation_timeout")));
}
