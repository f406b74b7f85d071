//! Who is who in the demo: the people, the channels they are in, and the names by which a reader calls them. It
//! knows nothing of what they do.

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

/// The name by which somebody is called: the first word of their name, small, unless what they are says more.
pub fn call_name(user: &SimUser) -> String {
    if user.is_restricted || user.is_ultra_restricted {
        return "guest".to_owned();
    }
    if user.team_id.is_some() {
        return "outsider".to_owned();
    }
    user.real_name.split_whitespace().next().unwrap_or(&user.name).to_lowercase()
}

/// The people who can be told to do something.
pub fn people(setup: &Setup) -> impl Iterator<Item = &SimUser> {
    setup.users.iter().filter(|user| !user.is_bot)
}

/// Who is meant by a name: how they are called, or any word of their name.
pub fn find<'a>(setup: &'a Setup, name: &str) -> Option<&'a SimUser> {
    let name = name.trim_start_matches('@').to_lowercase();
    people(setup).find(|user| {
        call_name(user) == name
            || user.real_name.split_whitespace().any(|word| word.to_lowercase() == name)
            || user.real_name.to_lowercase() == name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_found_by_how_they_are_called() {
        let setup = company();
        let calls: Vec<_> = people(&setup).map(call_name).collect();
        assert_eq!(calls, ["rae", "ada", "sam", "guest", "outsider"]);
        for name in ["guest", "Gus", "outsider", "@olga", "Olga Outsider", "RAE"] {
            assert!(find(&setup, name).is_some(), "{name}");
        }
        assert_eq!(find(&setup, "marketo"), None);
        assert_eq!(find(&setup, "nobody"), None);
    }
}
