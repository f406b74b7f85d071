//! The command line: parses it, runs the subcommand, and prints one readable line for each error. It is the only module
//! that prints.

pub mod args;
mod check;
#[cfg(feature = "demo")]
mod demo;
mod healthcheck;
mod ledger;
mod manifest;
mod outbox;
mod policy;
mod serve;

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use tokio::signal::unix::{SignalKind, signal};

use self::args::{Cli, Command, PolicyCommand};
pub use self::manifest::manifest;
use crate::{
    config::{self, Config, Environment},
    telemetry::printable,
};

#[cfg(not(feature = "demo"))]
const NO_DEMO: &str =
    "this build has no demo: it was built without the feature `demo`, as the container image is";

/// Why a command failed: one line for each error.
#[derive(Debug)]
pub struct CliError(Vec<String>);

impl<E: std::error::Error> From<E> for CliError {
    fn from(error: E) -> Self {
        Self(vec![error.to_string()])
    }
}

/// Runs a command. Exit code 0 after success, 1 after a failure.
pub async fn run(cli: Cli) -> ExitCode {
    let environment = Environment::from_process();
    let file = cli.config.as_deref();
    let result = match cli.command {
        Command::Serve => serve::run(&environment, file).await,
        #[cfg(feature = "demo")]
        Command::Demo(demo) => demo::run(&environment, file, &demo).await,
        #[cfg(not(feature = "demo"))]
        Command::Demo(_) => Err(CliError(vec![NO_DEMO.to_owned()])),
        Command::Check(check) => check::run(&environment, file, &check).await,
        Command::Policy(args) => match args.command {
            PolicyCommand::Explain(explain) => policy::explain(&environment, file, &explain).await,
        },
        Command::Manifest(args) => print(&manifest(&args.url)),
        Command::Config => print(config::DEFAULT),
        Command::Ledger(command) => ledger::run(&environment, &command).await,
        Command::Outbox(command) => outbox::run(&environment, &command).await,
        Command::Healthcheck => healthcheck::run(&environment).await,
    };
    match result {
        Ok(code) => code,
        Err(CliError(lines)) => {
            let mut stderr = io::stderr().lock();
            for line in lines {
                // An error's message may contain line breaks.
                let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
                let _ = writeln!(stderr, "marketo-api-user: {}", printable(&line));
            }
            ExitCode::FAILURE
        }
    }
}

/// Prints a text unchanged. A closed pipe is not an error.
fn print(text: &str) -> Result<ExitCode, CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Loads the settings, or returns every error in them.
fn settings(environment: &Environment, file: Option<&Path>) -> Result<Config, CliError> {
    config::load(environment, file)
        .map_err(|faults| CliError(faults.iter().map(ToString::to_string).collect()))
}

/// Resolves on SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()>, CliError> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
