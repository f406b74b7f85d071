//! The composition root: builds the modules from the settings, keeps the background running, serves, and ends in
//! good order. It knows every module and none of their business.

mod ledger;
mod permits;

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::Clock,
    config::{self, Config},
    directory::{
        instance::Instance,
        instances::Instances,
        membership::{MembershipCache, ServedTeams},
    },
    handlers,
    health::Health,
    http, marketo, slack,
    slack::error::Class,
    store::{self, Store, StoreError},
    worker::{self, InstanceTarget, LedgerAnchor, Worker},
    workflow::Workflow,
};

/// How long a call to Slack may take.
const SLACK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the end may take: whoever stops us gives 10 s.
const END_WITHIN: Duration = Duration::from_secs(8);
/// How often the Slack token is tried while it is good.
const TOKEN_EVERY: Duration = Duration::from_secs(300);
/// How often what is no longer needed is forgotten.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(3600);
/// How long deliveries from Slack are kept: a modal or a card can be old.
const DELIVERIES_FOR: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

/// Why the bot cannot be built. Settings that are wrong in themselves are found before.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The database cannot be used.
    #[error("DATABASE_URL: {0}")]
    Store(#[from] StoreError),
    /// A Marketo client cannot be built.
    #[error("{set_at}: {source}")]
    Marketo {
        /// The variable or key that is at fault.
        set_at: String,
        /// What is wrong with it.
        source: marketo::BuildError,
    },
    /// The TLS settings cannot be made.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// The bot, ready to be served.
#[derive(Debug)]
pub struct App {
    /// The routes.
    pub router: Router,
    /// Carries effects out.
    pub dispatcher: Worker,
    /// The condition of the process.
    pub health: Arc<Health>,
    clock: Clock,
    store: Store,
    slack: slack::client::Client,
    teams: ServedTeams,
    people: Arc<MembershipCache>,
    instances: Instances,
    tasks: TaskTracker,
    stop: CancellationToken,
    limits: config::Limits,
    metrics: &'static OnceLock<Option<PrometheusHandle>>,
    unentered: Option<ledger::UnloggedConfiguration>,
}

/// The clients of the outside, as the settings say.
pub struct Clients {
    /// Slack's Web API.
    pub slack: slack::client::Client,
    /// The Marketo instances, in the order of the configuration.
    pub marketo: Vec<marketo::Client>,
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clients")
    }
}

impl Clients {
    /// Builds the clients; nothing is called. Where `store` is shared by replicas, so is Marketo's budget.
    ///
    /// # Errors
    /// When a client cannot be built from the settings.
    pub fn new(config: &Config, clock: &Clock, store: Option<&Store>) -> Result<Self, BuildError> {
        let tls = tls()?;
        let settings = slack::client::Settings {
            api_url: config.slack.api_url.clone(),
            token: config.slack.bot_token.clone(),
            timeout: SLACK_TIMEOUT,
        };
        let slack = slack::client::Client::new(settings, clock.clone(), tls.clone());
        let client = |instance| client(instance, clock, store, &tls);
        Ok(Self { slack, marketo: config.instances.iter().map(client).collect::<Result<_, _>>()? })
    }
}

/// The client of one instance, with its own credentials and budget.
fn client(
    instance: &config::Instance,
    clock: &Clock,
    store: Option<&Store>,
    tls: &rustls::ClientConfig,
) -> Result<marketo::Client, BuildError> {
    let settings = marketo::Settings {
        base_url: instance.base_url.clone(),
        client_id: instance.client_id.clone(),
        client_secret: instance.client_secret.clone(),
        calls_per_20s: instance.calls_per_20s,
        max_concurrent: instance.max_concurrent,
        timeout: marketo::DEFAULT_TIMEOUT,
    };
    let places = store.and_then(|store| permits::of(store, &instance.base_url));
    let client = marketo::Client::sharing(settings, clock.clone(), tls.clone(), places);
    client.map_err(|source| BuildError::Marketo { set_at: instance.set_at.base_url.clone(), source })
}

