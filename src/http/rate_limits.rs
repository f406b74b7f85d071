//! The rate limits per user and per workspace. They depend on nothing but how often a user or workspace acts; the ack belongs
//! to the handlers.

use super::rate_limiter::{RateLimited, RateLimiter};
use crate::{config::Limits, slack::inbound::Inbound};

/// The limits per user and per workspace.
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

    /// Counts a delivery at `now` (monotonic milliseconds) against the limits of its user and workspace.
    ///
    /// # Errors
    /// When one of them is reached.
    pub(super) fn check(&self, inbound: &Inbound<'_>, now: i64) -> Result<(), RateLimited> {
        self.per_user.check(inbound.user_id(), now)?;
        let Some(tenant) = inbound.tenant() else { return Ok(()) };
        self.per_team.check(tenant.team_id().unwrap_or(tenant.enterprise_id), now)
    }
}
