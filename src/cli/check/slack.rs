//! The checks of Slack: the token, its scopes, the members of the policy's groups, and the channels for cards. It does
//! not know Marketo or the database.

use std::{collections::HashMap, fmt::Write};

use super::Report;
use crate::{
    cli::manifest::scopes,
    config::Config,
    domain::{
        people::{ChannelId, Principal},
        policy::{GroupSize, Policy, lint_memberships},
    },
    slack::{
        client::Client,
        error::{Class, Error},
    },
};

/// Runs the checks. Without a valid token only the first one.
pub(super) async fn check(config: &Config, slack: &Client, report: &mut Report) {
    match slack.auth_test().await {
        Ok(identity) => {
            let (team, served) = (identity.team_id, &config.slack.team_ids);
            let is_served =
                served.is_empty() || served.contains(&team) || served.iter().any(|id| id.starts_with('E'));
            if is_served {
                report.pass("slack token", format!("it belongs to workspace {team}"));
            } else {
                let detail = format!(
                    "it belongs to workspace {team}, which slack.team_ids does not list; add it, or use the token \
                     of a listed workspace"
                );
                report.fail("slack token", detail);
            }
        }
        Err(error) => return report.fail("slack token", token_problem(&error)),
    }
    match slack.granted_scopes().await {
        Ok(granted) => {
            let missing: Vec<(&str, &str)> =
                scopes().filter(|(scope, _)| !granted.iter().any(|own| own == scope)).collect();
            if missing.is_empty() {
                report.pass("slack scopes", "every scope is granted");
            } else {
                report.fail("slack scopes", scopes_problem(&missing));
            }
        }
        Err(error) => report.fail("slack scopes", error.to_string()),
    }
    check_groups(&config.policy, slack, report).await;
    check_channels(config, slack, report).await;
}

/// Checks that the policy's groups exist and have enough members.
async fn check_groups(policy: &Policy, slack: &Client, report: &mut Report) {
    let mut sizes: HashMap<Principal, GroupSize> = HashMap::new();
    for principal in policy.groups() {
        let (id, members) = match &principal {
            Principal::User(_) => continue,
            Principal::Group(id) => (id.to_string(), slack.group_members(id).await),
            Principal::Channel(id) => (id.to_string(), slack.channel_members(id).await),
        };
        let size = match members {
            Ok(members) => {
                if !members.is_empty() {
                    let plural = if members.len() == 1 { "member" } else { "members" };
                    report.pass("slack group", format!("{id} has {} {plural}", members.len()));
                }
                GroupSize::Members(members)
            }
            Err(error) if error.code == "no_such_subteam" => GroupSize::Missing,
            Err(error) => GroupSize::Unknown(error.to_string()),
        };
        sizes.insert(principal, size);
    }
    let size = |principal: &Principal| match sizes.get(principal) {
        Some(size) => size.clone(),
        None => GroupSize::Members(Vec::new()),
    };
    for warning in lint_memberships(policy, size) {
        let check = if warning.key.ends_with(']') { "slack group" } else { "policy" };
        report.fail(check, format!("{}: {}", warning.key, warning.text));
    }
}

/// Checks that the bot can post in each approval channel of the policy, and in the anchor channel.
async fn check_channels(config: &Config, slack: &Client, report: &mut Report) {
    for channel in config.policy.approval_channels() {
        let keys = keys_of(&config.policy, channel);
        check_channel("approval channel", &keys, channel, slack, report).await;
    }
    if let Some(channel) = &config.anchor_channel {
        check_channel("anchor channel", "ledger.anchor_channel", channel, slack, report).await;
    }
}

/// Checks one channel. `keys` are the settings that name it.
async fn check_channel(
    check: &'static str,
    keys: &str,
    channel: &ChannelId,
    slack: &Client,
    report: &mut Report,
) {
    match slack.channel(channel).await {
        Ok(info) if info.is_archived => {
            report.fail(check, format!("{channel} is archived; unarchive it, or change {keys}"));
        }
        Ok(info) if !info.is_member && info.is_private => {
            let detail =
                format!("{keys}: the bot is not a member of {channel}; type /invite @marketo-api-user in it");
            report.fail(check, detail);
        }
        Ok(info) if !info.is_member => report.pass(
            check,
            format!(
                "the bot can post in {channel}, but not read its history; type /invite @marketo-api-user in it, so \
                 that a message whose answer from Slack is lost is found and not posted twice"
            ),
        ),
        Ok(_) => report.pass(check, format!("the bot can post in {channel}")),
        Err(error) => {
            let detail = format!(
                "{channel}: {error}; if {keys} is right and the channel is private, type \
                 /invite @marketo-api-user in it"
            );
            report.fail(check, detail);
        }
    }
}

/// The settings that name an approval channel.
fn keys_of(policy: &Policy, channel: &ChannelId) -> String {
    let default = policy.base.approval_channel.as_ref();
    let is_own = |own: Option<&ChannelId>| own == Some(channel) && own != default;
    let rules = policy.rules.iter().enumerate();
    let rules = rules.filter(|(_, rule)| is_own(rule.terms.approval_channel.as_ref()));
    let default_key = (default == Some(channel)).then(|| "slack.approval_channel".to_owned());
    let rule_keys = rules.map(|(index, _)| format!("rule[{index}].approval_channel"));
    default_key.into_iter().chain(rule_keys).collect::<Vec<String>>().join(", ")
}

/// Why the token was not accepted, and what to do.
fn token_problem(error: &Error) -> String {
    match error.class {
        Class::Revoked => format!(
            "SLACK_BOT_TOKEN: {error}; copy the bot token from \"OAuth & Permissions\" of the Slack app; install \
             the app first if it has none"
        ),
        _ => format!("SLACK_API_URL: {error}; check that Slack is reachable from this machine"),
    }
}

/// Which scopes are missing, what does not work without them, and what to do.
fn scopes_problem(missing: &[(&str, &str)]) -> String {
    let listed: Vec<String> =
        missing.iter().map(|(scope, purpose)| format!("{scope} (to {purpose})")).collect();
    let mut text = format!("missing: {}", listed.join(", "));
    let history: Vec<&str> =
        missing.iter().map(|(scope, _)| *scope).filter(|scope| scope.ends_with(":history")).collect();
    if !history.is_empty() {
        let _ = write!(
            text,
            "; without {} the bot may post a message twice: if Slack does not respond to a post, the bot cannot look \
             up whether the message exists, and posts it again",
            history.join(" and ")
        );
    }
    text + "; update the app with the output of `marketo-api-user manifest`, and install it again"
}