/// Each instance for the worker: how to call it, and what is known of it.
fn targets(config: &Config, clients: Vec<marketo::Client>, clock: &Clock) -> Vec<InstanceTarget> {
    let target = |(instance, marketo): (&config::Instance, marketo::Client)| {
        let known = Arc::new(Instance::new(instance.name.clone(), marketo.clone(), clock.clone()));
        InstanceTarget { marketo, identity: instance.identity, instance: known }
    };
    config.instances.iter().zip(clients).map(target).collect()
}

impl App {
    /// Builds the bot. The database is opened and brought up to date; nothing else outside is called.
    ///
    /// # Errors
    /// When the database cannot be used, or a client cannot be built.
    pub async fn build(
        config: &Config,
        clock: Clock,
        metrics: &'static OnceLock<Option<PrometheusHandle>>,
    ) -> Result<Self, BuildError> {
        let store = Store::open(config.database_url.expose_secret()).await?;
        let Clients { slack, marketo } = Clients::new(config, &clock, Some(&store))?;
        let policy = Arc::new(config.policy.clone());
        let work = Arc::new(Notify::new());
        let teams = ServedTeams::default();
        if !config.slack.team_ids.is_empty() {
            let _ = teams.set(config.slack.team_ids.clone());
        }
        let people = Arc::new(MembershipCache::new(
            slack.clone(),
            store.clone(),
            clock.clone(),
            Arc::clone(&policy),
            Arc::clone(&teams),
        ));
        let members: Arc<MembershipCache> = Arc::clone(&people);
        let workflow = Workflow::new(store.clone(), clock.clone(), policy, members, Arc::clone(&work));
        let unentered = ledger::enter(&workflow, config).await;
        let targets = targets(config, marketo, &clock);
        let instances = Instances::new(targets.iter().map(|target| Arc::clone(&target.instance)));
        let health = Arc::new(Health::new(clock.clone()));
        let tasks = TaskTracker::new();
        let handlers = handlers::Handlers::new(handlers::Dependencies {
            workflow: workflow.clone(),
            clock: clock.clone(),
            membership: Arc::clone(&people),
            instances: instances.clone(),
            slack: slack.clone(),
            health: Arc::clone(&health),
            tasks: tasks.clone(),
            teams: Arc::clone(&teams),
            app_id: config.slack.app_id.clone(),
        });
        let settings = http::Settings {
            clock: clock.clone(),
            signing_secrets: config.slack.signing_secrets.clone(),
            limits: config.limits.clone(),
            client_cert: config.client_cert.clone(),
            metrics,
        };
        let router = http::router(handlers, &settings);
        let dispatcher = Worker::new(worker::WorkerDependencies {
            workflow,
            clock: clock.clone(),
            slack: slack.clone(),
            targets,
            membership: Arc::clone(&people),
            health: Arc::clone(&health),
            work,
            lease: config.lease,
            ledger_anchor: config.anchor_channel.clone().map(LedgerAnchor::new),
        });
        let stop = CancellationToken::new();
        Ok(Self {
            router,
            dispatcher,
            health,
            clock,
            store,
            slack,
            teams,
            people,
            instances,
            tasks,
            stop,
            limits: config.limits.clone(),
            metrics,
            unentered,
        })
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Work that goes on behind the answers.
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// What the bot must know before it can do its work.
    pub fn known(&self) -> Readiness {
        let (teams, people) = (Arc::clone(&self.teams), Arc::clone(&self.people));
        Readiness { teams, people, instances: self.instances.clone() }
    }

    /// Serves on `listener` and carries effects out, until `end`. Then no more work is taken, what is held is
    /// finished or left to the end of its lease, and the database is closed.
    pub async fn serve(self, listener: TcpListener, end: impl Future<Output = ()>) {
        let dispatching = tokio::spawn(self.dispatcher.clone().run_until(self.stop.clone()));
        let dispatcher = self.dispatcher.clone();
        self.until_stopped(async move { dispatcher.keep_anchored().await });
        self.serve_with(listener, end, dispatching).await;
    }

    /// As [`App::serve`], but whoever holds the worker carries effects out.
    pub async fn serve_only(self, listener: TcpListener, end: impl Future<Output = ()>) {
        self.serve_with(listener, end, tokio::spawn(async {})).await;
    }

    async fn serve_with(
        self,
        listener: TcpListener,
        end: impl Future<Output = ()>,
        dispatching: JoinHandle<()>,
    ) {
        self.keep_fresh();
        let stopped = self.stop.clone();
        let serving = tokio::spawn(http::serve(listener, self.router, self.limits, stopped));
        end.await;
        tracing::info!("stopping");
        self.health.stop();
        self.stop.cancel();
        let all = async {
            let _ = serving.await;
            // Only now: an answer may start work in the background.
            self.tasks.close();
            self.tasks.wait().await;
            let _ = dispatching.await;
            self.store.close().await;
        };
        if tokio::time::timeout(END_WITHIN, all).await.is_err() {
            tracing::warn!("not everything was finished; the rest comes back when its lease ends");
        }
    }

    /// Starts the loops that keep what is known fresh. They end with the process.
    fn keep_fresh(&self) {
        let people = Arc::clone(&self.people);
        self.until_stopped(async move { people.keep_fresh().await });
        for instance in self.instances.iter().map(Arc::clone) {
            self.until_stopped(async move { instance.keep_fresh().await });
        }
        let (slack, teams, health) = (self.slack.clone(), Arc::clone(&self.teams), Arc::clone(&self.health));
        let clock = self.clock.clone();
        self.until_stopped(async move { keep_token_checked(&slack, &teams, &health, &clock).await });
        let (store, clock) = (self.store.clone(), self.clock.clone());
        self.until_stopped(async move {
            loop {
                if let Err(error) =
                    store::with_timeout(store.forget_deliveries(clock.now() - DELIVERIES_FOR)).await
                {
                    tracing::warn!(%error, "old deliveries were not forgotten");
                }
                clock.sleep(CLEANUP_INTERVAL).await;
            }
        });
        if let Some(unentered) = self.unentered.clone() {
            let clock = self.clock.clone();
            self.until_stopped(async move { unentered.enters_soon(&clock).await });
        }
        let (metrics, clock) = (self.metrics, Clock::system());
        self.until_stopped(async move {
            loop {
                clock.sleep(Duration::from_secs(1)).await;
                if let Some(metrics) = metrics.get().and_then(Option::as_ref) {
                    metrics.run_upkeep();
                }
            }
        });
    }

    fn until_stopped(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(work).await });
    }
}

