//! The people and channels of the demo.

use crate::sim::slack::{Setup, SimUser};

/// Rae asks.
pub const RAE: &str = "U0REQ";
/// Ada approves.
pub const ADA: &str = "U0APPROVE";
/// Where people ask.
pub const OPS: &str = "C0OPS";
/// Where the cards are.
pub const APPROVALS: &str = "C0APPROVE";

/// The company of the demo. Rae approves what others ask for, so that she can try to approve her own request.
pub fn company() -> Setup {
    let mut setup = Setup::default();
    let approvals = setup.channels.iter_mut().filter(|channel| channel.id == APPROVALS);
    approvals.for_each(|channel| channel.members.push(RAE.to_owned()));
    setup.groups.iter_mut().for_each(|group| group.users.push(RAE.to_owned()));
    setup
}

/// The people who can be told to do something.
pub fn people(setup: &Setup) -> impl Iterator<Item = &SimUser> {
    setup.users.iter().filter(|user| !user.is_bot)
}
