//! `check`: whether everything is in place for the bot, one line a check. Nothing is changed outside, except that
//! the database's schema is brought up to date.

mod marketo;
mod slack;

use std::{fmt::Write, path::Path, process::ExitCode};

use secrecy::ExposeSecret;
use serde::Serialize;

use super::{CliError, print};
use crate::{
    app::Clients,
    clock::Clock,
    config::{self, Config, ConfigReport, Environment},
    store::Store,
    telemetry::printable,
};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct CheckResult {
    check: &'static str,
    /// The Marketo instance that was looked at, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    ok: bool,
    detail: String,
}

impl CheckResult {
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
    checks: Vec<CheckResult>,
}

impl Report {
    fn good(&mut self, check: &'static str, detail: impl Into<String>) {
        self.found(check, None, true, detail.into());
    }

    fn bad(&mut self, check: &'static str, detail: impl Into<String>) {
        self.found(check, None, false, detail.into());
    }

    fn found(&mut self, check: &'static str, instance: Option<String>, ok: bool, detail: String) {
        self.checks.push(CheckResult { check, instance, ok, detail });
    }
}

pub(super) async fn run(
    environment: &Environment,
    file: Option<&Path>,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let mut report = Report::default();
    let ConfigReport { config, faults } = config::examine(environment, file);
    if faults.is_empty() {
        report.good("configuration", "every setting is readable and possible");
    }
    faults.iter().for_each(|fault| report.bad("configuration", fault.to_string()));
    // What is wrong with a rule does not keep the rest from being looked at.
    if let Some(config) = config {
        look(&config, &mut report).await?;
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
    Err(CliError(faults.map(|finding| format!("{}: {}", finding.title(), finding.detail)).collect()))
}

async fn look(config: &Config, report: &mut Report) -> Result<(), CliError> {
    let clock = Clock::system();
    let store = match Store::open(config.database_url.expose_secret()).await {
        Ok(store) => {
            let depth = store.outbox_stats(clock.now()).await?;
            match depth.dead_letters {
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
    slack::look(config, &slack, report).await;
    marketo::look(config, &marketo, report).await;
    if let Some(store) = store {
        store.close().await;
    }
    Ok(())
}
