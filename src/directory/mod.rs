//! Caches of Slack and Marketo, so that no response to Slack waits for a call: group members and profiles
//! ([`membership`]), and the roles, workspaces and users of each Marketo instance ([`instance`], [`instances`]).
//!
//! They are refreshed in the background, or where the caller may wait. This module must not know requests, HTTP or
//! effects, and makes no decisions: what is not known is reported as unknown.

pub mod eligibility;
mod group_reader;
pub mod instance;
pub mod instances;
mod member_lists;
pub mod membership;
