//! `check`: checks everything that the bot needs, one line for each check. It changes nothing outside, except that it
//! migrates the database's schema, and that `--write-probe` creates, changes and deletes a user after asking.

mod marketo;
mod slack;
mod write_probe;

use std::{
    fmt::Write,
    io::{BufRead, Write as _},
    path::Path,
    process::ExitCode,
};

use secrecy::ExposeSecret;
use serde::Serialize;

use super::{CliError, args, print};
use crate::{
    app::Clients,
    clock::Clock,
    config::{self, Config, ConfigReport, Environment},
    domain::text::Email,
    store::Store,
    telemetry::printable,
};

#[derive(Debug, Serialize)]
struct CheckResult {
    check: &'static str,
    /// The checked Marketo instance, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    ok: bool,
    detail: String,
}

impl CheckResult {
    /// The check and, if there are several, the instance.
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
    fn pass(&mut self, check: &'static str, detail: impl Into<String>) {
        self.add(check, None, true, detail.into());
    }

    fn fail(&mut self, check: &'static str, detail: impl Into<String>) {
        self.add(check, None, false, detail.into());
    }

    fn add(&mut self, check: &'static str, instance: Option<String>, ok: bool, detail: String) {
        self.checks.push(CheckResult { check, instance, ok, detail });
    }
}

pub(super) async fn run(
    environment: &Environment,
    file: Option<&Path>,
    args: &args::Check,
) -> Result<ExitCode, CliError> {
    let mut report = Report::default();
    let ConfigReport { config, errors } = config::examine(environment, file);
    if errors.is_empty() {
        report.pass("configuration", "every setting is valid");
    }
    errors.iter().for_each(|error| report.fail("configuration", error.to_string()));
    // An invalid rule does not prevent the other checks.
    if let Some(config) = config {
        let probe = if args.write_probe.is_some() { ask_for_probe(args, &config)? } else { None };
        check_services(&config, probe.as_ref(), &mut report).await?;
    }
    report.ok = report.checks.iter().all(|check| check.ok);
    let text = if args.json {
        let text = serde_json::to_string_pretty(&report)?;
        text.lines().fold(String::new(), |text, line| text + &printable(line) + "\n")
    } else {
        report.checks.iter().fold(String::new(), |mut text, check| {
            let (word, title) = (if check.ok { "ok" } else { "FAILED" }, check.title());
            // Texts of Slack, Marketo and the configuration may contain control characters.
            let _ = writeln!(text, "{word:6} {}: {}", printable(&title), printable(&check.detail));
            text
        })
    };
    print(&text)?;
    if report.ok {
        return Ok(ExitCode::SUCCESS);
    }
    let failed = report.checks.into_iter().filter(|check| !check.ok);
    Err(CliError(failed.map(|check| format!("{}: {}", check.title(), check.detail)).collect()))
}

/// What somebody has agreed to.
struct ProbeConsent {
    email: String,
    /// The name of the instance.
    instance: String,
}

/// Asks on the terminal, or reads the answers from standard input: the email if it is not given, and `yes`.
fn ask_for_probe(args: &args::Check, config: &Config) -> Result<Option<ProbeConsent>, CliError> {
    let names: Vec<&str> = config.instances.iter().map(|instance| instance.name.as_str()).collect();
    let instance = match (&args.instance, names.as_slice()) {
        (Some(name), names) if names.contains(&name.as_str()) => name.clone(),
        (None, [only]) => (*only).to_owned(),
        (Some(_) | None, names) => {
            let text = format!("--write-probe: name the instance with --instance: {}", names.join(", "));
            return Err(CliError(vec![text]));
        }
    };
    let mut lines = std::io::stdin().lock().lines();
    let mut ask = |question: &str| -> Result<String, CliError> {
        let mut stderr = std::io::stderr().lock();
        writeln!(stderr, "{question}")?;
        Ok(lines.next().transpose()?.unwrap_or_default().trim().to_owned())
    };
    let email = match args.write_probe.as_deref() {
        None | Some("") => ask("Email of a throw-away user, which must not exist:")?,
        Some(email) => email.to_owned(),
    };
    if Email::parse(&email).is_err() {
        return Err(CliError(vec![format!("--write-probe: {email:?} is not an email address")]));
    }
    let question = format!(
        "This creates the API-only user {email} in the Marketo instance {instance}, changes it several times and deletes it. \
         Type yes to go on:"
    );
    if ask(&question)? != "yes" {
        return Err(CliError(vec!["--write-probe: not confirmed, so nothing was checked".to_owned()]));
    }
    Ok(Some(ProbeConsent { email, instance }))
}

/// Checks the database, Slack and Marketo.
async fn check_services(
    config: &Config,
    probe: Option<&ProbeConsent>,
    report: &mut Report,
) -> Result<(), CliError> {
    let clock = Clock::system();
    let store = match Store::open(config.database_url.expose_secret()).await {
        Ok(store) => {
            let outbox = store.outbox_stats(clock.now()).await?;
            report.pass("database", "it is usable, and its schema is up to date");
            match (outbox.dead_letters, outbox.failing_messages) {
                (0, 0) => report.pass("outbox", "nothing is undeliverable"),
                (given_up, failing) => report.fail(
                    "outbox",
                    format!(
                        "{given_up} given up, {failing} failing; run: marketo-api-user outbox list, remove the \
                         cause, then: marketo-api-user outbox retry --all"
                    ),
                ),
            }
            Some(store)
        }
        Err(error) => {
            report.fail("database", format!("DATABASE_URL: {error}"));
            None
        }
    };
    let Clients { slack, marketo } = Clients::new(config, &clock, store.as_ref())?;
    slack::check(config, &slack, report).await;
    marketo::check(config, &marketo, report).await;
    if let Some(probe) = probe {
        marketo::probe(config, &marketo, &clock, (&probe.instance, &probe.email), report).await;
    }
    if let Some(store) = store {
        store.close().await;
    }
    Ok(())
}
