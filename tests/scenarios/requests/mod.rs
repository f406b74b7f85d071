//! What a requester does: opens the form, submits it, edits it, and asks the bot about it.

mod creation;
mod edit;
mod form;
mod happy_path;
pub(crate) mod instances;
mod permissions;
mod slack_facts;
mod subcommands;
