//! Which workspace and app sent a delivery. Deliveries of others are ignored.

use std::time::Duration;

use super::dependencies::AppState;
use crate::slack::inbound::{Inbound, Tenant};

/// The timeout of looking up who acts. With the timeout of the handler that follows, an ack leaves within Slack's 3 s.
const RECALL_TIMEOUT: Duration = Duration::from_millis(400);

/// Whether a delivery is for the workspace and app that this bot serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TenantMatch {
    /// It is.
    Served,
    /// Another workspace, or another app.
    Other,
    /// Unknown: `auth.test` has not succeeded yet, which gives the workspace of the token.
    Unknown,
}

impl AppState {
    /// In an Enterprise organization, loads what is known of the person who acts, who may have a second id.
    pub(super) async fn recognize(&self, inbound: &Inbound<'_>) {
        if inbound.tenant().is_none_or(|tenant| tenant.enterprise_id.is_empty()) {
            return;
        }
        self.membership.set_in_organization();
        // Without an answer in time nothing is known of them, and nothing is decided.
        let user = inbound.user_id().into();
        let _ = tokio::time::timeout(RECALL_TIMEOUT, self.membership.recall(&user)).await;
    }

    /// Matches the app, then the most relevant workspace, then the organization.
    pub(super) fn tenant_match(&self, tenant: &Tenant<'_>) -> TenantMatch {
        if self.app_id.as_deref().is_some_and(|own| own != tenant.app_id) {
            return TenantMatch::Other;
        }
        let Some(served) = self.teams.get() else { return TenantMatch::Unknown };
        let is_served = |id: &str| !id.is_empty() && served.iter().any(|own| own == id);
        if tenant.team_id().is_some_and(is_served) || is_served(tenant.enterprise_id) {
            TenantMatch::Served
        } else {
            TenantMatch::Other
        }
    }
}
