//! What is fuzzed: everything that reads what came from outside. The fuzz targets and `tests/fuzz_corpus.rs` share
//! these functions, so that what one of them finds is a seed for the other.
//!
//! Each takes any bytes, must not panic, and checks what has to hold of whatever was read. What comes as an answer of
//! Slack or Marketo is read by the real clients from a real connection: on the input's first line stand the call, the
//! HTTP status and the content type, the rest is the body. They use nothing but what the library offers anyway.

use std::{cell::OnceCell, sync::Arc, time::Duration};

use marketo_api_user::{
    clock::Clock,
    domain::{
        allowed_options::{AllowedOptions, Role},
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
        inbound::{Envelope, Interaction, SlashCommand, object},
        replies, text, views,
    },
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::Runtime,
};

/// The name of each target; its seeds lie in `fuzz/corpus/NAME`.
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
        _ => panic!("{target} is none of {TARGETS:?}"),
    }
}

/// The form of a slash command.
fn slash(data: &[u8]) {
    let Some(command) = SlashCommand::read(data) else { return };
    let shown = replies::not_understood(&command.command).text;
    shows_nothing_hidden(&shown);
    is_not_interpreted(&shown);
    is_not_interpreted(&replies::usage(&command.command, []).text);
    typed(command.text.as_bytes());
}

/// The form of a press, a submission or anything else of that kind.
fn interaction(data: &[u8]) {
    let Some(interaction) = Interaction::read(data) else { return };
    let key = interaction.submission_key();
    assert!(key.starts_with("view:"), "{key}");
    for action in &interaction.actions {
        let (request, revision) = ids::read_button_value(&action.value);
        assert!(action.value.starts_with(request.as_str()) && revision.to_string().len() < 21);
    }
    let state = &interaction.view.state;
    for block in state.blocks() {
        if let Some(value) = state.value(block) {
            typed(value.as_bytes());
        }
    }
    let _ = views::FormLabels::of(&interaction.view.callback_id);
}

/// A load of options.
fn options(data: &[u8]) {
    let Some(interaction) = Interaction::read(data) else { return };
    let named = |id: i64| Named { id, name: format!("Role {id} <!here>") };
    let roles = (1..150).map(|id| Role { named: named(id), only_all_workspaces: false }).collect();
    let offer = AllowedOptions { roles, workspaces: (1..150).map(named).collect() };
    for field in [Field::Role, Field::Workspace, Field::Email] {
        let _ = ids::instance_in(&interaction.block_id, field);
        let found = views::options(&offer, field, &interaction.value);
        assert!(found["options"].as_array().is_some_and(|options| options.len() <= 100), "{found}");
    }
}

/// An event with its envelope.
fn event(data: &[u8]) {
    let is_read = object::<Envelope>(data).is_some();
    // Anything that is an object is an envelope, whatever is in it; nothing else is, nor an object that says the same
    // thing twice.
    let json: Option<Value> = serde_json::from_slice(data).ok();
    // A number beyond all bounds may stand in a part that nobody reads.
    let Some(json) = json else {
        return assert!(!is_read || std::str::from_utf8(data).is_ok(), "this is no text");
    };
    assert!(json.is_object() || !is_read, "{json}");
    assert_eq!(object::<Envelope>(json.to_string().as_bytes()).is_some(), json.is_object(), "{json}");
}

/// A text that a person typed.
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
        let shown = text::mrkdwn(&typed, max);
        is_not_interpreted(&shown);
        shows_nothing_hidden(&shown);
        let literal = text::literal(&typed, max);
        shows_nothing_hidden(&literal);
        let plain = text::plain(&typed, max).text;
        for text in [shown, literal, plain] {
            assert!(text.encode_utf16().count() <= max, "{text:?} is longer than {max}");
        }
    }
}

/// Slack interprets nothing of ours in a text but mentions and dates, and here are none.
fn is_not_interpreted(text: &str) {
    assert!(!text.contains(['<', '>']) && !text.contains("://"), "{text:?}");
}

/// `text::mrkdwn` itself puts word joiners in; nothing else may be there that nobody sees.
fn shows_nothing_hidden(text: &str) {
    assert!(!text.contains(|c| is_invisible(c) && c != '\n' && c != '\u{2060}'), "{text:?}");
}

/// An answer of Slack's Web API, or of a `response_url`.
fn slack_answer(data: &[u8]) {
    with_answers(data, None, |url, method| async move {
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
            can_be_logged(&error.to_string());
            let is_code = |c: char| c.is_ascii_alphanumeric() || "_.:,-".contains(c);
            assert!(error.code.len() <= 80 && error.code.chars().all(is_code), "{error}");
        }
    });
}

/// An answer of Marketo.
fn marketo_answer(data: &[u8]) {
    let is_token = data.starts_with(b"token");
    let token = r#"{"access_token":"fuzz-token-of-marketo","expires_in":3600}"#;
    with_answers(data, (!is_token).then_some(token), |url, call| async move {
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
            "invite" => client.invite(&user).await.err(),
            _ => client.authenticate().await.err(),
        };
        if let Some(error) = error {
            can_be_logged(&error.to_string());
            let told = error.message.to_lowercase();
            assert!(error.message.chars().count() <= 200, "{error}");
            for hidden in ["fuzz-token-of-marketo", "secret-of-fuzz"] {
                assert!(!told.contains(hidden), "{error}");
            }
            if error.call == marketo::Call::Invite {
                assert!(!told.contains("invited@example.com"), "{error}");
            }
        }
    });
}

/// One line, without what a terminal would act upon.
fn can_be_logged(text: &str) {
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

/// Calls `client` with the address of a server that answers every request with `data`; requests for a token, where
/// `token` is given, with that.
fn with_answers<F: Future<Output = ()>>(
    data: &[u8],
    token: Option<&'static str>,
    client: impl FnOnce(String, String) -> F,
) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let head = String::from_utf8_lossy(&data[..end]).into_owned();
    let body = data.get(end + 1..).unwrap_or_default().to_vec();
    let mut words = head.split(' ');
    let call = words.next().unwrap_or_default().to_owned();
    // A status below 200 would not be the answer yet.
    let status =
        words.next().and_then(|word| word.parse().ok()).filter(|status| (200..=999).contains(status));
    let status: u16 = status.unwrap_or(200);
    let kind: String =
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
                    let answer = match token {
                        Some(token) if request.starts_with(b"GET /identity/") => {
                            write(200, "application/json", token.as_bytes())
                        }
                        _ => write(status, &kind, &body),
                    };
                    let _ = stream.write_all(&answer).await;
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

fn write(status: u16, kind: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Answer\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Reads a whole request, so that the connection does not break while the client still sends.
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
