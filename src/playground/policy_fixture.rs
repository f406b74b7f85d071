//! The people, groups, channels and roles that a given policy names, so that it can be tried in the playground. This file
//! must not know how the bot applies a policy.

use std::collections::BTreeSet;

use super::{Mode, Options, PlayError, config, fixtures};
use crate::{
    clock::Clock,
    domain::{
        people::Principal,
        policy::{Approval, Policy, Terms},
    },
    sim::{
        marketo::{self, SimRole, SimWorkspace},
        slack::{Setup, SimChannel, SimGroup, SimUser},
    },
};

/// First names for people that a policy names.
const NAMES: [&str; 16] = [
    "Ana", "Ben", "Cleo", "Dev", "Eva", "Finn", "Gita", "Hugo", "Ines", "Jun", "Kira", "Leo", "Mia", "Nils",
    "Oda", "Paul",
];
/// The people of the usual company who decide; without the policy's word they are not there.
const DECIDERS: [&str; 2] = [fixtures::ADA, "U0SECOND"];

/// The company for a configuration file's text.
///
/// # Errors
/// When the text is wrong; with every fault.
pub fn company(text: &str) -> Result<Options, PlayError> {
    let config = config::read(text)?;
    let mut company = PolicyFixture { setup: fixtures::company(), named: 0 };
    company.empties();
    if let Some(team) = config.slack.team_ids.first() {
        company.setup.team_id.clone_from(team);
    }
    if let Some(app) = &config.slack.app_id {
        company.setup.app_id.clone_from(app);
    }
    company.seats(&config.policy);
    let marketo = instance(&config.policy);
    let several = crate::config::credentials_in(text).len() / 2;
    let mut options = Options::new(Clock::movable(), Mode::Apart);
    options.slack = company.setup;
    options.further = (1..several).map(|_| marketo.clone()).collect();
    options.marketo = marketo;
    text.clone_into(&mut options.policy);
    Ok(options)
}

/// Everybody who may have to decide, by the policy's word.
pub fn deciders(policy: &Policy) -> Vec<&Principal> {
    terms(policy)
        .flat_map(|terms| {
            let asked_later = terms.escalation.iter().flat_map(|escalation| &escalation.to);
            let asked = match &terms.approval {
                Approval::Required { approvers, .. } => approvers.as_slice(),
                Approval::None { .. } => &[],
            };
            asked.iter().chain(asked_later)
        })
        .collect()
}

/// Whether somebody is one of those that a policy names.
pub fn is_among<'a>(setup: &Setup, user: &str, named: impl IntoIterator<Item = &'a Principal>) -> bool {
    named.into_iter().any(|principal| match principal {
        Principal::User(id) => id.as_str() == user,
        Principal::Group(id) => {
            let group = setup.groups.iter().find(|group| group.id == id.as_str());
            group.is_some_and(|group| group.users.iter().any(|member| member == user))
        }
        Principal::Channel(id) => {
            let channel = setup.channels.iter().find(|channel| channel.id == id.as_str());
            channel.is_some_and(|channel| channel.members.iter().any(|member| member == user))
        }
    })
}

fn terms(policy: &Policy) -> impl Iterator<Item = &Terms> {
    policy.rules.iter().map(|rule| &rule.terms).chain([&policy.base])
}

struct PolicyFixture {
    setup: Setup,
    named: usize,
}

impl PolicyFixture {
    /// Takes away what only the usual policy names.
    fn empties(&mut self) {
        self.setup.users.retain(|user| !DECIDERS.contains(&user.id.as_str()));
        self.setup.groups.clear();
        self.setup.channels.retain(|channel| channel.id == fixtures::OPS);
        for channel in &mut self.setup.channels {
            channel.members.retain(|member| !DECIDERS.contains(&member.as_str()));
        }
    }

    /// Everybody and everything that the policy names takes a seat.
    fn seats(&mut self, policy: &Policy) {
        let deciders = deciders(policy);
        for principal in &deciders {
            self.seat(principal, "Approver");
        }
        let conditions = policy.rules.iter().map(|rule| &rule.condition);
        let requesters =
            conditions.clone().flat_map(|condition| &condition.requesters).chain(&policy.requesters);
        for principal in requesters {
            self.seat(principal, "Requester");
        }
        for channel in conditions.flat_map(|condition| &condition.channels) {
            self.channel(channel.as_str(), true);
        }
        let cards: BTreeSet<_> = terms(policy).filter_map(|terms| terms.approval_channel.as_ref()).collect();
        for channel in cards {
            self.channel(channel.as_str(), false);
            let setup = &self.setup;
            let members =
                setup.users.iter().filter(|user| is_among(setup, &user.id, deciders.iter().copied()));
            let members: Vec<String> =
                members.map(|user| user.id.clone()).chain([fixtures::RAE.to_owned()]).collect();
            let found = self.setup.channels.iter_mut().find(|found| found.id == channel.as_str());
            if let Some(found) = found.filter(|found| found.members.is_empty()) {
                found.members = members;
                "marketo-approvals".clone_into(&mut found.name);
            }
        }
    }

