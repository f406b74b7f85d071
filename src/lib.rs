//! A Slack bot that creates API-only users in Adobe Marketo.

pub mod clock;
