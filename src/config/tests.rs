//! Tests of the settings as a whole: valid ones, and the errors of invalid ones.

mod defaults;
mod errors;
mod rules;
mod values;

use std::path::PathBuf;

use super::*;

/// A minimal valid file.
const MINIMAL: &str = r#"
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

/// Loads `file` with [`VARIABLES`], of which `variables` replaces some.
fn load_with(variables: &[(&str, &str)], file: &str) -> Result<Config, Vec<ConfigError>> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("bot.toml");
    std::fs::write(&path, file).unwrap();
    load(&Environment::from_pairs(VARIABLES.iter().chain(variables).copied()), Some(&path))
}

/// The messages of the errors.
fn errors_of(config: Result<Config, Vec<ConfigError>>) -> Vec<String> {
    config.map(|_| ()).unwrap_err().iter().map(ConfigError::to_string).collect()
}
