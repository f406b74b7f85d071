//! The Slack app's manifest: valid for Slack, and requesting exactly what the bot uses.

use std::{collections::BTreeSet, fs, path::Path};

use marketo_api_user::cli::manifest;
use serde_json::Value;

const EXAMPLE: &str = "https://bot.example.com";

fn parsed(url: &str) -> Value {
    serde_norway::from_str(&manifest(url)).expect("the manifest is YAML")
}

fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is missing"))
}

fn words(value: &Value, pointer: &str) -> Vec<String> {
    let items = at(value, pointer).as_array().expect("a list");
    items.iter().map(|item| item.as_str().expect("a string").to_owned()).collect()
}

/// Every string in a value.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn manifest_conforms_to_slack_schemas() {
    let manifest = parsed(EXAMPLE);
    for version in [1, 2] {
        let name = format!("../shared/slack/manifest.schema.{version}.0.0.json");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let Ok(text) = fs::read(&path) else {
            println!("{} is absent: not checked against it", path.display());
            continue;
        };
        let schema = serde_json::from_slice(&text).expect("the schema is JSON");
        let validator = jsonschema::validator_for(&schema).expect("the schema is sound");
        let faults: Vec<String> =
            validator.iter_errors(&manifest).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(faults.is_empty(), "version {version}: {faults:#?}");
        let mut wrong = manifest.clone();
        wrong["settings"]["unheard_of"] = Value::Bool(true);
        assert!(!validator.is_valid(&wrong), "version {version} refuses nothing");
    }
}

/// The schemas' limits for the parts that are used, for machines without the schemas.
#[test]
fn manifest_respects_slack_limits() {
    let manifest = parsed(EXAMPLE);
    for (pointer, shortest, longest) in [
        ("/display_information/name", 1, 35),
        ("/display_information/description", 1, 140),
        ("/display_information/long_description", 175, 4000),
        ("/display_information/background_color", 4, 7),
        ("/features/bot_user/display_name", 1, 80),
        ("/features/slash_commands/0/command", 2, 32),
        ("/features/slash_commands/0/description", 1, 2000),
        ("/features/slash_commands/0/usage_hint", 1, 1000),
    ] {
        let length = at(&manifest, pointer).as_str().expect("a string").chars().count();
        assert!((shortest..=longest).contains(&length), "{pointer}: {length}");
    }
    let tables =
        |pointer: &str| at(&manifest, pointer).as_object().expect("a table").keys().cloned().collect();
    let top: BTreeSet<String> = tables("");
    assert_eq!(top, ["display_information", "features", "oauth_config", "settings"].map(String::from).into());
    let features: BTreeSet<String> = tables("/features");
    assert_eq!(features, ["app_home", "bot_user", "slash_commands"].map(String::from).into());
    let name = at(&manifest, "/features/bot_user/display_name").as_str().expect("a string");
    assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b"-_.".contains(&b)), "{name}");
}

#[test]
fn manifest_requests_only_used_features() {
    let manifest = parsed(EXAMPLE);
    assert_eq!(
        words(&manifest, "/oauth_config/scopes/bot"),
        [
            "channels:history",
            "channels:read",
            "chat:write",
            "chat:write.public",
            "commands",
            "groups:history",
            "groups:read",
            "im:history",
            "im:write",
            "usergroups:read",
            "users:read",
        ]
    );
    assert!(manifest.pointer("/oauth_config/scopes/user").is_none());
    assert_eq!(
        words(&manifest, "/settings/event_subscriptions/bot_events"),
        ["app_uninstalled", "subteam_members_changed", "subteam_updated", "tokens_revoked"]
    );
    for (pointer, expected) in [
        ("/features/app_home/home_tab_enabled", false),
        ("/features/app_home/messages_tab_enabled", true),
        ("/features/app_home/messages_tab_read_only_enabled", true),
        ("/features/slash_commands/0/should_escape", false),
        ("/settings/interactivity/is_enabled", true),
        ("/settings/org_deploy_enabled", false),
        ("/settings/socket_mode_enabled", false),
        ("/settings/token_rotation_enabled", false),
    ] {
        assert_eq!(at(&manifest, pointer), expected, "{pointer}");
    }
    assert_eq!(at(&manifest, "/features/slash_commands").as_array().map(Vec::len), Some(1));
    assert_eq!(at(&manifest, "/features/slash_commands/0/command"), "/marketo-api-user");
    assert_eq!(
        at(&manifest, "/features/slash_commands/0/usage_hint"),
        "[email | status | pending | policy | help]"
    );
    assert_eq!(at(&manifest, "/features/bot_user/display_name"), "marketo-api-user");
}

#[test]
fn every_scope_has_a_comment() {
    let text = manifest(EXAMPLE);
    let (_, scopes) = text.split_once("    bot:\n").expect("scopes");
    let scopes: Vec<&str> = scopes.lines().take_while(|line| line.starts_with("      - ")).collect();
    assert_eq!(scopes.len(), 11);
    for line in scopes {
        assert!(line.split_once(" # ").is_some_and(|(_, purpose)| purpose.len() > 10), "{line}");
    }
}

#[test]
fn manifest_url_replaces_every_url() {
    for url in ["https://marketo.acme.dev", "https://acme.dev:8443/bots/marketo", "http://127.0.0.1:3000"] {
        let text = manifest(url);
        assert!(!text.contains("bot.example.com"), "{text}");
        assert!(text.contains(&format!("marketo-api-user manifest --url {url}\n")), "{text}");
        let manifest = parsed(url);
        for (pointer, path) in [
            ("/features/slash_commands/0/url", "/slack/commands"),
            ("/settings/event_subscriptions/request_url", "/slack/events"),
            ("/settings/interactivity/request_url", "/slack/interactions"),
            ("/settings/interactivity/message_menu_options_url", "/slack/options"),
        ] {
            assert_eq!(at(&manifest, pointer), &Value::from(format!("{url}{path}")), "{pointer}");
        }
        let urls = strings(&manifest).into_iter().filter(|text| text.contains("://")).count();
        assert_eq!(urls, 4, "a URL that this test does not know");
    }
    assert_eq!(manifest(EXAMPLE), include_str!("../../manifest.yml"));
}