/// What the bot must know before it can do its work.
#[derive(Clone, Debug)]
pub struct Readiness {
    teams: ServedTeams,
    people: Arc<MembershipCache>,
    instances: Instances,
}

impl Readiness {
    /// Whether it knows its workspace, the members of the policy's groups, and what every instance has.
    pub fn is_complete(&self) -> bool {
        self.teams.get().is_some() && self.people.is_loaded() && self.instances.are_loaded()
    }
}

/// Tries the Slack token until it is good, learns from it which workspace it serves, and goes on trying it.
async fn keep_token_checked(
    slack: &slack::client::Client,
    teams: &ServedTeams,
    health: &Health,
    clock: &Clock,
) {
    let mut pause = Duration::from_millis(500);
    loop {
        match slack.auth_test().await {
            Ok(identity) => {
                let _ = teams.set(vec![identity.team_id]);
                health.slack(None);
                pause = TOKEN_EVERY;
            }
            Err(error) => {
                tracing::error!(%error, "Slack's token cannot be checked");
                let was_good = teams.get().is_some() && pause == TOKEN_EVERY;
                // A token that was good stays good while Slack is merely not reachable.
                if !was_good || matches!(error.class, Class::Revoked) {
                    health.slack(Some(format!("SLACK_BOT_TOKEN: {error}")));
                }
                pause =
                    if was_good { Duration::from_secs(5) } else { (pause * 2).min(Duration::from_secs(30)) };
            }
        }
        clock.sleep(pause).await;
    }
}

/// TLS with the machine's certificates, for both clients.
fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!("this machine has no CA certificates: https:// addresses cannot be reached");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
