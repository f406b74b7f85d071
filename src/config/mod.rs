//! The settings: read once at the start, from the environment and from one TOML file, into plain values that
//! the rest of the program takes as given.
//!
//! Secrets come from the environment only, rules from the file only. Every fault is found in one go and names
//! its variable or its key; none repeats a secret. Whether Slack, Marketo or a database agree with what is
//! written is not known here: nothing is called.

mod address;
mod document;
mod duration;
mod environment;
mod fault;
mod instances;
mod keys;
mod policy;
mod section;
mod server;
mod slack;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, ops::RangeInclusive, path::Path, time::Duration};

use secrecy::SecretString;

pub use self::{
    address::base_url,
    environment::Environment,
    fault::Fault,
    instances::{Instance, SetAt, credentials_in},
    server::{Log, LogFormat, bind, log, log_if_asked},
    slack::Slack,
};
use self::{
    document::Document,
    fault::Faults,
    section::{Section, bare_or_quoted},
};
use crate::domain::policy::Policy;

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
}

/// Reads the settings. `file` is the one that `--config` names; without it, `CONFIG` or the usual file.
///
/// # Errors
/// With every fault found.
pub fn load(environment: &Environment, file: Option<&Path>) -> Result<Config, Vec<Fault>> {
    load_or(environment, file, Path::new(document::DEFAULT_FILE))
}

/// As [`load`], with `fallback` for the usual file.
fn load_or(environment: &Environment, file: Option<&Path>, fallback: &Path) -> Result<Config, Vec<Fault>> {
    let faults = Faults::default();
    let document = document::find(environment, file, fallback, &faults);
    let config = read(environment, document, &faults);
    let faults = faults.into_vec();
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        _ => Err(faults),
    }
}

/// Reads on after a fault, so that all are found; nothing only where there has been one.
fn read(environment: &Environment, document: Option<Document>, faults: &Faults) -> Option<Config> {
    let bind = faults.keep(server::bind(environment));
    let database_url = faults.keep(server::database_url(environment));
    let log =
        server::log(environment).map_err(|found| found.into_iter().for_each(|fault| faults.push(fault)));
    let slack = slack::from_environment(environment, faults);
    let Document { table, is_from_file } = document?;
    for key in table.keys().filter(|key| !keys::is_table(key)) {
        faults.add(bare_or_quoted(key), keys::unknown_table(key));
    }
    let instances = instances::read(&table, environment, faults);
    let slack_table = slack::from_file(&Section::open(&table, "slack", keys::SLACK, faults));
    let hint = if is_from_file {
        String::new()
    } else {
        let file = document::DEFAULT_FILE;
        format!(" (there is no {file} here; `marketo-api-user config > {file}` writes one to start from)")
    };
    let policy_table = Section::open(&table, "policy", keys::POLICY, faults);
    let policy = policy::read(&policy_table, slack_table.approval_channel.clone(), &hint);
    let replicas = Section::open(&table, "replicas", keys::REPLICAS, faults);
    let lease = replicas.duration("lease", LEASE);
    if !LEASES.contains(&lease) {
        replicas.fault("lease", "expected 2s to 10m");
    }
    Some(Config {
        bind: bind?,
        database_url: database_url?,
        log: log.ok()?,
        slack: slack::joined(slack, slack_table)?,
        policy,
        instances,
        lease,
    })
}
