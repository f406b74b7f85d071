//! `check`: whether everything is in place for the bot, one line a check. Nothing is changed outside, except that
//! the database's schema is brought up to date.

mod marketo;

use std::{fmt::Write, path::Path, process::ExitCode};

use secrecy::ExposeSecret;
use serde::Serialize;

use super::{Failure, manifest::scopes, print, settings};
use crate::{
    app::Clients,
    clock::Clock,
    config::{Config, Environment},
    domain::people::Principal,
    slack::{self, error::Class},
    store::Store,
    telemetry::printable,
};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    /// The Marketo instance that was looked at, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    ok: bool,
    detail: String,
}

impl Finding {
    /// The check and, where it matters, the instance.
    fn title(&self) -> String {
        match &self.instance {
            Some(instance) => format!("{} ({instance})", self.check),
            None => self.check.to_owned(),
        }
    }
}

#[derive(Debug, Default, Serialize)]
struct Report {
    ok: bool,
    checks: Vec<Finding>,
}

impl Report {
    fn good(&mut self, check: &'static str, detail: impl Into<String>) {
        self.found(check, None, true, detail.into());
    }

    fn bad(&mut self, check: &'static str, detail: impl Into<String>) {
        self.found(check, None, false, detail.into());
    }

    fn found(&mut self, check: &'static str, instance: Option<String>, ok: bool, detail: String) {
        self.checks.push(Finding { check, instance, ok, detail });
    }
}

pub(super) async fn run(
    environment: &Environment,
    file: Option<&Path>,
    as_json: bool,
) -> Result<ExitCode, Failure> {
    let mut report = Report::default();
    match settings(environment, file) {
        Ok(config) => {
            report.good("configuration", "every setting is readable and possible");
            look(&config, &mut report).await?;
        }
        Err(Failure(faults)) => faults.into_iter().for_each(|fault| report.bad("configuration", fault)),
    }
    report.ok = report.checks.iter().all(|finding| finding.ok);
    let text = if as_json {
        let text = serde_json::to_string_pretty(&report)?;
        text.lines().fold(String::new(), |text, line| text + &printable(line) + "\n")
    } else {
        report.checks.iter().fold(String::new(), |mut text, finding| {
            let (word, title) = (if finding.ok { "ok" } else { "FAILED" }, finding.title());
            // What Slack, Marketo and the configuration say may hold anything.
            let _ = writeln!(text, "{word:6} {}: {}", printable(&title), printable(&finding.detail));
            text
        })
    };
    print(&text)?;
    if report.ok {
        return Ok(ExitCode::SUCCESS);
    }
    let faults = report.checks.into_iter().filter(|finding| !finding.ok);
    Err(Failure(faults.map(|finding| format!("{}: {}", finding.title(), finding.detail)).collect()))
}

async fn look(config: &Config, report: &mut Report) -> Result<(), Failure> {
    let clock = Clock::system();
    let store = match Store::open(config.database_url.expose_secret()).await {
        Ok(store) => {
            let depth = store.depth(clock.now()).await?;
            match depth.buried {
                0 => report.good("database", "it can be used, and its schema is up to date"),
                buried => report.bad(
                    "database",
                    format!("{buried} effects were given up; the column error of table effect says why"),
                ),
            }
            Some(store)
        }
        Err(error) => {
            report.bad("database", format!("DATABASE_URL: {error}"));
            None
        }
    };
    let Clients { slack, marketo } = Clients::new(config, &clock, store.as_ref())?;
    look_at_slack(config, &slack, report).await;
    marketo::look(config, &marketo, report).await;
    if let Some(store) = store {
        store.close().await;
    }
    Ok(())
}

async fn look_at_slack(config: &Config, slack: &slack::client::Client, report: &mut Report) {
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
    for principal in config.policy.all_approvers().iter().chain(&config.policy.requesters) {
        let (id, members) = match principal {
            Principal::User(_) => continue,
            Principal::Group(id) => (id.to_string(), slack.group_members(id).await),
            Principal::Channel(id) => (id.to_string(), slack.channel_members(id).await),
        };
        match members {
            Ok(members) if members.is_empty() => {
                report.bad("slack group", format!("{id} has no members; the policy counts on them"));
            }
            Ok(members) => report.good("slack group", format!("{id} has {} members", members.len())),
            Err(error) => {
                report.bad("slack group", format!("{id}: {error}; the policy names it: is it right?"))
            }
        }
    }
    for channel in config.policy.approval_channels() {
        match slack.channel(channel).await {
            Ok(info) if info.is_archived => {
                let detail = format!("{channel} is archived; unarchive it, or change slack.approval_channel");
                report.bad("approval channel", detail);
            }
            Ok(info) if !info.is_member && info.is_private => {
                let detail =
                    format!("the bot is no member of {channel}: type /invite @marketo-api-user in it");
                report.bad("approval channel", detail);
            }
            Ok(_) => report.good("approval channel", format!("the bot can post in {channel}")),
            Err(error) => {
                let detail = format!(
                    "{channel}: {error}; if slack.approval_channel is right and the channel is private, type \
                     /invite @marketo-api-user in it"
                );
                report.bad("approval channel", detail);
            }
        }
    }
}

/// Why the token cannot be tried, or what to do about it.
fn token_trouble(error: &slack::error::Error) -> String {
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
