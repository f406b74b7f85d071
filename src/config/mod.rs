//! The settings: read once at the start, from the environment and from one TOML file, into plain values that
//! the rest of the program takes as given.
//!
//! Secrets come from the environment only, rules from the file only. Every fault is found in one go and names
//! its variable or its key; none repeats a secret. Whether Slack, Marketo or a database agree with what is
//! written is not known here: nothing is called.

mod address;
mod document;
mod duration;
mod edge;
mod environment;
mod error;
mod fingerprint;
mod instances;
mod keys;
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
    edge::{ClientCert, Limits},
    environment::Environment,
    error::ConfigError,
    instances::{Instance, SetAt, credentials_in},
    server::{Log, LogFormat, bind, database_url, log, log_if_asked},
    slack::Slack,
};
use self::{
    document::Document,
    error::ConfigErrors,
    section::{Section, bare_or_quoted},
};
use crate::domain::{people::ChannelId, policy::Policy};

/// The configuration file with every key, its default and what it does.
pub const DEFAULT: &str = include_str!("default.toml");

/// The default of `replicas.lease`, and its limits.
const LEASE: Duration = Duration::from_secs(30);
const LEASES: RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(600);

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub bind: SocketAddr,
    /// `sqlite:PATH`, `postgres://…` or `postgresql://…`. Secret, since it may hold a password.
    pub database_url: SecretString,
    /// How to write the log.
    pub log: Log,
    /// How to reach Slack, and how to know it.
    pub slack: Slack,
    /// What may be asked for and who decides.
    pub policy: Policy,
    /// The Marketo instances; never empty.
    pub instances: Vec<Instance>,
    /// How long after its last sign of life a replica's work is taken over.
    pub lease: Duration,
    /// Where the head of the ledger is shown once a day; absent: nowhere.
    pub anchor_channel: Option<ChannelId>,
    /// How much the edge takes at once, and how long it waits.
    pub limits: Limits,
    /// What a proxy in front must say of Slack's client certificate; absent: not looked at.
    pub client_cert: Option<ClientCert>,
}

/// Reads the settings. `file` is the one that `--config` names; without it, `CONFIG` or the usual file.
///
/// # Errors
/// With every fault found.
pub fn load(environment: &Environment, file: Option<&Path>) -> Result<Config, Vec<ConfigError>> {
    load_or(environment, file, Path::new(document::DEFAULT_FILE))
}

/// As [`load`], with `fallback` for the usual file.
fn load_or(
    environment: &Environment,
    file: Option<&Path>,
    fallback: &Path,
) -> Result<Config, Vec<ConfigError>> {
    let ConfigReport { config, faults } = examine_or(environment, file, fallback);
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        _ => Err(faults),
    }
}

/// Settings with all that is wrong with them.
#[derive(Debug)]
pub struct ConfigReport {
    /// What can be used to look further. Absent where anything but a rule is at fault; a rule that cannot be read holds
    /// for nobody in it.
    pub config: Option<Config>,
    /// Every fault found.
    pub faults: Vec<ConfigError>,
}

/// Reads the settings for a look at what is wrong with them, as [`load`] does to use them.
pub fn examine(environment: &Environment, file: Option<&Path>) -> ConfigReport {
    examine_or(environment, file, Path::new(document::DEFAULT_FILE))
}

fn examine_or(environment: &Environment, file: Option<&Path>, fallback: &Path) -> ConfigReport {
    let faults = ConfigErrors::default();
    let document = document::find(environment, file, fallback, &faults);
    let config = read(environment, document, &faults);
    ConfigReport { config, faults: faults.into_vec() }
}

/// Reads on after a fault, so that all are found; nothing where anything but a rule is at fault.
fn read(environment: &Environment, document: Option<Document>, faults: &ConfigErrors) -> Option<Config> {
    let bind = faults.keep(server::bind(environment));
    let database_url = faults.keep(server::database_url(environment));
    let log =
        server::log(environment).map_err(|found| found.into_iter().for_each(|fault| faults.push(fault)));
    let slack = slack::from_environment(environment, faults);
    let Document { table, is_from_file } = document?;
    for key in table.keys().filter(|key| !keys::is_table(key)) {
        faults.add(bare_or_quoted(key), keys::unknown_table(key));
    }
    let before_instances = faults.count();
    let instances = instances::read(&table, environment, faults);
    let are_instances_known = faults.count() == before_instances;
    let slack_table = slack::from_file(&Section::open(&table, "slack", keys::SLACK, faults));
    let hint = if is_from_file {
        String::new()
    } else {
        let file = document::DEFAULT_FILE;
        format!(" (there is no {file} here; `marketo-api-user config > {file}` writes one to start from)")
    };
    let before_policy = faults.count();
    let policy_table = Section::open(&table, "policy", keys::POLICY, faults);
    let (mut policy, usual) = policy::read(&policy_table, slack_table.approval_channel.clone(), &hint);
    let is_policy_read = faults.count() == before_policy;
    let replicas = Section::open(&table, "replicas", keys::REPLICAS, faults);
    let lease = replicas.duration("lease", LEASE);
    if !LEASES.contains(&lease) {
        replicas.fault("lease", "expected 2s to 10m");
    }
    let limits = edge::limits(&Section::open(&table, "limits", keys::LIMITS, faults));
    let client_cert = edge::client_cert(&Section::open(&table, "http", keys::HTTP, faults));
    let ledger = Section::open(&table, "ledger", keys::LEDGER, faults);
    let expected = "a channel id, such as \"C0AUDIT\"";
    let anchor_channel = ledger.text("anchor_channel", expected, |text| slack::channel(text, expected));
    let is_usable = faults.count() == 0;
    rules::read(&table, &mut policy, &usual, faults);
    if is_policy_read {
        let names: Vec<&str> = instances.iter().map(|instance| instance.name.as_str()).collect();
        rules::tell_findings(&policy, are_instances_known.then_some(&names), faults);
    }
    if !is_usable {
        return None;
    }
    Some(Config {
        bind: bind?,
        database_url: database_url?,
        log: log.ok()?,
        slack: slack::joined(slack, slack_table)?,
        policy,
        instances,
        lease,
        anchor_channel,
        limits,
        client_cert,
    })
}
