//! What `check` looks at in Slack: the token, its scopes, whom the policy's groups hold, and the channels for cards. It
//! knows nothing of Marketo or the database.

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

pub(super) async fn look(config: &Config, slack: &Client, report: &mut Report) {
    match slack.auth_test().await {
        Ok(identity) => {
            let served = &config.slack.team_ids;
            if served.is_empty()
                || served.contains(&identity.team_id)
                || served.iter().any(|id| id.starts_with('E'))
            {
                report.good("slack token", format!("it belongs to workspace {}", identity.team_id));
            } else {
                let team = identity.team_id;
                let detail = format!(
                    "it belongs to workspace {team}, which slack.team_ids does not list; add it there, or \
                     take the token of another workspace"
                );
                report.bad("slack token", detail);
            }
        }
        Err(error) => return report.bad("slack token", token_trouble(&error)),
    }
    match slack.granted_scopes().await {
        Ok(granted) => {
            let missing: Vec<(&str, &str)> =
                scopes().filter(|(scope, _)| !granted.iter().any(|own| own == scope)).collect();
            if missing.is_empty() {
                report.good("slack scopes", "every scope is granted");
            } else {
                report.bad("slack scopes", scopes_trouble(&missing));
            }
        }
        Err(error) => report.bad("slack scopes", error.to_string()),
    }
    look_at_groups(&config.policy, slack, report).await;
    look_at_channels(config, slack, report).await;
}

/// Whether the policy's groups are there and large enough.
async fn look_at_groups(policy: &Policy, slack: &Client, report: &mut Report) {
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
                    report.good("slack group", format!("{id} has {} members", members.len()));
                }
                GroupSize::Members(members)
            }
            Err(error) => GroupSize::Unknown(error.to_string()),
        };
        sizes.insert(principal, size);
    }
    let size = |principal: &Principal| match sizes.get(principal) {
        Some(size) => size.clone(),
        None => GroupSize::Members(Vec::new()),
    };
    for finding in lint_memberships(policy, size) {
        let check = if finding.key.ends_with(']') { "slack group" } else { "policy" };
        report.bad(check, format!("{}: {}", finding.key, finding.text));
    }
}

/// Whether cards can be posted where the policy wants them, each channel with the keys that name it, and the head of the
/// ledger where it is to be shown.
async fn look_at_channels(config: &Config, slack: &Client, report: &mut Report) {
    for channel in config.policy.approval_channels() {
        let keys = keys_of(&config.policy, channel);
        look_at_channel("approval channel", &keys, channel, slack, report).await;
    }
    if let Some(channel) = &config.anchor_channel {
        look_at_channel("anchor channel", "ledger.anchor_channel", channel, slack, report).await;
    }
}

async fn look_at_channel(
    check: &'static str,
    keys: &str,
    channel: &ChannelId,
    slack: &Client,
    report: &mut Report,
) {
    match slack.channel(channel).await {
        Ok(info) if info.is_archived => {
            report.bad(check, format!("{channel} is archived; unarchive it, or change {keys}"));
        }
        Ok(info) if !info.is_member && info.is_private => {
            let detail =
                format!("{keys}: the bot is no member of {channel}: type /invite @marketo-api-user in it");
            report.bad(check, detail);
        }
        Ok(_) => report.good(check, format!("the bot can post in {channel}")),
        Err(error) => {
            let detail = format!(
                "{channel}: {error}; if {keys} is right and the channel is private, type \
                 /invite @marketo-api-user in it"
            );
            report.bad(check, detail);
        }
    }
}

/// The keys that name a channel for cards.
fn keys_of(policy: &Policy, channel: &ChannelId) -> String {
    let of_all = policy.base.approval_channel.as_ref();
    let is_own = |own: Option<&ChannelId>| own == Some(channel) && own != of_all;
    let rules = policy.rules.iter().enumerate();
    let rules = rules.filter(|(_, rule)| is_own(rule.terms.approval_channel.as_ref()));
    let all = (of_all == Some(channel)).then(|| "slack.approval_channel".to_owned());
    let keys: Vec<String> =
        all.into_iter().chain(rules.map(|(at, _)| format!("rule[{at}].approval_channel"))).collect();
    keys.join(", ")
}

/// Why the token cannot be tried, or what to do about it.
fn token_trouble(error: &Error) -> String {
    match error.class {
        Class::Revoked => format!(
            "SLACK_BOT_TOKEN: {error}; copy the bot token from \"OAuth & Permissions\" of the Slack app, and \
             install the app first if there is none"
        ),
        _ => format!("SLACK_API_URL: {error}; is Slack reachable from here?"),
    }
}

/// Which scopes are missing, which promise is not kept without them, and what to do.
fn scopes_trouble(missing: &[(&str, &str)]) -> String {
    let listed: Vec<String> =
        missing.iter().map(|(scope, used_for)| format!("{scope} (to {used_for})")).collect();
    let mut text = format!("missing: {}", listed.join(", "));
    let history: Vec<&str> =
        missing.iter().map(|(scope, _)| *scope).filter(|scope| scope.ends_with(":history")).collect();
    if !history.is_empty() {
        let _ = write!(
            text,
            "; without {} the bot cannot promise that each message stands there once: it cannot look whether one is \
             there whose posting Slack did not answer, and posts it again",
            history.join(" and ")
        );
    }
    text + "; update the app from `manifest` and install it again"
}
