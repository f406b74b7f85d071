//! The command line grammar of `outbox`.

use clap::{Args, Subcommand};

/// The subcommands of `outbox`.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum OutboxCommand {
    /// List what waits or cannot be delivered
    ///
    /// Prints a line for each message and each call that waits or was given up: its id, when it is tried next (or
    /// "given up"), how often it was tried, and what stands in its way. What was given up comes first.
    List,
    /// Try again what waits or was given up
    ///
    /// Makes the given items due at once. A running bot tries them within seconds.
    Retry(OutboxRetry),
}

/// The options of `outbox retry`.
#[derive(Args, Debug, PartialEq, Eq)]
#[group(required = true)]
pub struct OutboxRetry {
    /// The ids, as `outbox list` prints them
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Everything that was given up or has an error
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
}
