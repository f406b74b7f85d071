//! What is known at the moment, so that no answer to Slack waits for a call: who is in which group and what kind
//! of member somebody is ([`people`]), and the roles, workspaces and users of each Marketo instance ([`instance`], [`instances`]).
//!
//! It asks Slack and Marketo in the background or where a caller may wait. It must not know of requests, HTTP
//! or effects, and it decides nothing: an answer that is not known is said to be not known.

pub mod instance;
pub mod instances;
pub mod membership;
