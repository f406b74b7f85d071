//! The bot and its people on one machine: the real bot, a simulated Slack and a simulated Marketo, all on loopback. `demo`
//! runs it, and so do the tests.
//!
//! The bot is built from settings like any other and reached through its URL only; nothing in it knows the playground.

mod bot_handle;
mod config;
pub mod fixtures;
mod page;
pub mod policy_fixture;
mod screen;
pub mod script;
mod time_travel;
pub mod web;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use secrecy::SecretString;

use self::bot_handle::BotHandle;
pub use self::config::{FIRST, POLICY, SECOND};
use crate::{
    app::BuildError,
    clock::Clock,
    config::Config,
    sim::{
        marketo::{self, MarketoSim},
        slack::{self, SlackSim},
        user::{SlackWorkspace, User},
    },
    store::{OutboxStats, StoreError},
};

/// How long the bot may take to become ready, in real time.
const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// The setup of a playground.
#[derive(Clone, Debug)]
pub struct Options {
    /// The clock of the bot and the simulators.
    pub clock: Clock,
    /// The simulated Slack.
    pub slack: slack::Setup,
    /// The simulated Marketo.
    pub marketo: marketo::Setup,
    /// A second simulated Marketo; the bot then has the instances [`FIRST`] and [`SECOND`].
    pub second_marketo: Option<marketo::Setup>,
    /// More simulated Marketos, for the `[[instance]]` blocks of [`Options::policy`].
    pub further: Vec<marketo::Setup>,
    /// The configuration file's text.
    pub policy: String,
    /// The database; `None` is a SQLite file that is deleted with the playground.
    pub database_url: Option<String>,
    /// Who executes effects.
    pub mode: Mode,
}

/// Who executes effects, and on which runtime the bot runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The bot executes effects by itself.
    Live,
    /// As [`Mode::Live`], on its own runtime, so that it can be killed.
    Apart,
    /// The caller executes effects with [`Playground::drain`] or [`Playground::step`].
    Pumped,
}

impl Options {
    /// The default company, on `clock`.
    pub fn new(clock: Clock, mode: Mode) -> Self {
        Self {
            clock,
            slack: slack::Setup::default(),
            marketo: marketo::Setup::default(),
            second_marketo: None,
            further: Vec::new(),
            policy: POLICY.to_owned(),
            database_url: None,
            mode,
        }
    }
}

/// Why a playground cannot be opened or started.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// A port or folder is not available.
    #[error("cannot open the playground: {0}")]
    Io(#[from] io::Error),
    /// The configuration is invalid: one line for each error.
    #[error("the playground's configuration is invalid: {}", .0.join("; "))]
    Config(Vec<String>),
    /// The bot cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The bot did not become ready.
    #[error("the bot did not become ready: {0}")]
    NotReady(String),
}

/// The bot, the simulators and the people.
#[derive(Debug)]
pub struct Playground {
    /// The simulated Slack.
    pub slack: Arc<SlackSim>,
    /// The simulated Marketo.
    pub marketo: Arc<MarketoSim>,
    /// The second simulated Marketo, if there is one.
    pub second_marketo: Option<Arc<MarketoSim>>,
    /// The simulated Marketos of [`Options::further`].
    pub further: Vec<Arc<MarketoSim>>,
    /// The Slack workspace, with its people.
    pub work: SlackWorkspace,
    /// The clock of the bot and the simulators.
    pub clock: Clock,
    config: Config,
    mode: Mode,
    folder: Option<PathBuf>,
    bot: Option<BotHandle>,
}

impl Playground {
    /// Opens a playground and waits until the bot is ready.
    ///
    /// # Errors
    /// When a port or folder is not available, the configuration is invalid, or the bot does not become ready.
    pub async fn open(options: Options) -> Result<Self, PlayError> {
        let mut this = Self::prepare(options).await?;
        this.start().await?;
        Ok(this)
    }

    /// Opens a playground without starting the bot.
    ///
    /// # Errors
    /// When a port or folder is not available, or the configuration is invalid.
    pub async fn prepare(options: Options) -> Result<Self, PlayError> {
        let Options { clock, slack, marketo, second_marketo, further, policy, database_url, mode } = options;
        let secrets = (slack.signing_secret.clone(), slack.bot_token.clone());
        let slack = SlackSim::start(clock.clone(), slack).await?;
        let (marketo, first) = start_marketo(&clock, marketo).await?;
        let (second_marketo, second) = match second_marketo {
            Some(setup) => {
                let (sim, access) = start_marketo(&clock, setup).await?;
                (Some(sim), Some(access))
            }
            None => (None, None),
        };
        let mut others = Vec::new();
        let mut accesses = Vec::new();
        for setup in further {
            let (sim, access) = start_marketo(&clock, setup).await?;
            others.push(sim);
            accesses.push(access);
        }
        let folder = config::folder(&clock)?;
        let database_url =
            database_url.unwrap_or_else(|| format!("sqlite:{}", folder.join("bot.db").display()));
        let config = config::load_config(&config::Addresses {
            slack: slack.api_url(),
            marketo: first,
            second_marketo: second,
            further: accesses,
            database: database_url,
            signing_secret: secrets.0,
            bot_token: secrets.1,
            policy,
            folder: folder.clone(),
        })?;
        let work = SlackWorkspace::new(Arc::clone(&slack), "http://127.0.0.1:1", clock.clone());
        let (folder, further, bot) = (Some(folder), others, None);
        Ok(Self { slack, marketo, second_marketo, further, work, clock, config, mode, folder, bot })
    }

