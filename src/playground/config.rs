//! The settings of the playground's bot, read like any other configuration.

use std::{fs, io, path::PathBuf};

use super::PlayError;
use crate::{
    clock::Clock,
    config::{self, Config, Environment, load},
};

/// The default configuration file of the playground.
pub const POLICY: &str = r#"[slack]
approval_channel = "C0APPROVE"

[policy]
approvers = ["U0APPROVE", "S0MOPS"]
roles = ["API Only", "API Only - EMEA"]
"#;

/// The name of the first instance, where there are two.
pub const FIRST: &str = "production";
/// The name of the second.
pub const SECOND: &str = "sandbox";

/// The address and credentials of one Marketo instance.
pub(super) struct Access {
    pub(super) base_url: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
}

/// What a configuration file does not contain.
pub(super) struct Addresses {
    pub(super) slack: String,
    pub(super) marketo: Access,
    pub(super) second_marketo: Option<Access>,
    /// For the second and later `[[instance]]` blocks of `policy`.
    pub(super) further: Vec<Access>,
    pub(super) database: String,
    pub(super) signing_secret: String,
    pub(super) bot_token: String,
    pub(super) policy: String,
    pub(super) folder: PathBuf,
}

/// Parses a configuration file with placeholder addresses and credentials. Calls nothing.
pub(super) fn read(policy: &str) -> Result<Config, PlayError> {
    let folder = folder(&Clock::system())?;
    let placeholder = || "placeholder".to_owned();
    let marketo = Access {
        base_url: "http://127.0.0.1:1".to_owned(),
        client_id: placeholder(),
        client_secret: placeholder(),
    };
    let config = load_config(&Addresses {
        slack: "http://127.0.0.1:1".to_owned(),
        marketo,
        second_marketo: None,
        further: Vec::new(),
        database: "sqlite:nowhere.db".to_owned(),
        signing_secret: placeholder(),
        bot_token: placeholder(),
        policy: policy.to_owned(),
        folder: folder.clone(),
    });
    fs::remove_dir_all(folder)?;
    config
}

/// Creates a folder for one playground.
pub(super) fn folder(clock: &Clock) -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("marketo-api-user-{}", clock.new_id()));
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

pub(super) fn load_config(addresses: &Addresses) -> Result<Config, PlayError> {
    let file = addresses.folder.join("marketo-api-user.toml");
    let Addresses { marketo, second_marketo, policy, .. } = addresses;
    let mut text = policy.clone();
    if let Some(second) = second_marketo {
        text += &instance_block(FIRST, &marketo.base_url, "MARKETO");
        text += &instance_block(SECOND, &second.base_url, "SECOND");
    }
    fs::write(&file, text)?;
    let second = second_marketo.as_ref();
    let second = second.map_or(("", ""), |second| (&second.client_id, &second.client_secret));
    let credentials = config::credentials_in(policy);
    let own = credentials.iter().map(|name| (name.as_str(), marketo.client_id.as_str()));
    let environment = Environment::from_pairs(own.chain([
        ("SLACK_SIGNING_SECRET", addresses.signing_secret.as_str()),
        ("SLACK_BOT_TOKEN", &addresses.bot_token),
        ("SLACK_API_URL", &addresses.slack),
        ("MARKETO_BASE_URL", &marketo.base_url),
        ("MARKETO_CLIENT_ID", &marketo.client_id),
        ("MARKETO_CLIENT_SECRET", &marketo.client_secret),
        ("SECOND_CLIENT_ID", second.0),
        ("SECOND_CLIENT_SECRET", second.1),
        ("DATABASE_URL", &addresses.database),
    ]));
    let mut config = load(&environment, Some(&file))
        .map_err(|faults| PlayError::Config(faults.iter().map(ToString::to_string).collect()))?;
    if !credentials.is_empty() {
        // The file's `[[instance]]` blocks have the addresses of real instances.
        for (instance, access) in
            config.instances.iter_mut().zip([marketo].into_iter().chain(&addresses.further))
        {
            instance.base_url.clone_from(&access.base_url);
            instance.client_id.clone_from(&access.client_id);
            instance.client_secret = access.client_secret.clone().into();
        }
    }
    Ok(config)
}

/// An `[[instance]]` block with its credentials in the variables `{prefix}_…`.
fn instance_block(name: &str, base_url: &str, prefix: &str) -> String {
    format!(
        "\n[[instance]]\nname = \"{name}\"\nbase_url = \"{base_url}\"\nclient_id_env = \"{prefix}_CLIENT_ID\"\n\
         client_secret_env = \"{prefix}_CLIENT_SECRET\"\n"
    )
}
