//! The settings, read once at the start from the environment and one TOML file into plain values.
//!
//! Secrets come only from the environment, rules only from the file. All errors are reported together; each names its
//! variable or key, and none contains a secret. This module calls nothing: whether Slack, Marketo or the database accept
//! the settings is checked elsewhere.

mod address;
mod document;
mod duration;
mod environment;
mod error;
mod fingerprint;
mod instances;
mod keys;
mod limits;
mod policy;
mod rules;
mod section;
mod server;
mod slack;
mod terms;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, ops::RangeInclusive, path::Path, time::Duration};

use secrecy::SecretString;

pub use self::{
    address::base_url,
    environment::Environment,
    error::ConfigError,
    instances::{Instance, SetAt, credentials_in},
    limits::{ClientCert, Limits},
    server::{Log, LogFormat, bind, database_url, log, log_if_requested},
    slack::Slack,
};
use self::{
    document::Document,
    error::ConfigErrors,
    section::{Section, bare_or_quoted},
};
use crate::domain::{people::ChannelId, policy::Policy};

/// A configuration file with every key, its default and its description.
pub const DEFAULT: &str = include_str!("default.toml");

/// The default of `replicas.lease`, and its range.
const DEFAULT_LEASE: Duration = Duration::from_secs(30);
const LEASE_RANGE: RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(600);

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on.
    pub bind: SocketAddr,
    /// `sqlite:PATH`, `postgres://…` or `postgresql://…`. Secret, since it may contain a password.
    pub database_url: SecretString,
    /// The format and filter of the log.
    pub log: Log,
    /// How to call Slack, and how to verify its requests.
    pub slack: Slack,
    /// What may be requested and who approves it.
    pub policy: Policy,
    /// The Marketo instances; never empty.
    pub instances: Vec<Instance>,
    /// How long a worker's lease lasts before another replica may take over.
    pub lease: Duration,
    /// The channel in which the ledger's head is posted once a day; absent: it is not posted.
    pub anchor_channel: Option<ChannelId>,
    /// Limits of the HTTP server.
    pub limits: Limits,
    /// The client certificate that a proxy in front must report; absent: not checked.
    pub client_cert: Option<ClientCert>,
}

/// Reads the settings. `file` is the one that `--config` names; without it, `CONFIG` or the default file.
///
/// # Errors
/// Every error in the settings.
pub fn load(environment: &Environment, file: Option<&Path>) -> Result<Config, Vec<ConfigError>> {
    load_or(environment, file, Path::new(document::DEFAULT_FILE))
}

/// Like [`load`], with `fallback` as the default file.
fn load_or(
    environment: &Environment,
    file: Option<&Path>,
    fallback: &Path,
) -> Result<Config, Vec<ConfigError>> {
    let ConfigReport { config, errors } = examine_or(environment, file, fallback);
    match config {
        Some(config) if errors.is_empty() => Ok(config),
        _ => Err(errors),
    }
}

/// Settings with all their errors.
#[derive(Debug)]
pub struct ConfigReport {
    /// Settings that are usable for further checks: present if only rules have errors. An invalid rule never holds.
    pub config: Option<Config>,
    /// Every error in the settings.
    pub errors: Vec<ConfigError>,
}

/// Reads the settings like [`load`], to report on them.
pub fn examine(environment: &Environment, file: Option<&Path>) -> ConfigReport {
    examine_or(environment, file, Path::new(document::DEFAULT_FILE))
}

fn examine_or(environment: &Environment, file: Option<&Path>, fallback: &Path) -> ConfigReport {
    let errors = ConfigErrors::default();
    let document = document::find(environment, file, fallback, &errors);
    let config = read(environment, document, &errors);
    ConfigReport { config, errors: errors.into_vec() }
}

/// Reads on after an error, to find all of them. Returns `None` if anything but a rule is invalid.
fn read(environment: &Environment, document: Option<Document>, errors: &ConfigErrors) -> Option<Config> {
    let bind = errors.value_of(server::bind(environment));
    let database_url = errors.value_of(server::database_url(environment));
    let log =
        server::log(environment).map_err(|found| found.into_iter().for_each(|error| errors.push(error)));
    let slack = slack::from_environment(environment, errors);
    let Document { table, is_from_file } = document?;
    for key in table.keys().filter(|key| !keys::is_table(key)) {
        errors.add(bare_or_quoted(key), keys::unknown_table(key));
    }
    let before_instances = errors.count();
    let instances = instances::read(&table, environment, errors);
    let are_instances_known = errors.count() == before_instances;
    let slack_table = slack::from_file(&Section::open(&table, "slack", keys::SLACK, errors));
    let hint = if is_from_file {
        String::new()
    } else {
        let file = document::DEFAULT_FILE;
        format!(" (there is no {file} here; `marketo-api-user config > {file}` writes one to start from)")
    };
    let before_policy = errors.count();
    let policy_table = Section::open(&table, "policy", keys::POLICY, errors);
    let (mut policy, defaults) = policy::read(&policy_table, slack_table.approval_channel.clone(), &hint);
    let is_policy_read = errors.count() == before_policy;
    let replicas = Section::open(&table, "replicas", keys::REPLICAS, errors);
    let lease = replicas.duration("lease", DEFAULT_LEASE);
    if !LEASE_RANGE.contains(&lease) {
        replicas.reject("lease", "expected 2s to 10m");
    }
    let limits = limits::limits(&Section::open(&table, "limits", keys::LIMITS, errors));
    let client_cert = limits::client_cert(&Section::open(&table, "http", keys::HTTP, errors));
    let ledger = Section::open(&table, "ledger", keys::LEDGER, errors);
    let expected = "a channel id, such as \"C0AUDIT\"";
    let anchor_channel = ledger.text("anchor_channel", expected, |text| slack::channel(text, expected));
    let is_usable = errors.count() == 0;
    rules::read(&table, &mut policy, &defaults, errors);
    if is_policy_read {
        let names: Vec<&str> = instances.iter().map(|instance| instance.name.as_str()).collect();
        rules::report_warnings(&policy, are_instances_known.then_some(&names), errors);
    }
    if !is_usable {
        return None;
    }
    Some(Config {
        bind: bind?,
        database_url: database_url?,
        log: log.ok()?,
        slack: slack::combine(slack, slack_table)?,
        policy,
        instances,
        lease,
        anchor_channel,
        limits,
        client_cert,
    })
}
