//! Stories about people: what they do, what they see, and what Slack and Marketo receive. The real bot, over real
//! HTTP, against the simulators; time is moved, never waited for.

mod main_job;
mod support;
