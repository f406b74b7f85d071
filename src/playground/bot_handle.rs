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

/// How long the threads of a killed bot are waited for, in real time.
const DEAD_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct BotHandle {
    pub(super) url: String,
    pub(super) dispatcher: Worker,
    pub(super) store: Store,
    pub(super) tasks: TaskTracker,
    pub(super) known: Readiness,
    end: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    threads: Option<Threads>,
}

/// Threads that end with this value; a runtime may not be dropped among tasks.
#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl BotHandle {
    /// Builds the bot and begins to serve.
    pub(super) async fn launch(config: &Config, clock: &Clock, mode: Mode) -> Result<Self, PlayError> {
        let begun = begin(config.clone(), clock.clone(), mode);
        if mode != Mode::Apart {
            return begun.await;
        }
        let runtime =
            Builder::new_multi_thread().worker_threads(2).thread_name("bot").enable_all().build()?;
        let begun = runtime.spawn(begun);
        let threads = Some(Threads(Some(runtime)));
        let running = begun.await.map_err(io::Error::other)??;
        Ok(Self { threads, ..running })
    }

    /// Ends it in good order.
    pub(super) async fn stop(self) {
        let _ = self.end.send(());
        let _ = self.serving.await;
    }

    /// Ends it at once: each of its tasks is dropped where it stands, and nothing is finished or said good-bye to.
    /// Without threads of its own it is stopped in good order.
    pub(super) async fn kill(mut self) {
        let Some(runtime) = self.threads.take().and_then(|mut threads| threads.0.take()) else {
            return self.stop().await;
        };
        let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(DEAD_WITHIN));
        let _ = ended.await;
    }
}

async fn begin(config: Config, clock: Clock, mode: Mode) -> Result<BotHandle, PlayError> {
    let app = App::build(&config, clock, telemetry::collect_metrics()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (end, ended) = oneshot::channel();
    let ended = async move {
        let _ = ended.await;
    };
    let (dispatcher, store, tasks) = (app.worker.clone(), app.store().clone(), app.tasks().clone());
    let known = app.readiness();
    let serving = match mode {
        Mode::Live | Mode::Apart => tokio::spawn(app.serve(listener, ended)),
        Mode::Pumped => tokio::spawn(app.serve_only(listener, ended)),
    };
    Ok(BotHandle { url, dispatcher, store, tasks, known, end, serving, threads: None })
}
