//! `policy explain`: what the policy says about a request. Here is found out what must be known for it; which rule
//! holds is the domain's matter, and how it is told is in `answer`.

mod answer;
mod decides;
mod words;

use std::{collections::HashMap, path::Path, process::ExitCode};

use super::{CliError, args::Explain, print, settings};
use crate::{
    app::Clients,
    clock::Clock,
    config::{Config, Environment},
    directory::{instance::catalog_of, membership::ineligible_reason},
    domain::{
        allowed_options::Catalog,
        people::{Membership, Principal, UserId},
        policy::Policy,
    },
    slack::{self, replies::NotRequester},
};

/// What was found out.
struct Knowledge<'a> {
    policy: &'a Policy,
    /// Who is in each group, or why that is not known.
    groups: HashMap<Principal, Result<Vec<UserId>, String>>,
    /// Why the requester may not ask because of what they are, if so; or why that is not known.
    kind: Result<Option<NotRequester>, String>,
    /// The roles and workspaces of the instance, or why they are not known.
    catalog: Result<Catalog, String>,
}

impl Knowledge<'_> {
    fn membership(&self, user: &UserId, principal: &Principal) -> Membership {
        match self.groups.get(principal) {
            Some(Ok(members)) if members.contains(user) => Membership::Yes,
            Some(Ok(_)) => Membership::No,
            Some(Err(_)) | None => Membership::Unknown,
        }
    }
}

pub(super) async fn explain(
    environment: &Environment,
    file: Option<&Path>,
    explain: &Explain,
) -> Result<ExitCode, CliError> {
    let config = settings(environment, file)?;
    let names: Vec<&str> = config.instances.iter().map(|instance| instance.name.as_str()).collect();
    let at = match (&explain.instance, names.as_slice()) {
        (Some(name), names) => match names.iter().position(|own| own == name) {
            Some(at) => Some(at),
            None => {
                let there = names.join(", ");
                let text = format!("--instance: {name:?} is no Marketo instance: expected one of {there}");
                return Err(CliError(vec![text]));
            }
        },
        (None, [_]) => Some(0),
        (None, _) => None,
    };
    let clients = Clients::new(&config, &Clock::system(), None)?;
    let (kind, groups) = ask_slack(&config, &clients.slack, &explain.requester).await;
    let catalog = match at {
        None => Err("--instance is not given".to_owned()),
        Some(at) => {
            let marketo = &clients.marketo[at];
            match tokio::join!(marketo.roles(), marketo.workspaces()) {
                (Ok(roles), Ok(workspaces)) => Ok(catalog_of(roles, workspaces)),
                (Err(error), _) | (_, Err(error)) => Err(error.to_string()),
            }
        }
    };
    let knowledge = Knowledge { policy: &config.policy, groups, kind, catalog };
    print(&answer::to(explain, at.map(|at| names[at]), &knowledge))
}

type Asked = (Result<Option<NotRequester>, String>, HashMap<Principal, Result<Vec<UserId>, String>>);

/// What the requester is, and who is in the policy's groups.
async fn ask_slack(config: &Config, slack: &slack::client::Client, requester: &UserId) -> Asked {
    let mut groups = HashMap::new();
    let identity = match slack.auth_test().await {
        Ok(identity) => identity,
        // Then nothing else works either.
        Err(error) => {
            let why = error.to_string();
            groups.extend(config.policy.groups().into_iter().map(|group| (group, Err(why.clone()))));
            return (Err(why), groups);
        }
    };
    let own = vec![identity.team_id];
    let teams = if config.slack.team_ids.is_empty() { &own } else { &config.slack.team_ids };
    let profile = slack.user(requester).await.map_err(|error| error.to_string());
    for group in config.policy.groups() {
        let members = match &group {
            Principal::User(_) => continue,
            Principal::Group(id) => slack.group_members(id).await,
            Principal::Channel(id) => slack.channel_members(id).await,
        };
        groups.insert(group, members.map_err(|error| error.to_string()));
    }
    (profile.map(|profile| ineligible_reason(&profile, Some(teams))), groups)
}
