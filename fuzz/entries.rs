//! The fuzz entry points: everything that parses untrusted input. The fuzz targets and `tests/project/fuzz_corpus.rs` share
//! them, so that a crash found by one is a seed for the other.
//!
//! Each takes arbitrary bytes, must not panic, and checks invariants of the result. Responses of Slack and Marketo are
//! read by the real clients over a real connection: the first line of the input contains the call, the HTTP status and
//! the content type, the rest is the body. Only the library's public API is used.

use std::{cell::OnceCell, sync::Arc, time::Duration};

use marketo_api_user::{
    clock::Clock,
    domain::{
        allowed_options::AllowedOptions,
        catalog::Role,
        change::Named,
        form::Field,
        people::{ChannelId, GroupId, UserId},
        text::{Email, PersonName, Reason, is_invisible},
    },
    marketo,
    slack::{
        self,
        client::MessageKey,
        ids,
        inbound::{BlockId, Inbound, ViewState},
        replies, text, views,
    },
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::Runtime,
};

/// The names of the targets. Their seeds are in `fuzz/corpus/NAME`.
pub(crate) const TARGETS: [&str; 7] =
    ["slash", "interaction", "options", "event", "slack_answer", "marketo_answer", "typed"];

/// Runs one target on one input.
pub(crate) fn run(target: &str, data: &[u8]) {
    match target {
        "slash" => slash(data),
        "interaction" => interaction(data),
        "options" => options(data),
        "event" => event(data),
        "slack_answer" => slack_answer(data),
        "marketo_answer" => marketo_answer(data),
        "typed" => typed(data),
        _ => panic!("{target} is not one of {TARGETS:?}"),
    }
}

/// The body of a slash command.
fn slash(data: &[u8]) {
    let Some(Inbound::SlashCommand(command)) = Inbound::of_command_form(data) else { return };
    let reply = replies::not_understood(&command.command).text;
    assert_nothing_invisible(&reply);
    assert_not_interpreted(&reply);
    assert_not_interpreted(&replies::usage(&command.command, []).text);
    typed(command.text.as_bytes());
    // Over a socket it comes as JSON, and says the same.
    let fields =
        serde_json::json!({"command": command.command, "user_id": command.user_id, "text": command.text});
    let json = fields.to_string();
    match Inbound::of_command(json.as_bytes()) {
        Some(Inbound::SlashCommand(same)) => assert_eq!(same.text, command.text),
        other => panic!("{other:?}"),
    }
}

/// The body of a block action, a view submission or another interaction.
fn interaction(data: &[u8]) {
    let Some(inbound) = Inbound::of_interaction_form(data) else { return };
    assert!(inbound.tenant().is_some() && inbound.interaction().is_some());
    let key = inbound.delivery_key();
    match &inbound {
        Inbound::BlockActions(actions) => {
            for action in &actions.actions {
                let (request, revision) = ids::read_button_value(&action.value);
                assert!(action.value.starts_with(request.as_str()) && revision.to_string().len() < 21);
            }
            if let Some(view) = &actions.view {
                state(&view.state);
                let _ = views::FormLabels::of(view.callback_id.as_str());
            }
        }
        Inbound::ViewSubmission(submission) => {
            let key = key.expect("a submission has a key").stored();
            assert!(key.id.starts_with("view:"), "{key:?}");
            assert!(key.attempt.is_some_and(|attempt| attempt.starts_with(&key.id)));
            state(&submission.view.state);
        }
        Inbound::ViewClosed(closed) => state(&closed.view.state),
        _ => {}
    }
}

/// What was typed and chosen in a form.
fn state(state: &ViewState) {
    for block in state.blocks() {
        assert_eq!(BlockId::parse(block.to_string()), *block);
        if let Some(value) = state.value(block) {
            typed(value.as_bytes());
        }
    }
}

/// The body of a request for the options of an external select.
fn options(data: &[u8]) {
    let Some(Inbound::BlockSuggestion(suggestion)) = Inbound::of_interaction_form(data) else { return };
    let named = |id: i64| Named { id, name: format!("Role {id} <!here>") };
    let roles = (1..150).map(|id| Role { named: named(id), only_all_workspaces: false }).collect();
    let allowed = AllowedOptions { roles, workspaces: (1..150).map(named).collect() };
    for field in [Field::Role, Field::Workspace, Field::Email] {
        let response = views::options(&allowed, field, &suggestion.value);
        assert!(response["options"].as_array().is_some_and(|options| options.len() <= 100), "{response}");
    }
}

