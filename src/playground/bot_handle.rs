//! The running bot of a playground: built like any other and served on loopback, as tasks of this runtime or on its own
//! threads. On its own threads it can be killed: its tasks are dropped at any point.

use std::{io, time::Duration};

use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::oneshot,
    task::JoinHandle,
};
use tokio_util::task::TaskTracker;

use super::{Mode, PlayError};
use crate::{
    app::{App, Readiness},
    clock::Clock,
    config::Config,
    store::Store,
    telemetry,
    worker::Worker,
};

/// Timeout for the shutdown of a killed bot's runtime, in real time.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct BotHandle {
    pub(super) url: String,
    pub(super) worker: Worker,
    pub(super) store: Store,
    pub(super) tasks: TaskTracker,
    pub(super) readiness: Readiness,
    shutdown: oneshot::Sender<()>,
    server: JoinHandle<()>,
    runtime: Option<OwnRuntime>,
}

/// A runtime that shuts down in the background when dropped: a runtime must not be dropped in an async context.
#[derive(Debug)]
struct OwnRuntime(Option<Runtime>);

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl BotHandle {
    /// Builds the bot and starts its server.
    pub(super) async fn launch(config: &Config, clock: &Clock, mode: Mode) -> Result<Self, PlayError> {
        let start = start(config.clone(), clock.clone(), mode);
        if mode != Mode::Apart {
            return start.await;
        }
        let runtime =
            Builder::new_multi_thread().worker_threads(2).thread_name("bot").enable_all().build()?;
        let start = runtime.spawn(start);
        let runtime = Some(OwnRuntime(Some(runtime)));
        let bot = start.await.map_err(io::Error::other)??;
        Ok(Self { runtime, ..bot })
    }

    /// Stops the bot gracefully.
    pub(super) async fn stop(self) {
        let _ = self.shutdown.send(());
        let _ = self.server.await;
    }

    /// Stops the bot at once, as a crash does: its tasks are dropped at their current await. Without its own runtime it is
    /// stopped gracefully.
    pub(super) async fn kill(mut self) {
        let Some(runtime) = self.runtime.take().and_then(|mut runtime| runtime.0.take()) else {
            return self.stop().await;
        };
        let shutdown = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(KILL_TIMEOUT));
        let _ = shutdown.await;
    }
}

async fn start(config: Config, clock: Clock, mode: Mode) -> Result<BotHandle, PlayError> {
    let app = App::build(&config, clock, telemetry::collect_metrics()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (shutdown, stopped) = oneshot::channel();
    let stopped = async move {
        let _ = stopped.await;
    };
    let (worker, store, tasks) = (app.worker.clone(), app.store().clone(), app.tasks().clone());
    let readiness = app.readiness();
    let server = match mode {
        Mode::Live | Mode::Apart => tokio::spawn(app.serve(listener, stopped)),
        Mode::Pumped => tokio::spawn(app.serve_only(listener, stopped)),
    };
    Ok(BotHandle { url, worker, store, tasks, readiness, shutdown, server, runtime: None })
}
