//! The built program from outside: what it prints, how it ends, what its port lets in, and how it survives being killed.
//! Slack and Marketo are simulated on loopback; time is the system's.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod attacks;
mod commands;
mod crash;
mod edge;
mod host;
mod load;
#[path = "../common/schema.rs"]
mod schema;
mod serve;
