//! A Slack bot that creates API-only users in Adobe Marketo.

pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod engine;
pub mod marketo;
pub mod sim;
pub mod store;
