//! Least privilege at Slack: which call needs which scope, by the simulator, which refuses as Slack does. Each scope of
//! the manifest is needed by a call that the bot makes, and `docs/CONFIGURATION.md` says so in a table.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use marketo_api_user::{
    cli::manifest,
    clock::Clock,
    domain::people::{ChannelId, GroupId, UserId},
    sim::slack::{Setup, SimChannel, SlackSim},
    slack::{
        client::{Client, MessageKey, Settings},
        error::{Class, Error},
        replies,
    },
};

const URL: &str = "https://bot.example.com";

/// The scopes of the manifest.
fn scopes() -> Vec<String> {
    let text = manifest(URL);
    let (_, list) = text.split_once("    bot:\n").unwrap();
    let names = list.lines().map_while(|line| line.strip_prefix("      - "));
    names.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

fn client(slack: &Arc<SlackSim>) -> Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let token = slack.setup().bot_token.into();
    let settings = Settings { api_url: slack.api_url(), token, timeout: Duration::from_secs(5) };
    Client::new(settings, Clock::system(), tls)
}

/// The calls that do not work with these scopes.
async fn refused(scopes: &[String]) -> BTreeSet<&'static str> {
    let slack = SlackSim::start(Clock::system(), Setup::default()).await.unwrap();
    let private = SimChannel { is_private: true, ..SimChannel::public("C0PRIVATE", "private", &["U0REQ"]) };
    slack.set_channel(private);
    let uninvited = SimChannel::public("C0PUBLIC", "public", &["U0REQ"]);
    slack.set_channel(SimChannel { bot_is_member: false, ..uninvited });
    slack.set_scopes(&scopes.iter().map(String::as_str).collect::<Vec<_>>());
    let (client, message, since) = (client(&slack), replies::starting(), Clock::system().now());
    let part = MessageKey { request: "R1".into(), name: "card".to_owned() };
    let (user, public, private) =
        (UserId::from("U0REQ"), ChannelId::from("C0OPS"), ChannelId::from("C0PRIVATE"));
    let direct = client.open_dm(&user).await;
    // Without a direct message of its own the call is made all the same.
    let direct_id = direct.clone().unwrap_or_else(|_| ChannelId::from("D0REQ"));
    let outcomes: Vec<(&'static str, Option<Error>)> = vec![
        ("auth.test", client.auth_test().await.err()),
        ("users.info", client.user(&user).await.err()),
        ("usergroups.users.list", client.group_members(&GroupId::from("S0MOPS")).await.err()),
        ("conversations.members, public", client.channel_members(&public).await.err()),
        ("conversations.members, private", client.channel_members(&private).await.err()),
        ("conversations.info, public", client.channel(&public).await.err()),
        ("conversations.info, private", client.channel(&private).await.err()),
        ("conversations.open", direct.err()),
        ("conversations.history, public", client.find_posted(&public, since, &part).await.err()),
        ("conversations.history, private", client.find_posted(&private, since, &part).await.err()),
        ("conversations.history, direct", client.find_posted(&direct_id, since, &part).await.err()),
        ("chat.postMessage", client.post("C0OPS", &message, &part, None).await.err()),
        ("chat.postMessage, not invited", client.post("C0PUBLIC", &message, &part, None).await.err()),
        ("chat.postMessage, direct", client.post("U0REQ", &message, &part, None).await.err()),
        ("chat.postEphemeral", client.post_ephemeral(&public, &user, &message).await.err()),
    ];
    let is_no = |error: &Error| {
        matches!(error.class, Class::MissingScope { .. }) || ["not_in_channel"].contains(&error.code.as_str())
    };
    outcomes
        .into_iter()
        .filter(|(_, error)| error.as_ref().is_some_and(is_no))
        .map(|(call, _)| call)
        .collect()
}

/// What does not work without each scope. `commands` is no scope of a call: without it there is no command.
const NEEDED_FOR: [(&str, &[&str]); 10] = [
    ("channels:history", &["conversations.history, public"]),
    ("channels:read", &["conversations.info, public", "conversations.members, public"]),
    (
        "chat:write",
        &[
            "chat.postEphemeral",
            "chat.postMessage",
            "chat.postMessage, direct",
            "chat.postMessage, not invited",
        ],
    ),
    ("chat:write.public", &["chat.postMessage, not invited"]),
    ("groups:history", &["conversations.history, private"]),
    ("groups:read", &["conversations.info, private", "conversations.members, private"]),
    ("im:history", &["conversations.history, direct"]),
    ("im:write", &["conversations.open"]),
    ("usergroups:read", &["usergroups.users.list"]),
    ("users:read", &["users.info"]),
];

#[tokio::test]
async fn every_scope_is_needed_by_a_call_and_no_call_needs_another() {
    let all = scopes();
    assert_eq!(refused(&all).await, BTreeSet::new(), "a scope is missing");
    for scope in all.iter().filter(|scope| *scope != "commands") {
        let others: Vec<String> = all.iter().filter(|other| *other != scope).cloned().collect();
        let (_, calls) = NEEDED_FOR.iter().find(|(name, _)| name == scope).expect(scope);
        let lost = refused(&others).await;
        let lost: Vec<&str> =
            lost.into_iter().filter(|call| scope != "im:write" || !call.contains("history")).collect();
        assert_eq!(lost, *calls, "without {scope}");
    }
}

#[test]
fn the_documentation_explains_each_scope() {
    let documentation = include_str!("../docs/CONFIGURATION.md");
    let heading = "| scope | without it |\n| --- | --- |\n";
    let (_, table) = documentation.split_once(heading).expect("a table of scopes");
    let rows: Vec<&str> = table.lines().take_while(|line| line.starts_with("| `")).collect();
    let named: Vec<String> = rows.iter().map(|row| row.split('`').nth(1).unwrap().to_owned()).collect();
    assert_eq!(named, scopes());
    assert!(rows.iter().all(|row| row.len() > 30), "{rows:#?}");
}
