//! `demo`: shows the bot at work in a simulated company. `--script` prints the whole story and ends; without it
//! people are told what to do, a line at a time. What happens in the company is not known here.

use std::{
    io::{IsTerminal, stdout},
    process::ExitCode,
};

use super::{Failure, args::Demo, print};
use crate::{
    config::{self, Environment},
    demo::script,
    telemetry,
};

pub(super) async fn run(environment: &Environment, demo: &Demo) -> Result<ExitCode, Failure> {
    let log = config::log_if_asked(environment)
        .map_err(|faults| Failure(faults.iter().map(ToString::to_string).collect()))?;
    log.iter().for_each(telemetry::log_to_stdout);
    if demo.script { tell().await } else { Ok(ExitCode::SUCCESS) }
}

/// Prints the story, as far as it went.
async fn tell() -> Result<ExitCode, Failure> {
    let mut text = String::new();
    let told = script::play(&mut text, stdout().is_terminal()).await;
    print(&text)?;
    told?;
    Ok(ExitCode::SUCCESS)
}