    fn seat(&mut self, principal: &Principal, part: &str) {
        match principal {
            Principal::User(id) => self.person(id.as_str(), part),
            Principal::Group(id) if !self.setup.groups.iter().any(|group| group.id == id.as_str()) => {
                let users: Vec<String> = (1..=2).map(|n| format!("U{}{n}", &id.as_str()[1..])).collect();
                users.iter().for_each(|user| self.person(user, part));
                let (id, handle) = (id.as_str().to_owned(), id.as_str().to_lowercase());
                self.setup.groups.push(SimGroup { id, handle, users });
            }
            Principal::Group(_) => {}
            Principal::Channel(id) => self.channel(id.as_str(), true),
        }
    }

    fn person(&mut self, id: &str, part: &str) {
        if self.setup.users.iter().any(|user| user.id == id) {
            return;
        }
        let first = NAMES[self.named % NAMES.len()];
        self.named += 1;
        let user = SimUser::member(id, &first.to_lowercase(), &format!("{first} {part}"), "Europe/London");
        // The bot and those whom every company has stay behind them.
        self.setup.users.insert(self.named, user);
        for channel in self.setup.channels.iter_mut().filter(|channel| channel.id == fixtures::OPS) {
            channel.members.push(id.to_owned());
        }
    }

    fn channel(&mut self, id: &str, with_everybody: bool) {
        if self.setup.channels.iter().any(|channel| channel.id == id) {
            return;
        }
        let mut channel = SimChannel::public(id, &id.to_lowercase(), &[]);
        if with_everybody {
            channel.members = fixtures::people(&self.setup).map(|user| user.id.clone()).collect();
        }
        self.setup.channels.push(channel);
    }
}

/// A Marketo that has the roles and workspaces that the policy names.
fn instance(policy: &Policy) -> marketo::Setup {
    let mut setup = marketo::Setup::default();
    let conditions = policy.rules.iter().map(|rule| &rule.condition);
    for named in conditions.clone().flat_map(|condition| &condition.roles).chain(&policy.roles) {
        let id = named.parse::<i64>().ok();
        if !setup.roles.iter().any(|role| role.name == *named || Some(role.id) == id) {
            let next = setup.roles.iter().map(|role| role.id).max().unwrap_or(100) + 1;
            let name = id.map_or_else(|| named.clone(), |id| format!("Role {id}"));
            setup.roles.push(SimRole::new(id.unwrap_or(next), &name));
        }
    }
    for named in conditions.flat_map(|condition| &condition.workspaces).chain(&policy.workspaces) {
        let id = named.parse::<i64>().ok();
        if !setup.workspaces.iter().any(|workspace| workspace.name == *named || Some(workspace.id) == id) {
            let next = setup.workspaces.iter().map(|workspace| workspace.id).max().unwrap_or(0) + 1;
            let name = id.map_or_else(|| named.clone(), |id| format!("Workspace {id}"));
            setup.workspaces.push(SimWorkspace::new(id.unwrap_or(next), &name));
        }
    }
    setup
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_and_whatever_a_policy_names_is_there() {
        let text = "[slack]\napproval_channel = \"C0CARDS\"\napp_id = \"A0OWN\"\n\n[policy]\n\
                    approvers = [\"U0BOSS\", \"S0ADMINS\"]\nrequesters = [\"C0TEAM\"]\nroles = [\"Web\", 7]\n";
        let options = company(text).unwrap();
        let setup = &options.slack;
        let names: Vec<_> =
            fixtures::people(setup).map(|user| (user.id.as_str(), user.real_name.as_str())).collect();
        assert_eq!(names[0], ("U0REQ", "Rae Requester"));
        assert_eq!(names[1], ("U0BOSS", "Ana Approver"));
        assert!(
            names.iter().any(|(id, _)| *id == "U0ADMINS2")
                && !names.iter().any(|(id, _)| *id == fixtures::ADA)
        );
        let cards = setup.channels.iter().find(|channel| channel.id == "C0CARDS").unwrap();
        assert_eq!(cards.members, ["U0BOSS", "U0ADMINS1", "U0ADMINS2", "U0REQ"]);
        assert!(setup.channels.iter().any(|channel| channel.id == "C0TEAM" && !channel.members.is_empty()));
        assert_eq!(setup.app_id, "A0OWN");
        let roles: Vec<_> = options.marketo.roles.iter().map(|role| role.name.as_str()).collect();
        assert!(roles.contains(&"Web") && roles.contains(&"Role 7"), "{roles:?}");
    }

    #[test]
    fn faults_are_told_as_they_are_by_the_program() {
        let Err(PlayError::Config(faults)) = company("[policy]\nroles = []\n") else { panic!("it is wrong") };
        assert_eq!(faults.len(), 2, "{faults:?}");
    }
}
