//! The built program as a process: what it prints, how it ends, and what it does between SIGTERM and its end. Slack
//! and Marketo are simulated on loopback; time is the system's.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod bulk;
mod check;
mod instances;
mod least;
mod ledger;
mod life;
mod log_spans;
mod outgoing;
mod policy;
mod refusals;
#[path = "../common/schema.rs"]
mod schema;
mod secrets;
mod support;
mod usage;
