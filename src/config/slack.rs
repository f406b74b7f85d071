//! How to call Slack and verify its requests: the `SLACK_` variables and the table `[slack]`. The approval channel is read
//! here but belongs to the policy.

use secrecy::SecretString;

use super::{
    address,
    environment::Environment,
    error::ConfigErrors,
    section::{Section, unexpected},
};
use crate::domain::people::ChannelId;

/// The default of `SLACK_API_URL`.
const API_URL: &str = "https://slack.com/api";

/// How to call Slack, and how to verify its requests.
#[derive(Clone, Debug)]
pub struct Slack {
    /// The accepted signing secrets; never empty. Several during a rotation.
    pub signing_secrets: Vec<SecretString>,
    /// The bot token, for calls to the Web API.
    pub bot_token: SecretString,
    /// The base URL of the Web API, without a trailing slash.
    pub api_url: String,
    /// The ids of the served workspaces or organizations; empty: the token's own workspace.
    pub team_ids: Vec<String>,
    /// The app's id; absent: not checked.
    pub app_id: Option<String>,
}

/// The part of [`Slack`] that comes from the environment.
pub(super) struct FromEnvironment {
    signing_secrets: Vec<SecretString>,
    bot_token: Option<SecretString>,
    api_url: Option<String>,
}

/// The part of [`Slack`] that comes from the file, and the approval channel.
pub(super) struct FromFile {
    pub(super) approval_channel: Option<ChannelId>,
    team_ids: Vec<String>,
    app_id: Option<String>,
}

pub(super) fn from_environment(environment: &Environment, errors: &ConfigErrors) -> FromEnvironment {
    let api_url = match environment.get("SLACK_API_URL") {
        None => Some(API_URL.to_owned()),
        Some(text) => address::base_url(text).map_err(|problem| errors.add("SLACK_API_URL", problem)).ok(),
    };
    FromEnvironment {
        signing_secrets: environment.required_tokens(
            "SLACK_SIGNING_SECRET",
            "the app's signing secret, from its page \"Basic Information\"",
            errors,
        ),
        bot_token: environment
            .required_token("SLACK_BOT_TOKEN", "the app's bot token, which starts with xoxb-", errors)
            .map(SecretString::from),
        api_url,
    }
}

pub(super) fn from_file(section: &Section<'_>) -> FromFile {
    let expected = "a channel id, such as \"C0APPROVE\"";
    let team = "a workspace or organization id, such as \"T0001\"";
    let app = "an app id, such as \"A0001\"";
    FromFile {
        approval_channel: section.text("approval_channel", expected, |text| channel(text, expected)),
        team_ids: section.texts("team_ids", "workspace ids", |text| id(text, &['T', 'E'], team)),
        app_id: section.text("app_id", app, |text| id(text, &['A'], app)),
    }
}

/// Combines both parts. Returns `None` if something is missing, which has led to an error.
pub(super) fn combine(environment: FromEnvironment, file: FromFile) -> Option<Slack> {
    Some(Slack {
        signing_secrets: environment.signing_secrets,
        bot_token: environment.bot_token?,
        api_url: environment.api_url?,
        team_ids: file.team_ids,
        app_id: file.app_id,
    })
}

/// Parses the id of a channel.
pub(super) fn channel(text: &str, expected: &str) -> Result<ChannelId, String> {
    id(text, &['C', 'G'], expected).map(ChannelId)
}

fn id(text: &str, first: &[char], expected: &str) -> Result<String, String> {
    let is_tail = |tail: &str| {
        !tail.is_empty() && tail.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    match text.strip_prefix(first) {
        Some(tail) if is_tail(tail) => Ok(text.to_owned()),
        _ => Err(unexpected(text, expected)),
    }
}
