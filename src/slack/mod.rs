//! Everything Slack sees of the bot: the calls to its Web API, the modals and messages as pure functions over the
//! domain's data, and every text that a person reads.
//!
//! This module may know the domain and the clock. It must not know how a request is decided, stored or executed, nor
//! when a message is due: its callers have decided that already. Text from people is neutralized in [`text`] and
//! nowhere else; tokens, email addresses, names and reasons never reach a log or an error.

pub mod client;
mod confusables;
pub mod error;
pub mod form_errors;
pub mod ids;
pub mod inbound;
pub mod messages;
pub mod remedies;
pub mod replies;
mod rich_text;
pub mod text;
pub mod views;

#[cfg(test)]
mod tests;
