//! What the bot does when Slack, Marketo or the bot itself fails, and when Slack sends nonsense.

mod clock_changes;
mod good_neighbor;
mod instance_errors;
mod malformed_payloads;
mod marketo_errors;
mod marketo_facts;
mod messages;
mod outages;
mod resources;
mod restarts;
mod slack_errors;
mod sudden_restarts;
