//! Scenarios about people: what they do, what they see, and what Slack and Marketo receive. The real bot runs over real
//! HTTP against the simulators; time is moved, never waited for.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on fails, in its helpers too")]

mod approvals;
mod demo;
mod failures;
mod ledger;
mod playground;
mod replicas;
mod requests;
#[path = "../common/schema.rs"]
mod schema;
mod test_bot;
mod untrusted_text;
mod upgrade;
