//! Whether a person's profile allows them to request API users, whatever the policy says.

use crate::slack::{client::Profile, replies::NotRequester};

/// Why a person's profile does not allow them to request API users, whatever the policy says. `teams` are the served
/// workspaces.
pub fn ineligible_reason(profile: &Profile, teams: Option<&[String]>) -> Option<NotRequester> {
    let is_of_other_team = teams.is_some_and(|served| !is_served(profile, served));
    match profile {
        Profile { is_bot: true, .. } => Some(NotRequester::Bot),
        Profile { is_deleted: true, .. } => Some(NotRequester::Deactivated),
        Profile { is_stranger: true, .. } => Some(NotRequester::OtherWorkspace),
        _ if is_of_other_team => Some(NotRequester::OtherWorkspace),
        Profile { is_guest: true, .. } => Some(NotRequester::Guest),
        _ => None,
    }
}

/// Whether a person belongs to a served workspace, or to a served Enterprise organization (E…), whose people may have their
/// home in another workspace.
fn is_served(profile: &Profile, served: &[String]) -> bool {
    let mut own = profile.team_id.iter().chain(&profile.teams).chain(&profile.organization_id).peekable();
    // Slack tells the home workspace of everybody but of some apps.
    own.peek().is_none() || own.any(|id| served.contains(id))
}
