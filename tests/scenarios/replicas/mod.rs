//! Several replicas on one PostgreSQL, and databases that fail. Without `TEST_POSTGRES_URL`, the scenarios that need
//! PostgreSQL say so and are skipped; CI sets it.

pub(crate) mod cluster;
mod database_loss;
mod frozen;
mod multi_approval;
mod program;
mod proxy;
mod rate_limits;
mod redeliveries;
mod simultaneous_actions;
mod sqlite_faults;
mod takeover;
mod unknown_commits;
