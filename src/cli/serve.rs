//! `serve`: runs the bot until SIGTERM or SIGINT.

use std::{path::Path, process::ExitCode};

use tokio::net::TcpListener;

use super::{CliError, settings, stop_signal};
use crate::{app::App, clock::Clock, config::Environment, telemetry};

pub(super) async fn run(environment: &Environment, file: Option<&Path>) -> Result<ExitCode, CliError> {
    let config = settings(environment, file)?;
    telemetry::log_to_stdout(&config.log);
    telemetry::log_panics();
    let app = App::build(&config, Clock::system(), telemetry::collect_metrics_soon()).await?;
    let listener = TcpListener::bind(config.bind)
        .await
        .map_err(|error| CliError(vec![format!("BIND: cannot listen on {}: {error}", config.bind)]))?;
    tracing::info!(address = %listener.local_addr()?, version = env!("CARGO_PKG_VERSION"), "listening");
    app.serve(listener, stop_signal()?).await;
    Ok(ExitCode::SUCCESS)
}
