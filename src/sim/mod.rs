//! Simulated Slack and Marketo: strict, stateful HTTP servers on loopback, for `demo` and the tests.
//! They refuse what the real platforms refuse, so that a scenario that passes here would pass there.
//! The bot's clients reach them by URL only, and nothing here knows the bot's workflow or store.

pub mod breakpoint;
pub mod change_notifier;
pub mod fault;
pub mod marketo;
pub mod render;
pub mod server;
pub mod slack;
pub mod text;
pub mod user;
