//! Whether the bot has loaded what it needs to do its work.

use std::sync::Arc;

use crate::directory::{
    instances::Instances,
    membership::{MembershipCache, ServedTeams},
};

/// What the bot has to load before it is ready.
#[derive(Clone, Debug)]
pub struct Readiness {
    teams: ServedTeams,
    people: Arc<MembershipCache>,
    instances: Instances,
}

impl Readiness {
    pub(super) fn new(teams: ServedTeams, people: Arc<MembershipCache>, instances: Instances) -> Self {
        Self { teams, people, instances }
    }

    /// Whether the workspace, the members of the policy's groups, and the catalog and users of every instance are known.
    pub fn is_complete(&self) -> bool {
        self.teams.get().is_some() && self.people.is_loaded() && self.instances.are_loaded()
    }
}
