//! The people and channels of the demo.

use crate::sim::slack::{Setup, SimUser};

/// Rae, the requester.
pub const RAE: &str = "U0REQ";
/// Ada, an approver.
pub const ADA: &str = "U0APPROVE";
/// The channel where people request users.
pub const OPS: &str = "C0OPS";
/// The approval channel.
pub const APPROVALS: &str = "C0APPROVE";

/// The company of the playground. Rae is an approver too, so that she can try to approve her own request.
pub fn company() -> Setup {
    let mut setup = Setup::default();
    let approvals = setup.channels.iter_mut().filter(|channel| channel.id == APPROVALS);
    approvals.for_each(|channel| channel.members.push(RAE.to_owned()));
    setup.groups.iter_mut().for_each(|group| group.users.push(RAE.to_owned()));
    setup
}

/// The users who are people, not bots.
pub fn people(setup: &Setup) -> impl Iterator<Item = &SimUser> {
    setup.users.iter().filter(|user| !user.is_bot)
}
