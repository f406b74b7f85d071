//! The composition root: builds every module from the settings, connects them, serves, and shuts down in order. It knows
//! every module and contains no logic of theirs.

mod background;
mod clients;
mod ledger;
mod permits;
mod readiness;

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

pub use self::{clients::Clients, readiness::Readiness};
use crate::{
    clock::Clock,
    config::{self, Config},
    directory::{
        instance::Instance,
        instances::Instances,
        membership::{MembershipCache, ServedTeams},
    },
    handlers::{self, Handlers},
    health::Health,
    http, marketo, slack,
    store::{Store, StoreError},
    worker::{self, InstanceTarget, LedgerAnchor, Worker},
    workflow::Workflow,
};

/// How long a shutdown may take. Container runtimes kill a process after 10 s.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

/// Why the bot cannot be built. Invalid settings are reported before.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The database cannot be used.
    #[error("DATABASE_URL: {0}")]
    Store(#[from] StoreError),
    /// A Marketo client cannot be built.
    #[error("{set_at}: {source}")]
    Marketo {
        /// The variable or key of the base URL.
        set_at: String,
        /// What is wrong with it.
        source: marketo::BuildError,
    },
    /// TLS cannot be configured.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// The bot, ready to serve.
#[derive(Debug)]
pub struct App {
    /// The HTTP routes.
    pub router: Router,
    /// Runs effects.
    pub worker: Worker,
    /// The health of the process.
    pub health: Arc<Health>,
    clock: Clock,
    store: Store,
    workflow: Workflow,
    slack: slack::client::Client,
    teams: ServedTeams,
    people: Arc<MembershipCache>,
    instances: Instances,
    tasks: TaskTracker,
    stop: CancellationToken,
    limits: config::Limits,
    metrics: &'static OnceLock<Option<PrometheusHandle>>,
    unlogged_configuration: Option<ledger::UnloggedConfiguration>,
}

impl App {
    /// Builds the bot. Opens and migrates the database; calls nothing else outside the process.
    ///
    /// # Errors
    /// If the database cannot be used, or a client cannot be built.
    pub async fn build(
        config: &Config,
        clock: Clock,
        metrics: &'static OnceLock<Option<PrometheusHandle>>,
    ) -> Result<Self, BuildError> {
        let store = Store::open(config.database_url.expose_secret()).await?;
        store.end_leases_of_the_last_process().await?;
        let Clients { slack, marketo } = Clients::new(config, &clock, Some(&store))?;
        let teams = served_teams(config);
        let policy = Arc::new(config.policy.clone());
        let people = Arc::new(MembershipCache::new(
            slack.clone(),
            store.clone(),
            clock.clone(),
            Arc::clone(&policy),
            Arc::clone(&teams),
        ));
        let work = Arc::new(Notify::new());
        let members: Arc<MembershipCache> = Arc::clone(&people);
        let workflow = Workflow::new(store.clone(), clock.clone(), policy, members, Arc::clone(&work))
            .with_max_refusals(config.limits.refusals_per_user_per_minute);
        let unlogged_configuration = ledger::log_configuration(&workflow, config).await;
        let targets = instance_targets(config, marketo, &clock, &store);
        let instances = Instances::new(targets.iter().map(|target| Arc::clone(&target.instance)));
        let health = Arc::new(Health::new(clock.clone()));
        let reported = Arc::clone(&health);
        slack
            .when_revoked(move |error| reported.set_slack_problem(Some(format!("SLACK_BOT_TOKEN: {error}"))));
        let worker = Worker::new(worker::WorkerDependencies {
            workflow: workflow.clone(),
            clock: clock.clone(),
            slack: slack.clone(),
            targets,
            membership: Arc::clone(&people),
            health: Arc::clone(&health),
            work,
            lease: config.lease,
            ledger_anchor: config.anchor_channel.clone().map(LedgerAnchor::new),
        });
        let mut app = Self {
            router: Router::new(),
            worker,
            health,
            clock,
            store,
            workflow,
            slack,
            teams,
            people,
            instances,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            limits: config.limits.clone(),
            metrics,
            unlogged_configuration,
        };
        app.router = app.routes(config);
        Ok(app)
    }

    fn routes(&self, config: &Config) -> Router {
        let handlers = Handlers::new(handlers::Dependencies {
            workflow: self.workflow.clone(),
            clock: self.clock.clone(),
            membership: Arc::clone(&self.people),
            instances: self.instances.clone(),
            slack: self.slack.clone(),
            health: Arc::clone(&self.health),
            tasks: self.tasks.clone(),
            teams: Arc::clone(&self.teams),
            app_id: config.slack.app_id.clone(),
        });
        let settings = http::Settings {
            clock: self.clock.clone(),
            signing_secrets: config.slack.signing_secrets.clone(),
            limits: config.limits.clone(),
            client_cert: config.client_cert.clone(),
            metrics: self.metrics,
        };
        http::router(handlers, &settings)
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The tasks that outlive the response to a request.
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// What the bot has to load before it is ready.
    pub fn readiness(&self) -> Readiness {
        Readiness::new(Arc::clone(&self.teams), Arc::clone(&self.people), self.instances.clone())
    }

    /// Serves on `listener` and runs effects until `stop` resolves. Then it accepts no more work, finishes what it holds
    /// or leaves it until its lease expires, and closes the database.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let workers = tokio::spawn(self.worker.clone().run_until(self.stop.clone()));
        let worker = self.worker.clone();
        self.spawn_until_stopped(async move { worker.keep_anchored().await });
        self.serve_with(listener, stop, workers).await;
    }

    /// Like [`App::serve`], without running effects: the owner of [`App::worker`] does.
    pub async fn serve_only(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        self.serve_with(listener, stop, tokio::spawn(async {})).await;
    }

    async fn serve_with(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
        workers: JoinHandle<()>,
    ) {
        self.start_background_loops();
        let server = tokio::spawn(http::serve(listener, self.router, self.limits, self.stop.clone()));
        stop.await;
        tracing::info!("stopping");
        self.health.stop();
        self.stop.cancel();
        let shutdown = async {
            let _ = server.await;
            // After the server, which may still start tasks.
            self.tasks.close();
            self.tasks.wait().await;
            let _ = workers.await;
            self.store.close().await;
        };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, shutdown).await.is_err() {
            tracing::warn!("stopped before all work was finished; it resumes when its lease expires");
        }
    }
}

/// The workspaces of the configuration. If it names none, the token's workspace is set once Slack has told it.
fn served_teams(config: &Config) -> ServedTeams {
    let teams = ServedTeams::default();
    if !config.slack.team_ids.is_empty() {
        let _ = teams.set(config.slack.team_ids.clone());
    }
    teams
}

/// What the worker needs to know about each instance.
fn instance_targets(
    config: &Config,
    clients: Vec<marketo::Client>,
    clock: &Clock,
    store: &Store,
) -> Vec<InstanceTarget> {
    let target = |(settings, marketo): (&config::Instance, marketo::Client)| {
        let (name, address) = (settings.name.clone(), settings.base_url.clone());
        let instance = Arc::new(Instance::new(name, address, marketo.clone(), clock.clone(), store));
        InstanceTarget { marketo, identity: settings.identity, instance }
    };
    config.instances.iter().zip(clients).map(target).collect()
}
