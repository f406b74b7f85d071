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

/// First names for the people whom a policy names.
const NAMES: [&str; 16] = [
    "Ana", "Ben", "Cleo", "Dev", "Eva", "Finn", "Gita", "Hugo", "Ines", "Jun", "Kira", "Leo", "Mia", "Nils",
    "Oda", "Paul",
];
/// The approvers of the default company. They are removed unless the policy names them.
const DEFAULT_APPROVERS: [&str; 2] = [fixtures::ADA, "U0SECOND"];

/// The company for a configuration file's text.
///
/// # Errors
/// When the file is invalid; with one line for each error.
pub fn company(text: &str) -> Result<Options, PlayError> {
    let config = config::read(text)?;
    let mut company = PolicyFixture { setup: fixtures::company(), named_people: 0 };
    company.remove_defaults();
    if let Some(team) = config.slack.team_ids.first() {
        company.setup.team_id.clone_from(team);
    }
    if let Some(app) = &config.slack.app_id {
        company.setup.app_id.clone_from(app);
    }
    company.add_named(&config.policy);
    let marketo = marketo_setup(&config.policy);
    let instances = crate::config::credentials_in(text).len() / 2;
    let mut options = Options::new(Clock::movable(), Mode::Apart);
    options.slack = company.setup;
    options.further = (1..instances).map(|_| marketo.clone()).collect();
    options.marketo = marketo;
    text.clone_into(&mut options.policy);
    Ok(options)
}

/// All approvers of the policy, including those of escalations.
pub fn approvers(policy: &Policy) -> Vec<&Principal> {
    terms(policy)
        .flat_map(|terms| {
            let escalated = terms.escalation.iter().flat_map(|escalation| &escalation.to);
            let approvers = match &terms.approval {
                Approval::Required { approvers, .. } => approvers.as_slice(),
                Approval::None { .. } => &[],
            };
            approvers.iter().chain(escalated)
        })
        .collect()
}

/// Whether a user is one of these principals.
pub fn is_among<'a>(setup: &Setup, user: &str, principals: impl IntoIterator<Item = &'a Principal>) -> bool {
    principals.into_iter().any(|principal| match principal {
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
    named_people: usize,
}

impl PolicyFixture {
    /// Removes what only the default policy names.
    fn remove_defaults(&mut self) {
        self.setup.users.retain(|user| !DEFAULT_APPROVERS.contains(&user.id.as_str()));
        self.setup.groups.clear();
        self.setup.channels.retain(|channel| channel.id == fixtures::OPS);
        for channel in &mut self.setup.channels {
            channel.members.retain(|member| !DEFAULT_APPROVERS.contains(&member.as_str()));
        }
    }

    /// Adds every person, group and channel that the policy names.
    fn add_named(&mut self, policy: &Policy) {
        let approvers = approvers(policy);
        for principal in &approvers {
            self.principal(principal, "Approver");
        }
        let conditions = policy.rules.iter().map(|rule| &rule.condition);
        let requesters =
            conditions.clone().flat_map(|condition| &condition.requesters).chain(&policy.requesters);
        for principal in requesters {
            self.principal(principal, "Requester");
        }
        for channel in conditions.flat_map(|condition| &condition.channels) {
            self.channel(channel.as_str(), true);
        }
        let cards: BTreeSet<_> = terms(policy).filter_map(|terms| terms.approval_channel.as_ref()).collect();
        for channel in cards {
            self.channel(channel.as_str(), false);
            let setup = &self.setup;
            let members =
                setup.users.iter().filter(|user| is_among(setup, &user.id, approvers.iter().copied()));
            let members: Vec<String> =
                members.map(|user| user.id.clone()).chain([fixtures::RAE.to_owned()]).collect();
            let added = self.setup.channels.iter_mut().find(|added| added.id == channel.as_str());
            if let Some(added) = added.filter(|added| added.members.is_empty()) {
                added.members = members;
                "marketo-approvals".clone_into(&mut added.name);
            }
        }
    }

    fn principal(&mut self, principal: &Principal, title: &str) {
        match principal {
            Principal::User(id) => self.person(id.as_str(), title),
            Principal::Group(id) if !self.setup.groups.iter().any(|group| group.id == id.as_str()) => {
                let users: Vec<String> = (1..=2).map(|n| format!("U{}{n}", &id.as_str()[1..])).collect();
                users.iter().for_each(|user| self.person(user, title));
                let (id, handle) = (id.as_str().to_owned(), id.as_str().to_lowercase());
                self.setup.groups.push(SimGroup { id, handle, users });
            }
            Principal::Group(_) => {}
            Principal::Channel(id) => self.channel(id.as_str(), true),
        }
    }

    fn person(&mut self, id: &str, title: &str) {
        if self.setup.users.iter().any(|user| user.id == id) {
            return;
        }
        let first = NAMES[self.named_people % NAMES.len()];
        self.named_people += 1;
        let user = SimUser::member(id, &first.to_lowercase(), &format!("{first} {title}"), "Europe/London");
        // Before the people of the default company and the bot.
        self.setup.users.insert(self.named_people, user);
        for channel in self.setup.channels.iter_mut().filter(|channel| channel.id == fixtures::OPS) {
            channel.members.push(id.to_owned());
        }
    }

    fn channel(&mut self, id: &str, with_all_people: bool) {
        if self.setup.channels.iter().any(|channel| channel.id == id) {
            return;
        }
        let mut channel = SimChannel::public(id, &id.to_lowercase(), &[]);
        if with_all_people {
            channel.members = fixtures::people(&self.setup).map(|user| user.id.clone()).collect();
        }
        self.setup.channels.push(channel);
    }
}

/// A Marketo with the roles and workspaces that the policy names.
fn marketo_setup(policy: &Policy) -> marketo::Setup {
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
    fn everything_that_a_policy_names_is_created() {
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
    fn configuration_errors_are_reported() {
        let Err(PlayError::Config(errors)) = company("[policy]\nroles = []\n") else {
            panic!("the policy is invalid")
        };
        assert_eq!(errors.len(), 2, "{errors:?}");
    }
}