/// An event with its envelope.
fn event(data: &[u8]) {
    let is_envelope = Inbound::of_event(data).is_some();
    // Every object without duplicate keys is an envelope, whatever it contains.
    let json: Option<Value> = serde_json::from_slice(data).ok();
    // `Value` rejects numbers that are too large, even in parts that the envelope ignores.
    let Some(json) = json else {
        return assert!(!is_envelope || std::str::from_utf8(data).is_ok(), "invalid UTF-8 was accepted");
    };
    assert!(json.is_object() || !is_envelope, "{json}");
    assert_eq!(Inbound::of_event(json.to_string().as_bytes()).is_some(), json.is_object(), "{json}");
}

/// A text typed by a person.
fn typed(data: &[u8]) {
    let typed = String::from_utf8_lossy(data);
    if let Ok(email) = Email::parse(&typed) {
        assert!(email.as_str().is_ascii() && Email::parse(email.as_str()).is_ok());
    }
    if let Ok(name) = PersonName::parse(&typed) {
        assert!(!name.as_str().contains(is_invisible));
    }
    if let Ok(reason) = Reason::parse(&typed) {
        assert!(!reason.as_str().contains(|c| c != '\n' && is_invisible(c)));
    }
    for max in [1, 75, 300] {
        let mrkdwn = text::mrkdwn(&typed, max);
        assert_not_interpreted(&mrkdwn);
        assert_nothing_invisible(&mrkdwn);
        let literal = text::literal(&typed, max);
        assert_nothing_invisible(&literal);
        let plain = text::plain(&typed, max).text;
        for text in [mrkdwn, literal, plain] {
            assert!(text.encode_utf16().count() <= max, "{text:?} is longer than {max}");
        }
    }
}

/// Checks that Slack interprets nothing in a text: no mention, date or link.
fn assert_not_interpreted(text: &str) {
    assert!(!text.contains(['<', '>']) && !text.contains("://"), "{text:?}");
}

/// Checks that a text contains no invisible characters but the word joiners that `text::mrkdwn` inserts.
fn assert_nothing_invisible(text: &str) {
    assert!(!text.contains(|c| is_invisible(c) && c != '\n' && c != '\u{2060}'), "{text:?}");
}

/// A response of Slack's Web API, or of a `response_url`.
fn slack_answer(data: &[u8]) {
    with_responses(data, None, |url, method| async move {
        let settings = slack::client::Settings {
            api_url: format!("{url}/api"),
            token: "xoxb-fuzz".into(),
            timeout: Duration::from_secs(5),
        };
        let client = slack::client::Client::new(settings, Clock::system(), tls());
        let message = replies::starting();
        let part = MessageKey { request: "R1".into(), name: "card".to_owned() };
        let (channel, user) = (ChannelId::from("C1"), UserId::from("U1"));
        let since = Clock::system().now();
        let error = match method.as_str() {
            "users.info" => client.user(&user).await.err(),
            "usergroups.users.list" => client.group_members(&GroupId::from("S1")).await.err(),
            "conversations.members" => client.channel_members(&channel).await.err(),
            "conversations.info" => client.channel(&channel).await.err(),
            "conversations.open" => client.open_dm(&user).await.err(),
            "conversations.history" => client.find_posted(&channel, since, &part).await.err(),
            "conversations.replies" => client.find_reply(&channel, "1.2", since, &part).await.err(),
            "views.open" => client.open_view("1.2.x", &views::loading_modal("{}")).await.err(),
            "chat.postMessage" => client.post("C1", &message, &part, None).await.err(),
            "chat.update" => client.update(&channel, "1.2", &message).await.err(),
            "chat.postEphemeral" => client.post_ephemeral(&channel, &user, &message).await.err(),
            "response_url" => client.respond(&format!("{url}/response/1"), &message).await.err(),
            "scopes" => client.granted_scopes().await.err(),
            _ => client.auth_test().await.err(),
        };
        if let Some(error) = error {
            assert_printable(&error.to_string());
            let is_code = |c: char| c.is_ascii_alphanumeric() || "_.:,-".contains(c);
            assert!(error.code.len() <= 80 && error.code.chars().all(is_code), "{error}");
        }
    });
}

