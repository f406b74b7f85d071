//! How much each person and each workspace may have done. It decides by how often they came, never by what they ask for;
//! what they are told is not its business either.

use super::rate_limiter::{RateLimited, RateLimiter};
use crate::{config::Limits, slack::inbound::Inbound};

/// The limits on people and on workspaces.
#[derive(Debug)]
pub(super) struct RateLimits {
    per_user: RateLimiter,
    per_team: RateLimiter,
}

impl RateLimits {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            per_user: RateLimiter::new(limits.per_user_per_minute),
            per_team: RateLimiter::new(limits.per_team_per_minute),
        }
    }

    /// Counts what somebody does at `now` (UTC milliseconds) for them and for their workspace, unless that is too often.
    pub(super) fn spend(&self, inbound: &Inbound<'_>, now: i64) -> Result<(), RateLimited> {
        self.per_user.spend(inbound.user_id(), now)?;
        let Some(tenant) = inbound.tenant() else { return Ok(()) };
        self.per_team.spend(tenant.team_id().unwrap_or(tenant.enterprise_id), now)
    }
}
