//! The current playground and what the page remembers about it, with the operations that stop, start and replace the bot.
//! This file must not know what people do or how the page looks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Mutex as Turn, task::AbortHandle};

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

/// How long a restarted bot is waited for, in real time; while Slack or Marketo is broken it is not ready for longer.
const READY_WITHIN: Duration = Duration::from_secs(3);

/// A playground that can be replaced by a new one.
#[derive(Debug)]
pub(super) struct Session {
    options: Options,
    scene: Mutex<Arc<Scene>>,
    play: Turn<Option<Playground>>,
    pulse: ChangeNotifier,
    playing: Mutex<Option<AbortHandle>>,
}

/// One playground as the page sees it.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) slack: Arc<SlackSim>,
    /// The Marketos with the names of their instances.
    pub(super) marketos: Vec<(String, Arc<MarketoSim>)>,
    pub(super) work: SlackWorkspace,
    pub(super) clock: Clock,
    pub(super) policy: Policy,
    memory: Mutex<Memory>,
    pulse: ChangeNotifier,
}

/// What the page remembers.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What Slack's client tells somebody that no message says.
    pub(super) notices: BTreeMap<String, String>,
    /// Up to which message somebody has read a conversation.
    pub(super) seen: BTreeMap<(String, String), String>,
    /// The switches that are on.
    pub(super) switches: BTreeSet<&'static str>,
    pub(super) bot: Bot,
    pub(super) status_line: StatusLine,
}

/// How the bot is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Bot {
    #[default]
    Runs,
    Starts,
    Killed,
    Failed(String),
}

/// What a scenario says while it is played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StatusLine {
    /// The scenario that is being played.
    pub(super) playing: Option<&'static str>,
    pub(super) line: String,
    /// Where to look: a person and a conversation.
    pub(super) at: Option<(String, String)>,
}

impl Scene {
    fn of(play: &Playground, pulse: &ChangeNotifier) -> Self {
        let first = [&play.marketo].into_iter().chain(&play.second_marketo).chain(&play.further).cloned();
        let names = play.config().instances.iter().map(|instance| instance.name.clone());
        Self {
            slack: Arc::clone(&play.slack),
            marketos: names.zip(first).collect(),
            work: play.work.clone(),
            clock: play.clock.clone(),
            policy: play.config().policy.clone(),
            memory: Mutex::default(),
            pulse: pulse.clone(),
        }
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        locked(&self.memory)
    }

    /// Changes what is remembered, and shows it.
    pub(super) fn remember<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> T {
        let changed = change(&mut self.memory());
        self.pulse.notify();
        changed
    }

    pub(super) fn person(&self, id: &str) -> User {
        self.work.person(id)
    }
}

impl Session {
    pub(super) async fn open(options: Options) -> Result<Arc<Self>, PlayError> {
        let (play, pulse) = (fresh(&options).await?, ChangeNotifier::default());
        let scene = Mutex::new(set_up(&play, &pulse));
        Ok(Arc::new(Self { options, scene, play: Turn::new(Some(play)), pulse, playing: Mutex::default() }))
    }

    pub(super) fn changes(&self) -> &ChangeNotifier {
        &self.pulse
    }

    pub(super) fn scene(&self) -> Arc<Scene> {
        Arc::clone(&locked(&self.scene))
    }

    /// Begins anew: a new company, a new Marketo, an empty database, today's time.
    pub(super) async fn reset(&self, status_line: StatusLine) -> Result<Arc<Scene>, PlayError> {
        let mut play = self.play.lock().await;
        let new = fresh(&self.options).await?;
        let scene = set_up(&new, &self.pulse);
        scene.memory().status_line = status_line;
        *locked(&self.scene) = Arc::clone(&scene);
        self.pulse.notify();
        if let Some(mut old) = play.replace(new) {
            old.kill().await;
        }
        Ok(scene)
    }

    /// Kills the bot.
    pub(super) async fn kill(&self) {
        if let Some(play) = self.play.lock().await.as_mut() {
            play.kill().await;
            self.scene().remember(|memory| memory.bot = Bot::Killed);
        }
    }

    /// Starts the bot on the same database, unless it runs.
    pub(super) async fn start(&self) {
        if let Some(play) = self.play.lock().await.as_mut() {
            let scene = self.scene();
            scene.remember(|memory| memory.bot = Bot::Starts);
            let launched = play.launch().await;
            if launched.is_ok() {
                let _ = tokio::time::timeout(READY_WITHIN, play.ready()).await;
            }
            scene.remember(|memory| {
                memory.bot = launched.err().map_or(Bot::Runs, |error| Bot::Failed(error.to_string()));
            });
        }
    }

    /// Lets time pass.
    pub(super) async fn travel(&self, time: Duration) {
        if let Some(play) = self.play.lock().await.as_ref() {
            let gone = play.travel(time).await;
            if let Err(error) = gone {
                tracing::warn!(%error, "the way through time ended early");
            }
        }
        self.pulse.notify();
    }

    /// A scenario is played now, in place of the one that was.
    pub(super) fn plays(&self, name: &'static str, playing: AbortHandle) {
        if let Some(before) = locked(&self.playing).replace(playing) {
            before.abort();
        }
        self.scene().remember(|memory| memory.status_line.playing = Some(name));
    }

    /// Ends what is being played.
    pub(super) fn stop_playing(&self) {
        if let Some(before) = locked(&self.playing).take() {
            before.abort();
        }
        self.scene().remember(|memory| memory.status_line = StatusLine::default());
    }

    pub(super) async fn close(&self) {
        if let Some(playing) = locked(&self.playing).take() {
            playing.abort();
        }
        if let Some(mut play) = self.play.lock().await.take() {
            play.stop().await;
        }
    }
}

async fn fresh(options: &Options) -> Result<Playground, PlayError> {
    let options = Options { clock: Clock::movable(), mode: Mode::Apart, ..options.clone() };
    Playground::open(options).await
}

/// A scene whose changes are felt on the session.
fn set_up(play: &Playground, pulse: &ChangeNotifier) -> Arc<Scene> {
    let scene = Scene::of(play, pulse);
    let marketos = scene.marketos.iter().map(|(_, marketo)| marketo.changes().subscribe());
    for mut changes in marketos.chain([scene.slack.changes().subscribe()]) {
        let pulse = pulse.clone();
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                pulse.notify();
            }
        });
    }
    Arc::new(scene)
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
