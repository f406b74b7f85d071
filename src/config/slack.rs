//! Where Slack is and who speaks for it: the `SLACK_` variables and the table `[slack]`. It knows nothing of
//! who may do what; the channel for cards is read here but belongs to the policy.

use secrecy::SecretString;

use super::{
    address,
    environment::Environment,
    error::ConfigErrors,
    section::{Section, unexpected},
};
use crate::domain::people::ChannelId;

/// Where the Web API is when `SLACK_API_URL` does not say.
const API_URL: &str = "https://slack.com/api";

/// How to reach Slack, and how to know it.
#[derive(Clone, Debug)]
pub struct Slack {
    /// The secrets with which Slack may have signed; never empty. More than one while they are rotated.
    pub signing_secrets: Vec<SecretString>,
    /// The token that the bot calls with.
    pub bot_token: SecretString,
    /// The base of the Web API's URLs, without a slash at the end.
    pub api_url: String,
    /// The workspaces or organisations to listen to; empty: the token's own.
    pub team_ids: Vec<String>,
    /// The app that requests must come from; absent: any.
    pub app_id: Option<String>,
}

/// What the environment holds of [`Slack`].
pub(super) struct FromEnvironment {
    signing_secrets: Vec<SecretString>,
    bot_token: Option<SecretString>,
    api_url: Option<String>,
}

/// What the file holds of [`Slack`], and the channel for cards.
pub(super) struct FromFile {
    pub(super) approval_channel: Option<ChannelId>,
    team_ids: Vec<String>,
    app_id: Option<String>,
}

pub(super) fn from_environment(environment: &Environment, faults: &ConfigErrors) -> FromEnvironment {
    let api_url = match environment.get("SLACK_API_URL") {
        None => Some(API_URL.to_owned()),
        Some(text) => address::base_url(text).map_err(|problem| faults.add("SLACK_API_URL", problem)).ok(),
    };
    FromEnvironment {
        signing_secrets: environment.required_tokens(
            "SLACK_SIGNING_SECRET",
            "the app's signing secret, from its page Basic Information",
            faults,
        ),
        bot_token: environment
            .required_token("SLACK_BOT_TOKEN", "the app's bot token, which begins with xoxb-", faults)
            .map(SecretString::from),
        api_url,
    }
}

pub(super) fn from_file(section: &Section<'_>) -> FromFile {
    let expected = "a channel id, such as \"C0APPROVE\"";
    let team = "a workspace or organisation id, such as \"T0001\"";
    let app = "an app id, such as \"A0001\"";
    FromFile {
        approval_channel: section.text("approval_channel", expected, |text| channel(text, expected)),
        team_ids: section.texts("team_ids", "workspace ids", |text| id(text, &['T', 'E'], team)),
        app_id: section.text("app_id", app, |text| id(text, &['A'], app)),
    }
}

/// Puts both halves together; nothing where one lacks a part, for which there is a fault then.
pub(super) fn joined(environment: FromEnvironment, file: FromFile) -> Option<Slack> {
    Some(Slack {
        signing_secrets: environment.signing_secrets,
        bot_token: environment.bot_token?,
        api_url: environment.api_url?,
        team_ids: file.team_ids,
        app_id: file.app_id,
    })
}

/// The id of a channel.
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
