//! Whose delivery it is, by the ids that came with it. Another workspace's or another app's is ignored.

use super::dependencies::AppState;
use crate::slack::inbound::Tenant;

/// Which workspace and app sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TenantMatch {
    /// Ours.
    Ours,
    /// Another workspace, or another app.
    Other,
    /// Not known: Slack has not said yet whose token we hold.
    NotKnown,
}

impl AppState {
    /// Matches the ids that came with a delivery. The workspace that counts most, then the organization.
    pub(super) fn tenant_match(&self, tenant: &Tenant<'_>) -> TenantMatch {
        if self.app_id.as_deref().is_some_and(|own| own != tenant.app_id) {
            return TenantMatch::Other;
        }
        let Some(served) = self.teams.get() else { return TenantMatch::NotKnown };
        let is_served = |id: &str| !id.is_empty() && served.iter().any(|own| own == id);
        if tenant.team_id().is_some_and(is_served) || is_served(tenant.enterprise_id) {
            TenantMatch::Ours
        } else {
            TenantMatch::Other
        }
    }
}
