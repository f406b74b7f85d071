//! The settings of the bot in the playground, read as any bot's are.

use std::{fs, io, path::PathBuf};

use super::PlayError;
use crate::{
    clock::Clock,
    config::{Config, Environment, load},
};

/// What is configured in the playground unless somebody brings something else.
pub const POLICY: &str = r#"[slack]
approval_channel = "C0APPROVE"

[policy]
approvers = ["U0APPROVE", "S0MOPS"]
roles = ["API Only", "API Only - EMEA"]
"#;

pub(super) struct Addresses {
    pub(super) slack: String,
    pub(super) marketo: String,
    pub(super) database: String,
    pub(super) signing_secret: String,
    pub(super) bot_token: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) policy: String,
    pub(super) folder: PathBuf,
}

/// A new folder for one playground.
pub(super) fn folder(clock: &Clock) -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("marketo-api-user-{}", clock.new_id()));
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

pub(super) fn load_config(addresses: &Addresses) -> Result<Config, PlayError> {
    let file = addresses.folder.join("marketo-api-user.toml");
    fs::write(&file, &addresses.policy)?;
    let environment = Environment::from_pairs([
        ("SLACK_SIGNING_SECRET", addresses.signing_secret.as_str()),
        ("SLACK_BOT_TOKEN", &addresses.bot_token),
        ("SLACK_API_URL", &addresses.slack),
        ("MARKETO_BASE_URL", &addresses.marketo),
        ("MARKETO_CLIENT_ID", &addresses.client_id),
        ("MARKETO_CLIENT_SECRET", &addresses.client_secret),
        ("DATABASE_URL", &addresses.database),
    ]);
    load(&environment, Some(&file)).map_err(|faults| {
        PlayError::Config(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    })
}
