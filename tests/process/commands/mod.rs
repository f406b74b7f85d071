//! Subcommands that run to their end: `check`, `policy explain`, `ledger`, `manifest` and help.

mod check;
mod large_ledger;
mod ledger;
mod policy;
mod usage;
