//! The program's output at the most verbose log level, through a scenario with errors and refusals, contains no
//! secret, no user text, and no control character.

use marketo_api_user::sim::{
    fault::Fault,
    marketo::CLIENT_SECRET,
    slack::{SimMessage, SlackSim},
    user::User,
};
use serde_json::json;

use crate::{
    host::{Host, Running},
    schema,
};

const DATABASE_PASSWORD: &str = "planted-database-password";

/// User text of the scenario, in lower case.
const WRITTEN: [&str; 8] = [
    "mallory.secret",
    "mallory%2esecret",
    "mallory.faulty",
    "mallory.second",
    "mallorina",
    "verysecretson",
    "hush-hush",
    "no-not-ever",
];

#[expect(clippy::disallowed_methods, reason = "a test's own setting")]
pub(crate) fn postgres() -> Option<String> {
    std::env::var("TEST_POSTGRES_URL").ok()
}

/// The URL of an empty database on `server`, with the planted password if the server needs none.
async fn with_password(host: &Host, server: &str) -> String {
    let name = format!("secrets_{}", host.clock.new_id().replace('-', ""));
    let url = schema::fresh(server, &name).await;
    let (user, rest) = url.split_once('@').expect("a user");
    let is_bare = !user.trim_start_matches("postgres://").contains(':');
    if is_bare { format!("{user}:{DATABASE_PASSWORD}@{rest}") } else { url }
}

async fn asks(running: &Running, person: &User, email: &str) {
    // The command does not accept an invalid email; the form opens and says why.
    let typed = if email.is_ascii() { email } else { "" };
    assert_eq!(person.types("C0OPS", &format!("/marketo-api-user {typed}")).await.status, 200);
    let seen = person.sees_modal().await;
    assert!(seen.is_ok(), "{seen:?}: {:#?}", running.log());
    let fields = [
        ("Email", email),
        ("First name", "Mallorina"),
        ("Last name", "Verysecretson"),
        ("Reason", "the hush-hush integration"),
        ("Role", "API Only"),
    ];
    person.fills(&fields).await.unwrap();
}

async fn card_with(host: &Host, running: &Running, index: usize, words: &str) -> SimMessage {
    let has = |slack: &SlackSim| {
        let cards = slack.channel("C0APPROVE");
        cards.get(index).is_some_and(|card| card.text.contains(words))
    };
    assert!(host.slack.wait_for(has).await, "no {words:?}: {:#?}", running.log());
    host.slack.channel("C0APPROVE").remove(index)
}

