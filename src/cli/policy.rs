//! `policy explain`: how the policy evaluates a request. This file gathers the facts from Slack and Marketo; the domain
//! evaluates the rules, and `explanation` describes the result.

mod explanation;
mod format;
mod outcome;

use std::{collections::HashMap, path::Path, process::ExitCode};

use super::{CliError, args::Explain, print, settings};
use crate::{
    app::Clients,
    clock::Clock,
    config::{Config, Environment},
    directory::{eligibility::ineligible_reason, instance::catalog_of},
    domain::{
        catalog::Catalog,
        people::{Membership, Principal, UserId},
        policy::Policy,
    },
    marketo,
    slack::{self, replies::NotRequester},
};

/// The members of each group of the policy, or why they are unknown.
type Groups = HashMap<Principal, Result<Vec<UserId>, String>>;
/// Why the requester's profile makes them ineligible, if it does; or why that is unknown.
type ProfileProblem = Result<Option<NotRequester>, String>;

/// What is known about a request.
struct Facts<'a> {
    policy: &'a Policy,
    groups: Groups,
    profile_problem: ProfileProblem,
    /// The roles and workspaces of the instance, or why they are unknown.
    catalog: Result<Catalog, String>,
}

impl Facts<'_> {
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
    let index = instance_index(&names, explain.instance.as_deref())?;
    let clients = Clients::new(&config, &Clock::system(), None)?;
    let (profile_problem, groups) = fetch_people(&config, &clients.slack, &explain.requester).await;
    let catalog = match index {
        Some(index) => fetch_catalog(&clients.marketo[index]).await,
        None => Err("--instance is not given".to_owned()),
    };
    let facts = Facts { policy: &config.policy, groups, profile_problem, catalog };
    print(&explanation::of(explain, index.map(|index| names[index]), &facts))
}

/// The index of the requested instance; `None` if there are several and none is requested.
fn instance_index(names: &[&str], requested: Option<&str>) -> Result<Option<usize>, CliError> {
    let Some(requested) = requested else { return Ok((names.len() == 1).then_some(0)) };
    match names.iter().position(|name| *name == requested) {
        Some(index) => Ok(Some(index)),
        None => {
            let expected = names.join(", ");
            let error =
                format!("--instance: {requested:?} is not a Marketo instance: expected one of {expected}");
            Err(CliError(vec![error]))
        }
    }
}

async fn fetch_catalog(marketo: &marketo::Client) -> Result<Catalog, String> {
    match tokio::join!(marketo.roles(), marketo.workspaces()) {
        (Ok(roles), Ok(workspaces)) => Ok(catalog_of(roles, workspaces)),
        (Err(error), _) | (_, Err(error)) => Err(error.to_string()),
    }
}

/// Fetches the requester's profile and the members of the policy's groups.
async fn fetch_people(
    config: &Config,
    slack: &slack::client::Client,
    requester: &UserId,
) -> (ProfileProblem, Groups) {
    let mut groups = HashMap::new();
    let identity = match slack.auth_test().await {
        Ok(identity) => identity,
        // No other call would succeed.
        Err(error) => {
            let reason = error.to_string();
            groups.extend(config.policy.groups().into_iter().map(|group| (group, Err(reason.clone()))));
            return (Err(reason), groups);
        }
    };
    let own_team = vec![identity.team_id];
    let teams = if config.slack.team_ids.is_empty() { &own_team } else { &config.slack.team_ids };
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
