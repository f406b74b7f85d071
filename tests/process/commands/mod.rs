//! Subcommands that run to their end: `check`, `policy explain`, `ledger`, `outbox`, `manifest` and help.

mod check;
mod large_ledger;
mod ledger;
mod outbox;
mod policy;
mod usage;