/// Runs the scenario. Returns everything that the program wrote and answered, with its origin.
async fn play(host: &mut Host) -> Vec<(String, String)> {
    let mut written = Vec::new();
    let running = host.serve_ready().await;
    let (rae, ada) = (host.work.person("U0REQ"), host.work.person("U0APPROVE"));
    asks(&running, &rae, "mallory.faulty\u{430}@example.com").await;
    let faulty = rae.submits().await.unwrap();
    assert!(!faulty.closed && faulty.errors.len() == 1, "{faulty:?}");
    rae.closes().await.unwrap();

    // Slack and Marketo fail, and echo what was sent to them.
    let words = "mallory.secret@example.com (Mallorina Verysecretson) \u{1b}[2J\n\u{202E}cannot be added";
    let refused = json!({"ok": false, "error": "invalid_blocks", "response_metadata": {"messages": [words]}});
    host.slack.refuse("chat.postMessage", "internal_error");
    host.slack.faults().script("chat.update", Fault::Html);
    host.slack.faults().script("users.info", Fault::Answer { status: 200, body: refused, retry_after: None });
    let refused = json!({"success": false, "errors": [{"code": "611", "message": words}]});
    host.marketo.faults().script("invite", Fault::Answer { status: 500, body: refused, retry_after: None });
    asks(&running, &rae, "mallory.secret@example.com").await;
    let submitted = rae.submits().await.unwrap();
    assert!(submitted.closed && submitted.errors.is_empty(), "{submitted:?}");
    let card = card_with(host, &running, 0, "mallory.secret").await;
    assert_eq!(ada.clicks(&card, "Approve").await.unwrap().status, 200);
    asks(&running, &rae, "mallory.second@example.com").await;
    assert!(rae.submits().await.unwrap().closed);
    let card = card_with(host, &running, 1, "mallory.second").await;
    assert_eq!(ada.clicks(&card, "Deny").await.unwrap().status, 200);
    ada.sees_modal().await.unwrap();
    ada.fills(&[("Reason", "no-not-ever")]).await.unwrap();
    assert!(ada.submits().await.unwrap().closed);
    card_with(host, &running, 1, "Denied").await;

    // Signed but malformed, unsigned, and unknown paths.
    let strange = "command=%2Fmarketo-api-user&text=&team_id=T0001&api_app_id=A0001&channel_id=C0OPS&trigger_id=1.2.x\
                   &user_id=U%1b%5b2J%0aERROR+forged%E2%80%AE";
    host.work.post_signed("/slack/commands", "application/x-www-form-urlencoded", strange).await;
    let mut forged =
        host.work.signed("/slack/commands", "application/x-www-form-urlencoded", "text=hush-hush");
    forged.signature.replace_range(5..6, "g");
    for (path, body) in [("/slack/commands", forged.body.clone()), ("/nowhere", String::new())] {
        let mut request = forged.clone();
        (request.path, request.body) = (path.to_owned(), body);
        let reply = host.work.send(&request).await;
        assert!(reply.status == 401 || reply.status == 404, "{reply:?}");
        written.push((format!("the answer of {path}"), reply.body));
    }
    let unreadable = "payload=%7Bmallory.secret";
    let reply =
        host.work.post_signed("/slack/interactions", "application/x-www-form-urlencoded", unreadable).await;
    assert_eq!(reply.status, 400);
    written.push(("an error".to_owned(), reply.body));
    for path in ["/healthz", "/metrics", "/readyz", "/nowhere"] {
        written.push((path.to_owned(), running.get(path).await.1));
    }
    host.marketo.expire_tokens();
    let ended = running.stops().await;
    ended.is_good();
    assert!(ended.stdout.contains("TRACE"), "it was not talkative: {}", ended.stdout);
    written.push(("the log".to_owned(), ended.stdout));

    // The subcommands that read the same database.
    for arguments in [
        &["check"][..],
        &["check", "--json"],
        &["ledger", "verify"],
        &["ledger", "head"],
        &["ledger", "export", "--format", "json"],
        &["ledger", "export", "--format", "csv"],
    ] {
        let ended = host.run(arguments).await;
        written.push((format!("{arguments:?}"), format!("{}{}", ended.stdout, ended.stderr)));
    }
    written
}

#[tokio::test]
async fn output_contains_neither_secrets_nor_user_text() {
    let on_postgres = postgres().map(|server| (Some(server), "json"));
    for (database, format) in [(None, "text"), (None, "json")].into_iter().chain(on_postgres) {
        let mut host = Host::open().await;
        host.set("RUST_LOG", "trace");
        host.set("LOG_FORMAT", format);
        if let Some(server) = &database {
            let url = with_password(&host, server).await;
            host.set("DATABASE_URL", &url);
        }
        let setup = host.slack.setup();
        let written = play(&mut host).await;
        // The tokens that Marketo issued end with this.
        let secrets =
            [&setup.signing_secret, &setup.bot_token, CLIENT_SECRET, DATABASE_PASSWORD, ":int", "bearer "];
        for (origin, text) in &written {
            let lower = text.to_lowercase();
            // A ledger export names who requested whom, but no secrets.
            let personal = if origin.contains("\"export\"") { &[][..] } else { &WRITTEN[..] };
            for secret in secrets.iter().chain(personal) {
                let leaks: Vec<&str> = lower.lines().filter(|line| line.contains(secret)).collect();
                assert!(leaks.is_empty(), "{secret:?} in {origin} ({format}):\n{}", leaks.join("\n"));
            }
            let is_unsafe = |c: char| (c.is_control() && c != '\n') || ('\u{202A}'..='\u{202E}').contains(&c);
            assert!(!text.contains(is_unsafe), "a control character in {origin} ({format}): {text:?}");
        }
    }
}

/// `check` prints names from the settings and from Marketo on a terminal.
#[tokio::test]
async fn control_characters_in_settings_are_escaped_on_output() {
    let host = Host::open().await;
    let hostile = r#"roles = ["\u001b[2J\u202EAPI\u009b31m", "#;
    host.write("bot.toml", &crate::host::POLICY.replace("roles = [", hostile));
    for arguments in [&["check"][..], &["check", "--json"]] {
        let ended = host.run(arguments).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let written = format!("{}{}", ended.stdout, ended.stderr);
        assert!(written.contains("u001b[2J"), "{written}");
        let is_unsafe = |c: char| (c.is_control() && c != '\n') || c == '\u{202E}';
        assert!(!written.contains(is_unsafe), "{arguments:?}: {written:?}");
    }
}
