//! Whether a person may request API users: the answer, and what their profile says whatever the policy does.

use crate::{
    domain::{expiration::Zone, people::Principal},
    slack::{client::Profile, replies::NotRequester},
};

/// Whether a person may request API users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Eligibility {
    /// They may.
    Yes(Requester),
    /// They may not.
    No(NotRequester),
    /// Slack has not told.
    Unknown,
}

/// What the policy needs to know about a requester.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The time zone in which their days end.
    pub zone: Zone,
    /// The groups and channels of the policy's rules that they are a member of.
    pub memberships: Vec<Principal>,
}

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
