//! The edge: routes on axum that verify what comes from Slack, read it, hand it over and answer.
//!
//! Every answer leaves without waiting for a call to the outside; what needs one is spawned into a tracker that
//! a shutdown waits for. It must not know of SQL or Marketo's API, and it decides nothing about requests.

mod answer;
mod asked;
mod body;
mod certificate;
mod choices;
mod commands;
mod edits;
mod events;
mod filled;
mod health;
mod interactions;
mod limited;
mod line;
mod lookups;
mod options;
mod pace;
mod presses;
mod rates;
mod replay;
mod reviews;
mod server;
mod signature;
mod submissions;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use tokio_util::task::TaskTracker;

pub use self::server::serve;
use self::{body::Intake, certificate::Expected, limited::Shares, replay::Replays, signature::Keys};
use crate::{
    clock::Clock,
    config::{ClientCert, Limits},
    directory::{
        instances::Instances,
        membership::{MembershipCache, ServedTeams},
    },
    domain::people::{ChannelId, UserId},
    health::Health,
    slack::{client::Client, error::Class, messages::Message},
    workflow::Workflow,
};

/// How long the background may take before a modal must open: its trigger dies after 3 s.
const BEFORE_MODAL: Duration = Duration::from_millis(1_500);

/// How long a form that opened empty waits for the roles.
const FILL_WITHIN: Duration = Duration::from_secs(20);

/// How long an answer may take that waits for the database. Slack waits for 3 s.
const ANSWER_WITHIN: Duration = Duration::from_millis(2_500);

/// What the edge is built from.
#[derive(Debug)]
pub struct Parts {
    /// Loads, decides and saves.
    pub engine: Workflow,
    /// Time.
    pub clock: Clock,
    /// Who is in which group.
    pub people: Arc<MembershipCache>,
    /// What the Marketo instances have.
    pub instances: Instances,
    /// The Web API.
    pub slack: Client,
    /// The condition of the process.
    pub health: Arc<Health>,
    /// Work that an answer does not wait for.
    pub tasks: TaskTracker,
    /// The accepted signing secrets.
    pub signing_secrets: Vec<SecretString>,
    /// The served workspaces, once known.
    pub teams: ServedTeams,
    /// The app's id; absent: not checked.
    pub app_id: Option<String>,
    /// How much is taken at once.
    pub limits: Limits,
    /// What a proxy in front must say of Slack's client certificate; absent: not looked at.
    pub client_cert: Option<ClientCert>,
    /// The metrics to show.
    pub metrics: &'static OnceLock<Option<PrometheusHandle>>,
}

/// The edge's state. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Edge(Arc<Inner>);

struct Inner {
    parts: Parts,
    keys: Keys,
    replays: Replays,
    intake: Intake,
    shares: Shares,
    certificate: Option<Expected>,
    choices: choices::Latest,
    /// The answer to `help`, by the name of the command.
    usage: OnceLock<(String, Bytes)>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Edge")
    }
}

impl std::ops::Deref for Edge {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

/// The routes.
pub fn router(parts: Parts) -> Router {
    let keys = Keys::new(&parts.signing_secrets);
    let (replays, choices, usage) = (Replays::default(), choices::Latest::default(), OnceLock::new());
    let (intake, shares) = (Intake::new(&parts.limits), Shares::new(&parts.limits));
    let expected = |cert: &ClientCert| Expected::new(&cert.header, &cert.name);
    let certificate = parts.client_cert.as_ref().and_then(expected);
    let edge = Edge(Arc::new(Inner { parts, keys, replays, intake, shares, certificate, choices, usage }));
    Router::new()
        .route("/slack/commands", post(commands::command))
        .route("/slack/interactions", post(interactions::interaction))
        .route("/slack/options", post(options::options))
        .route("/slack/events", post(events::event))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .with_state(edge)
}

/// Whose message it is, by the ids that came with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// Ours.
    Us,
    /// Another workspace's or another app's.
    Others,
    /// Not known: Slack has not said yet whose token we hold.
    NotKnown,
}

impl Edge {
    /// Whose message it is. The first of `teams` that is not empty counts, then the organization.
    fn owner(&self, app_id: &str, teams: &[&str], enterprise: &str) -> Owner {
        if self.app_id.as_deref().is_some_and(|own| own != app_id) {
            return Owner::Others;
        }
        let Some(served) = self.teams.get() else { return Owner::NotKnown };
        let team = teams.iter().find(|team| !team.is_empty());
        let is_served = |id: &str| !id.is_empty() && served.iter().any(|own| own == id);
        if team.is_some_and(|team| is_served(team)) || is_served(enterprise) {
            Owner::Us
        } else {
            Owner::Others
        }
    }

    /// Whether what is known by `id` among its `kind` comes for the first time, to whichever replica. For what leaves
    /// nothing else behind; where it cannot be told in time, it does.
    async fn is_first(&self, kind: &str, id: &str) -> bool {
        if id.is_empty() {
            return true;
        }
        let key = format!("{kind}:{id}");
        match tokio::time::timeout(BEFORE_MODAL, self.engine.is_first(&key)).await {
            Ok(Ok(is_first)) => return is_first,
            Ok(Err(error)) => tracing::warn!(%error, kind, "it cannot be told whether it came before"),
            Err(_) => tracing::warn!(kind, "it could not be told in time whether it came before"),
        }
        true
    }

    /// Tells somebody something that nobody else sees. Best effort, in the background.
    fn whisper(&self, channel: &str, user: &str, response_url: &str, message: Message) {
        let (edge, channel, user) = (self.clone(), ChannelId::from(channel), UserId::from(user));
        let response_url = response_url.to_owned();
        self.tasks.spawn(async move {
            let Err(error) = edge.slack.post_ephemeral(&channel, &user, &message).await else { return };
            // Where the bot is no member, the address that came with the message still works.
            let told = match error.class {
                Class::Refused if !response_url.is_empty() => {
                    edge.slack.respond(&response_url, &message).await
                }
                _ => Err(error),
            };
            if let Err(error) = told {
                tracing::warn!(%channel, %error, "somebody could not be told");
            }
        });
    }

    /// Answers a command, for the eyes of whoever typed it: by the address that came with it, which works wherever it
    /// was typed; where that does not work, as [`Edge::whisper`].
    async fn reply(&self, channel: &ChannelId, user: &UserId, response_url: &str, message: &Message) {
        match self.slack.respond(response_url, message).await {
            // After no answer it may be there.
            Err(error) if error.class != Class::Unknown => {
                tracing::info!(%channel, %error, "the address of a command does not work");
                self.whisper(channel.as_str(), user.as_str(), "", message.clone());
            }
            Err(error) => tracing::warn!(%channel, %error, "somebody may not have been answered"),
            Ok(()) => {}
        }
    }
}