    /// Another replica of the bot with the same database and simulators, not started yet. Requests of its people go to
    /// that replica.
    pub fn replica(&self) -> Self {
        let work = SlackWorkspace::new(Arc::clone(&self.slack), "http://127.0.0.1:1", self.clock.clone());
        Self {
            slack: Arc::clone(&self.slack),
            marketo: Arc::clone(&self.marketo),
            second_marketo: self.second_marketo.clone(),
            further: self.further.clone(),
            work,
            clock: self.clock.clone(),
            config: self.config.clone(),
            mode: self.mode,
            folder: None,
            bot: None,
        }
    }

    /// The configuration for the next start of the bot.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Changes the configuration for the next start of the bot.
    pub fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
    }

    /// A person, by user id.
    pub fn person(&self, id: &str) -> User {
        self.work.person(id)
    }

    /// The bot's URL; empty while it does not run.
    pub fn url(&self) -> &str {
        self.bot.as_ref().map_or("", |bot| &bot.url)
    }

    /// Starts the bot if it does not run, and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be built or does not become ready.
    pub async fn start(&mut self) -> Result<(), PlayError> {
        self.launch().await?;
        self.ready().await
    }

    /// Starts the bot if it does not run. It may not be ready yet.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn launch(&mut self) -> Result<(), PlayError> {
        if self.bot.is_some() {
            return Ok(());
        }
        let bot = BotHandle::launch(&self.config, &self.clock, self.mode).await?;
        self.work.set_bot_url(&bot.url);
        self.bot = Some(bot);
        Ok(())
    }

    /// Waits until the bot is ready.
    ///
    /// # Errors
    /// After a timeout of 10 s.
    pub async fn ready(&self) -> Result<(), PlayError> {
        let Some(bot) = &self.bot else { return Ok(()) };
        let real = Clock::system();
        let ready = async {
            while !bot.readiness.is_complete() {
                real.sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(READY_TIMEOUT, ready)
            .await
            .map_err(|_| PlayError::NotReady("it has not loaded its data within 10 s".to_owned()))
    }

    /// Stops the bot gracefully.
    pub async fn stop(&mut self) {
        if let Some(bot) = self.bot.take() {
            bot.stop().await;
        }
    }

    /// Stops the bot as a crash does; see [`Mode::Apart`].
    pub async fn kill(&mut self) {
        if let Some(bot) = self.bot.take() {
            bot.kill().await;
        }
    }

    /// Stops the bot gracefully and starts it again on the same database.
    ///
    /// # Errors
    /// As [`Playground::start`].
    pub async fn restart(&mut self) -> Result<(), PlayError> {
        self.stop().await;
        self.start().await
    }

    /// Executes one effect that is due; false if none is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&self) -> Result<bool, StoreError> {
        match &self.bot {
            Some(bot) => bot.worker.step().await,
            None => Ok(false),
        }
    }

    /// Publishes the ledger's anchor if it is due; returns whether it was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn anchor(&self) -> Result<bool, StoreError> {
        match &self.bot {
            Some(bot) => bot.worker.anchor().await,
            None => Ok(false),
        }
    }

    /// The URL of the bot's database.
    pub fn database_url(&self) -> &SecretString {
        &self.config.database_url
    }

    /// Executes all effects that are due, and waits for the bot's background tasks.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drain(&self) -> Result<(), StoreError> {
        let Some(bot) = &self.bot else { return Ok(()) };
        let real = Clock::system();
        loop {
            let mut was_idle = true;
            while !bot.tasks.is_empty() {
                was_idle = false;
                real.sleep(Duration::from_millis(1)).await;
            }
            while self.mode == Mode::Pumped && bot.worker.step().await? {
                was_idle = false;
            }
            let is_done =
                self.mode == Mode::Pumped || bot.store.outbox_stats(self.clock.now()).await?.due == 0;
            if was_idle && is_done {
                return Ok(());
            }
            if !is_done {
                real.sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// Advances the clock by `time`, and executes effects on the way when they are due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pass(&self, time: Duration) -> Result<(), StoreError> {
        let end = self.clock.millis() + i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        loop {
            self.drain().await?;
            let Some(bot) = &self.bot else { return Ok(()) };
            let next = bot.store.next_due().await?.map_or(end, |due| due.as_millisecond().min(end));
            let left = u64::try_from(next - self.clock.millis()).unwrap_or(0);
            self.clock.advance(Duration::from_millis(left));
            if self.clock.millis() >= end {
                return self.drain().await;
            }
        }
    }

    /// How many effects are pending.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn depth(&self) -> Result<OutboxStats, StoreError> {
        match &self.bot {
            Some(bot) => bot.store.outbox_stats(self.clock.now()).await,
            None => Ok(OutboxStats::default()),
        }
    }
}

/// Starts a simulated Marketo; returns it with its address and credentials.
async fn start_marketo(
    clock: &Clock,
    setup: marketo::Setup,
) -> io::Result<(Arc<MarketoSim>, config::Access)> {
    let (client_id, client_secret) = (setup.client_id.clone(), setup.client_secret.clone());
    let sim = MarketoSim::start(clock.clone(), setup).await?;
    let base_url = sim.url();
    Ok((sim, config::Access { base_url, client_id, client_secret }))
}

impl Drop for Playground {
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
