//! The current playground and what the page remembers about it, with the operations that stop, start and replace the bot.
//! This file must not know what people do or how the page looks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Mutex as AsyncMutex, task::AbortHandle};

use crate::{
    clock::Clock,
    domain::policy::Policy,
    playground::{Mode, Options, PlayError, Playground},
    sim::{
        change_notifier::ChangeNotifier,
        marketo::MarketoSim,
        slack::SlackSim,
        user::{SlackWorkspace, User},
    },
};

/// How long to wait for a restarted bot to become ready, in real time. It takes longer while Slack or Marketo is down.
const READY_TIMEOUT: Duration = Duration::from_secs(3);

/// A playground that can be replaced by a new one.
#[derive(Debug)]
pub(super) struct Session {
    options: Options,
    active: Mutex<Arc<ActivePlayground>>,
    playground: AsyncMutex<Option<Playground>>,
    changes: ChangeNotifier,
    scenario: Mutex<Option<AbortHandle>>,
}

/// The playground that the page shows now.
#[derive(Debug)]
pub(super) struct ActivePlayground {
    pub(super) slack: Arc<SlackSim>,
    /// The simulated Marketos with their instance names.
    pub(super) marketos: Vec<(String, Arc<MarketoSim>)>,
    pub(super) work: SlackWorkspace,
    pub(super) clock: Clock,
    pub(super) policy: Policy,
    ui: Mutex<UiState>,
    changes: ChangeNotifier,
}

/// The state of the page itself.
#[derive(Debug, Default)]
pub(super) struct UiState {
    /// The notice of Slack's client, by user id.
    pub(super) notices: BTreeMap<String, String>,
    /// The last message that a user has read in a conversation, by user id and conversation id.
    pub(super) last_read: BTreeMap<(String, String), String>,
    /// The fault switches that are on.
    pub(super) switches: BTreeSet<&'static str>,
    pub(super) bot: Bot,
    pub(super) status_line: StatusLine,
}

/// The bot's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Bot {
    #[default]
    Running,
    Starting,
    Killed,
    Failed(String),
}

/// The progress of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StatusLine {
    /// The name of the running scenario.
    pub(super) running: Option<&'static str>,
    pub(super) text: String,
    /// What the page shows: a user id and a conversation id.
    pub(super) view: Option<(String, String)>,
}

impl ActivePlayground {
    fn of(playground: &Playground, changes: &ChangeNotifier) -> Self {
        let marketos = [&playground.marketo]
            .into_iter()
            .chain(&playground.second_marketo)
            .chain(&playground.further)
            .cloned();
        let names = playground.config().instances.iter().map(|instance| instance.name.clone());
        Self {
            slack: Arc::clone(&playground.slack),
            marketos: names.zip(marketos).collect(),
            work: playground.work.clone(),
            clock: playground.clock.clone(),
            policy: playground.config().policy.clone(),
            ui: Mutex::default(),
            changes: changes.clone(),
        }
    }

    pub(super) fn ui(&self) -> MutexGuard<'_, UiState> {
        lock(&self.ui)
    }

    /// Changes the page's state and updates the page.
    pub(super) fn update_ui<T>(&self, change: impl FnOnce(&mut UiState) -> T) -> T {
        let result = change(&mut self.ui());
        self.changes.notify();
        result
    }

    pub(super) fn person(&self, id: &str) -> User {
        self.work.person(id)
    }
}

impl Session {
    pub(super) async fn open(options: Options) -> Result<Arc<Self>, PlayError> {
        let (playground, changes) = (open_playground(&options).await?, ChangeNotifier::default());
        let active = Mutex::new(activate(&playground, &changes));
        let playground = AsyncMutex::new(Some(playground));
        Ok(Arc::new(Self { options, active, playground, changes, scenario: Mutex::default() }))
    }

    pub(super) fn changes(&self) -> &ChangeNotifier {
        &self.changes
    }

    pub(super) fn active(&self) -> Arc<ActivePlayground> {
        Arc::clone(&lock(&self.active))
    }

    /// Starts over: new simulators, an empty database, the current time.
    pub(super) async fn reset(&self, status_line: StatusLine) -> Result<Arc<ActivePlayground>, PlayError> {
        let mut playground = self.playground.lock().await;
        let new = open_playground(&self.options).await?;
        let active = activate(&new, &self.changes);
        active.ui().status_line = status_line;
        *lock(&self.active) = Arc::clone(&active);
        self.changes.notify();
        if let Some(mut old) = playground.replace(new) {
            old.kill().await;
        }
        Ok(active)
    }

    /// Kills the bot.
    pub(super) async fn kill(&self) {
        if let Some(playground) = self.playground.lock().await.as_mut() {
            playground.kill().await;
            self.active().update_ui(|ui| ui.bot = Bot::Killed);
        }
    }

    /// Starts the bot on the same database if it does not run.
    pub(super) async fn start(&self) {
        if let Some(playground) = self.playground.lock().await.as_mut() {
            let active = self.active();
            active.update_ui(|ui| ui.bot = Bot::Starting);
            let launched = playground.launch().await;
            if launched.is_ok() {
                let _ = tokio::time::timeout(READY_TIMEOUT, playground.ready()).await;
            }
            active.update_ui(|ui| {
                ui.bot = launched.err().map_or(Bot::Running, |error| Bot::Failed(error.to_string()));
            });
        }
    }

    /// Advances the simulated time.
    pub(super) async fn fast_forward(&self, time: Duration) {
        if let Some(playground) = self.playground.lock().await.as_ref() {
            let result = playground.fast_forward(time).await;
            if let Err(error) = result {
                tracing::warn!(%error, "the simulated time was not advanced in full");
            }
        }
        self.changes.notify();
    }

    /// Registers the running scenario, and aborts the previous one.
    pub(super) fn set_scenario(&self, name: &'static str, task: AbortHandle) {
        if let Some(previous) = lock(&self.scenario).replace(task) {
            previous.abort();
        }
        self.active().update_ui(|ui| ui.status_line.running = Some(name));
    }

    /// Aborts the running scenario.
    pub(super) fn stop_scenario(&self) {
        if let Some(task) = lock(&self.scenario).take() {
            task.abort();
        }
        self.active().update_ui(|ui| ui.status_line = StatusLine::default());
    }

    pub(super) async fn close(&self) {
        if let Some(task) = lock(&self.scenario).take() {
            task.abort();
        }
        if let Some(mut playground) = self.playground.lock().await.take() {
            playground.stop().await;
        }
    }
}

async fn open_playground(options: &Options) -> Result<Playground, PlayError> {
    let options = Options { clock: Clock::movable(), mode: Mode::Apart, ..options.clone() };
    Playground::open(options).await
}

/// Wraps a playground, and forwards the changes of its simulators to the session.
fn activate(playground: &Playground, changes: &ChangeNotifier) -> Arc<ActivePlayground> {
    let active = ActivePlayground::of(playground, changes);
    let marketos = active.marketos.iter().map(|(_, marketo)| marketo.changes().subscribe());
    for mut source in marketos.chain([active.slack.changes().subscribe()]) {
        let changes = changes.clone();
        tokio::spawn(async move {
            while source.changed().await.is_ok() {
                changes.notify();
            }
        });
    }
    Arc::new(active)
}

fn lock<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