/// A response of Marketo.
fn marketo_answer(data: &[u8]) {
    let is_token = data.starts_with(b"token");
    let token = r#"{"access_token":"fuzz-token-of-marketo","expires_in":3600}"#;
    with_responses(data, (!is_token).then_some(token), |url, call| async move {
        let settings = marketo::Settings {
            name: "production".to_owned(),
            base_url: url,
            client_id: "client-id-of-fuzz".to_owned(),
            client_secret: "secret-of-fuzz".into(),
            calls_per_20s: 10_000,
            max_concurrent: 5,
            timeout: Duration::from_secs(5),
        };
        let client = marketo::Client::new(settings, Clock::system(), tls()).expect("a client");
        let user = marketo::InviteUser {
            email: "invited@example.com".to_owned(),
            first_name: "Firstname".to_owned(),
            last_name: "Lastname".to_owned(),
            reason: None,
            expires_at: None,
            role_id: 1,
            workspace_id: 0,
        };
        let error = match call.as_str() {
            "roles" => client.roles().await.err(),
            "workspaces" => client.workspaces().await.err(),
            "allusers" => client.find_user("nobody@example.com").await.err(),
            "invite" => client.invite(&user, || true).await.err(),
            _ => client.authenticate().await.err(),
        };
        if let Some(error) = error {
            assert_printable(&error.to_string());
            let message = error.message.to_lowercase();
            assert!(error.message.chars().count() <= 400, "{error}");
            for secret in ["fuzz-token-of-marketo", "secret-of-fuzz"] {
                assert!(!message.contains(secret), "{error}");
            }
            if error.call == marketo::Call::Invite {
                assert!(!message.contains("invited@example.com"), "{error}");
            }
        }
    });
}

/// Checks that a text is one line without control or invisible characters.
fn assert_printable(text: &str) {
    assert!(!text.contains(is_invisible), "{text:?}");
}

fn tls() -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

thread_local! {
    static RUNTIME: OnceCell<Runtime> = const { OnceCell::new() };
}

/// Calls `client` with the URL of a server that responds to every request with `data`, but to requests for a token with
/// `token`, if given.
fn with_responses<F: Future<Output = ()>>(
    data: &[u8],
    token: Option<&'static str>,
    client: impl FnOnce(String, String) -> F,
) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let head = String::from_utf8_lossy(&data[..end]).into_owned();
    let body = data.get(end + 1..).unwrap_or_default().to_vec();
    let mut words = head.split(' ');
    let call = words.next().unwrap_or_default().to_owned();
    // After a status below 200 the client waits for the final response.
    let status =
        words.next().and_then(|word| word.parse().ok()).filter(|status| (200..=999).contains(status));
    let status: u16 = status.unwrap_or(200);
    let content_type: String =
        words.next().unwrap_or("application/json").chars().filter(|c| !c.is_control()).collect();
    RUNTIME.with(|runtime| {
        let runtime = runtime.get_or_init(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
        });
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let url = format!("http://{}", listener.local_addr().expect("an address"));
            let server = async {
                loop {
                    let Ok((mut stream, _)) = listener.accept().await else { continue };
                    let request = read_request(&mut stream).await;
                    let response = match token {
                        Some(token) if request.starts_with(b"GET /identity/") => {
                            http_response(200, "application/json", token.as_bytes())
                        }
                        _ => http_response(status, &content_type, &body),
                    };
                    let _ = stream.write_all(&response).await;
                    let _ = stream.shutdown().await;
                }
            };
            tokio::select! {
                () = client(url, call) => {}
                () = server => {}
            }
        });
    });
}

fn http_response(status: u16, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Fuzzed\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Reads a complete request, so that the connection does not break while the client is still sending.
async fn read_request(stream: &mut tokio::net::TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some(head) = text.find("\r\n\r\n") {
            let length = text[..head].split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if request.len() >= head + 4 + length {
                return request;
            }
        }
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => request.extend_from_slice(&chunk[..read]),
            _ => return request,
        }
    }
}
