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

/// How long a start may take, in real time.
const START_WITHIN: Duration = Duration::from_secs(10);

/// How a playground is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The time of everybody in it.
    pub clock: Clock,
    /// The simulated Slack.
    pub slack: slack::Setup,
    /// The simulated Marketo.
    pub marketo: marketo::Setup,
    /// Another simulated Marketo; then the bot has the instances [`FIRST`] and [`SECOND`].
    pub second_marketo: Option<marketo::Setup>,
    /// Further simulated Marketos, where [`Options::policy`] has `[[instance]]` blocks of its own.
    pub further: Vec<marketo::Setup>,
    /// The configuration file's text.
    pub policy: String,
    /// The database; absent: a SQLite file in a folder of its own, which goes with the playground.
    pub database_url: Option<String>,
    /// Who carries effects out.
    pub mode: Mode,
}

/// Who carries effects out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The bot itself, at once.
    Live,
    /// As [`Mode::Live`], on threads of its own, so that it can be killed.
    Apart,
    /// Whoever calls [`Playground::drain`].
    Pumped,
}

impl Options {
    /// A friendly little company at `clock`'s time.
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

/// Why a playground cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// No port or no folder.
    #[error("the playground cannot be opened: {0}")]
    Io(#[from] io::Error),
    /// The settings are wrong: a line for each fault.
    #[error("the playground's settings are wrong: {}", .0.join("; "))]
    Config(Vec<String>),
    /// The bot cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The bot did not become ready.
    #[error("the bot did not become ready: {0}")]
    NotReady(String),
}

/// The bot and the people around it.
#[derive(Debug)]
pub struct Playground {
    /// The simulated Slack.
    pub slack: Arc<SlackSim>,
    /// The simulated Marketo.
    pub marketo: Arc<MarketoSim>,
    /// The other simulated Marketo, if there is one.
    pub second_marketo: Option<Arc<MarketoSim>>,
    /// The simulated Marketos of [`Options::further`].
    pub further: Vec<Arc<MarketoSim>>,
    /// Where its people are.
    pub work: SlackWorkspace,
    /// Everybody's time.
    pub clock: Clock,
    config: Config,
    mode: Mode,
    folder: Option<PathBuf>,
    running: Option<BotHandle>,
}

impl Playground {
    /// Opens it and waits until the bot is ready.
    ///
    /// # Errors
    /// When there is no port or no folder, or the settings are wrong.
    pub async fn open(options: Options) -> Result<Self, PlayError> {
        let mut this = Self::prepare(options).await?;
        this.start().await?;
        Ok(this)
    }

    /// Opens it with the bot not started yet.
    ///
    /// # Errors
    /// When there is no port or no folder, or the settings are wrong.
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
        let (folder, further, running) = (Some(folder), others, None);
        Ok(Self { slack, marketo, second_marketo, further, work, clock, config, mode, folder, running })
    }

    /// Another replica of the bot on the same database, among the same people and not started yet. People whom it
    /// names reach that replica.
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
            running: None,
        }
    }

    /// The settings with which the bot is started next.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Changes the settings with which the bot is started next.
    pub fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
    }

    /// Somebody, by their id.
    pub fn person(&self, id: &str) -> User {
        self.work.person(id)
    }

    /// The bot's address.
    pub fn url(&self) -> &str {
        self.running.as_ref().map_or("", |running| &running.url)
    }

    /// Starts the bot, unless it runs, and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be built or does not become ready.
    pub async fn start(&mut self) -> Result<(), PlayError> {
        self.launch().await?;
        self.ready().await
    }

    /// Starts the bot, unless it runs. It serves, but may not know everything yet.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn launch(&mut self) -> Result<(), PlayError> {
        if self.running.is_some() {
            return Ok(());
        }
        let running = BotHandle::launch(&self.config, &self.clock, self.mode).await?;
        self.work.set_bot_url(&running.url);
        self.running = Some(running);
        Ok(())
    }

    /// Waits until the bot knows what it needs to know.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn ready(&self) -> Result<(), PlayError> {
        let Some(running) = &self.running else { return Ok(()) };
        let real = Clock::system();
        let ready = async {
            while !running.known.is_complete() {
                real.sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(START_WITHIN, ready)
            .await
            .map_err(|_| PlayError::NotReady("what it needs to know is missing".to_owned()))
    }

    /// Ends the bot in good order.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// Ends the bot as a crash does, with nothing finished; see [`Mode::Apart`].
    pub async fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill().await;
        }
    }

    /// Ends the bot and starts it again on the same database.
    ///
    /// # Errors
    /// As [`Playground::start`].
    pub async fn restart(&mut self) -> Result<(), PlayError> {
        self.stop().await;
        self.start().await
    }

    /// Carries out one effect that is due; false if none is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&self) -> Result<bool, StoreError> {
        match &self.running {
            Some(running) => running.dispatcher.step().await,
            None => Ok(false),
        }
    }

    /// Shows the anchor of the ledger, if that is to be done; whether it was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn anchor(&self) -> Result<bool, StoreError> {
        match &self.running {
            Some(running) => running.dispatcher.anchor().await,
            None => Ok(false),
        }
    }

    /// Where the bot keeps its data.
    pub fn database_url(&self) -> &SecretString {
        &self.config.database_url
    }

    /// Carries out everything that is due, and waits for what the bot does in the background.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drain(&self) -> Result<(), StoreError> {
        let Some(running) = &self.running else { return Ok(()) };
        let real = Clock::system();
        loop {
            let mut was_idle = true;
            while !running.tasks.is_empty() {
                was_idle = false;
                real.sleep(Duration::from_millis(1)).await;
            }
            while self.mode == Mode::Pumped && running.dispatcher.step().await? {
                was_idle = false;
            }
            let is_done =
                self.mode == Mode::Pumped || running.store.outbox_stats(self.clock.now()).await?.due == 0;
            if was_idle && is_done {
                return Ok(());
            }
            if !is_done {
                real.sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// Lets `time` pass, stopping at each moment at which something is due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pass(&self, time: Duration) -> Result<(), StoreError> {
        let end = self.clock.millis() + i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        loop {
            self.drain().await?;
            let Some(running) = &self.running else { return Ok(()) };
            let next = running.store.next_due().await?.map_or(end, |due| due.as_millisecond().min(end));
            let left = u64::try_from(next - self.clock.millis()).unwrap_or(0);
            self.clock.advance(Duration::from_millis(left));
            if self.clock.millis() >= end {
                return self.drain().await;
            }
        }
    }

    /// How much waits.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn depth(&self) -> Result<OutboxStats, StoreError> {
        match &self.running {
            Some(running) => running.store.outbox_stats(self.clock.now()).await,
            None => Ok(OutboxStats::default()),
        }
    }
}

/// A simulated Marketo, and how the bot gets in.
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
