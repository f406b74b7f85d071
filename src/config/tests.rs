//! The settings as a whole: what a good start reads, and what is told of a bad one.

mod defaults;
mod faults;
mod rules;
mod values;

use std::path::PathBuf;

use super::*;

/// A file that is complete but for what a test adds.
const GOOD: &str = r#"
[slack]
approval_channel = "C0APPROVE"
[policy]
approvers = ["U0APPROVE", "S0MOPS"]
roles = ["API Only"]
"#;

const SIGNING_SECRET: &str = "hidden-signing-secret";
const BOT_TOKEN: &str = "xoxb-hidden-token";
const CLIENT_ID: &str = "hidden-client-id";
const CLIENT_SECRET: &str = "hidden-client-secret";

const VARIABLES: &[(&str, &str)] = &[
    ("SLACK_SIGNING_SECRET", SIGNING_SECRET),
    ("SLACK_BOT_TOKEN", BOT_TOKEN),
    ("MARKETO_BASE_URL", "https://123-abc-456.mktorest.com/rest/"),
    ("MARKETO_CLIENT_ID", CLIENT_ID),
    ("MARKETO_CLIENT_SECRET", CLIENT_SECRET),
];

/// The settings that are read from this file and the usual variables with these in their place.
fn load_with(variables: &[(&str, &str)], file: &str) -> Result<Config, Vec<ConfigError>> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("bot.toml");
    std::fs::write(&path, file).unwrap();
    load(&Environment::from_pairs(VARIABLES.iter().chain(variables).copied()), Some(&path))
}

/// The lines of the faults.
fn told(config: Result<Config, Vec<ConfigError>>) -> Vec<String> {
    config.map(|_| ()).unwrap_err().iter().map(ConfigError::to_string).collect()
}
