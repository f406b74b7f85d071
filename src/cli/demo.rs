//! `demo`: shows the bot at work in a simulated company, on a page; `--script` prints the whole story and ends. What
//! happens in the company is not known here.

use std::{
    fs,
    io::{IsTerminal, stdout},
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use super::{CliError, args::Demo, print, stop_signal};
use crate::{
    clock::Clock,
    config::{self, Environment},
    playground::{Mode, Options, PlayError, fixtures, policy_fixture, script, web::Web},
    telemetry,
};

/// What opens an address in a browser, on the systems that have it.
const OPENERS: [&str; 2] = ["xdg-open", "open"];

pub(super) async fn run(
    environment: &Environment,
    file: Option<&Path>,
    demo: &Demo,
) -> Result<ExitCode, CliError> {
    let log = config::log_if_asked(environment)
        .map_err(|faults| CliError(faults.iter().map(ToString::to_string).collect()))?;
    log.iter().for_each(telemetry::log_to_stdout);
    if demo.script { tell().await } else { serve(file, demo).await }
}

/// Serves the page until the program is told to stop.
async fn serve(file: Option<&Path>, demo: &Demo) -> Result<ExitCode, CliError> {
    let stop = stop_signal()?;
    let options = company(file)?;
    let web = match Web::open(options, demo.port).await {
        Ok(web) => web,
        Err(PlayError::Io(error)) if demo.port > 0 => {
            return Err(CliError(vec![format!("port {} cannot be used: {error}", demo.port)]));
        }
        Err(error) => return Err(failed(error)),
    };
    let url = web.url();
    let is_open = demo.open && OPENERS.iter().any(|opener| opens(opener, &url));
    let how = if is_open { "Your browser opens it." } else { "Open it in a browser." };
    print(&format!(
        "The playground is at {url}\n\n{how} The bot there is the real one; Slack and Marketo are simulated, and \
         nothing leaves this machine.\nCtrl-C ends it.\n"
    ))?;
    stop.await;
    web.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Who is there: the usual company, or one for the policy in `file`.
fn company(file: Option<&Path>) -> Result<Options, CliError> {
    let Some(file) = file else {
        let mut options = Options::new(Clock::movable(), Mode::Apart);
        options.slack = fixtures::company();
        return Ok(options);
    };
    let text = fs::read_to_string(file)
        .map_err(|error| CliError(vec![format!("{}: cannot be read: {error}", file.display())]))?;
    policy_fixture::company(&text).map_err(failed)
}

fn failed(error: PlayError) -> CliError {
    match error {
        PlayError::Config(faults) => CliError(faults),
        other => CliError(vec![other.to_string()]),
    }
}

/// Whether `opener` is there and was asked to open `url`.
fn opens(opener: &str, url: &str) -> bool {
    let mut command = Command::new(opener);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
}

/// Prints the story, as far as it went.
async fn tell() -> Result<ExitCode, CliError> {
    let mut text = String::new();
    let stop = stop_signal()?;
    let told = tokio::select! {
        told = script::play(&mut text, stdout().is_terminal()) => told,
        () = stop => return Err(CliError(vec!["the demo was stopped before its end".to_owned()])),
    };
    print(&text)?;
    told?;
    Ok(ExitCode::SUCCESS)
}
