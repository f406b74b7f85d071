//! What may be asked for and who decides. A policy is plain data; reading it from a file is not its matter.

use std::time::Duration;

use jiff::SignedDuration;

use super::people::{ChannelId, Principal};

/// The rules that every request must meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Who decides.
    pub approval: Approval,
    /// Where cards are shown; absent: where the command was typed.
    pub approval_channel: Option<ChannelId>,
    /// Who may ask; empty: every full member.
    pub requesters: Vec<Principal>,
    /// Whether a reason must be given.
    pub reason: Demand,
    /// Whether an end of access must be given.
    pub expiration: Demand,
    /// The furthest end of access, from the time of asking.
    pub max_access: SignedDuration,
    /// The e-mail domains that may be used, in lower case; empty: any.
    pub email_domains: Vec<String>,
    /// Roles that may be offered, by name or id.
    pub roles: Vec<String>,
    /// Workspaces that may be offered, by name or id; empty: all.
    pub workspaces: Vec<String>,
    /// After how long an undecided request is closed; absent: never.
    pub pending_timeout: Option<Duration>,
    /// After how long the approvers are reminded; absent: never.
    pub remind_after: Option<Duration>,
}

/// Who decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// One of these people or members of these groups, but never the requester.
    Required {
        /// Never empty.
        approvers: Vec<Principal>,
    },
    /// Nobody: what is submitted is carried out.
    None,
}

/// Whether a field must be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// It may be left empty.
    Optional,
    /// It must not.
    Required,
}

impl Policy {
    /// Who may approve; empty when nobody is asked.
    pub fn approvers(&self) -> &[Principal] {
        match &self.approval {
            Approval::Required { approvers } => approvers,
            Approval::None => &[],
        }
    }
}
