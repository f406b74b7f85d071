//! Stories about people: what they do, what they see, and what Slack and Marketo receive. The real bot, over real
//! HTTP, against the simulators; time is moved, never waited for.

#![cfg(feature = "demo")]
#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails, in its helpers too")]

mod approval;
mod creation;
mod edit;
mod form;
mod instance_trouble;
mod instances;
mod late_presses;
mod ledger;
mod main_job;
mod marketo_trouble;
mod outages;
mod panel;
mod reminders;
mod restarts;
mod review;
mod review_refused;
mod revisions;
mod rights;
mod rules;
mod safety;
#[path = "../common/schema.rs"]
mod schema;
mod second_thoughts;
mod shapes;
mod slack_trouble;
mod support;
mod words;
