//! A Slack bot that creates API-only users in Adobe Marketo.

pub mod clock;
pub mod domain;
pub mod marketo;
pub mod sim;
pub mod slack;
