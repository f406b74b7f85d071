//! The command line: reads it, runs the subcommand, and says what went wrong in one readable line for each
//! fault. It is the only module that prints.

pub mod args;
mod check;
#[cfg(feature = "demo")]
mod demo;
mod healthcheck;
mod ledger;
mod manifest;
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

/// What went wrong, a line for each fault.
#[derive(Debug)]
pub struct CliError(Vec<String>);

impl<E: std::error::Error> From<E> for CliError {
    fn from(error: E) -> Self {
        Self(vec![error.to_string()])
    }
}

/// Runs what the command line asks for. Exit code 0 when it went well, 1 after a failure.
pub async fn run(cli: Cli) -> ExitCode {
    let environment = Environment::from_process();
    let file = cli.config.as_deref();
    let result = match cli.command {
        Command::Serve => serve::run(&environment, file).await,
        #[cfg(feature = "demo")]
        Command::Demo(demo) => demo::run(&environment, file, &demo).await,
        #[cfg(not(feature = "demo"))]
        Command::Demo(_) => Err(CliError(vec![NO_DEMO.to_owned()])),
        Command::Check(check) => check::run(&environment, file, check.json).await,
        Command::Policy(args) => match args.command {
            PolicyCommand::Explain(explain) => policy::explain(&environment, file, &explain).await,
        },
        Command::Manifest(args) => print(&manifest(&args.url)),
        Command::Config => print(config::DEFAULT),
        Command::Ledger(command) => ledger::run(&environment, &command).await,
        Command::Healthcheck => healthcheck::run(&environment).await,
    };
    match result {
        Ok(code) => code,
        Err(CliError(lines)) => {
            let mut stderr = io::stderr().lock();
            for line in lines {
                // One line for each fault, whatever the error's text holds.
                let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
                let _ = writeln!(stderr, "marketo-api-user: {}", printable(&line));
            }
            ExitCode::FAILURE
        }
    }
}

/// Prints a text as it is. A reader that went away is no failure.
fn print(text: &str) -> Result<ExitCode, CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The settings, or every fault in them.
fn settings(environment: &Environment, file: Option<&Path>) -> Result<Config, CliError> {
    config::load(environment, file)
        .map_err(|faults| CliError(faults.iter().map(ToString::to_string).collect()))
}

/// Resolves when the process is asked to stop.
fn stop_signal() -> Result<impl Future<Output = ()>, CliError> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
