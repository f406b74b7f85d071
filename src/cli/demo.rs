//! `demo`: the playground on a web page, or with `--script` a transcript of the whole main job. What happens there is the
//! playground's business.

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

/// The commands that open a URL in a browser, on Linux and macOS.
const OPENERS: [&str; 2] = ["xdg-open", "open"];

pub(super) async fn run(
    environment: &Environment,
    file: Option<&Path>,
    demo: &Demo,
) -> Result<ExitCode, CliError> {
    let log = config::log_if_requested(environment)
        .map_err(|errors| CliError(errors.iter().map(ToString::to_string).collect()))?;
    log.iter().for_each(telemetry::log_to_stdout);
    if demo.script { print_script().await } else { serve(file, demo).await }
}

/// Serves the page until SIGTERM or SIGINT.
async fn serve(file: Option<&Path>, demo: &Demo) -> Result<ExitCode, CliError> {
    let stop = stop_signal()?;
    let options = playground_options(file)?;
    let web = match Web::open(options, demo.port).await {
        Ok(web) => web,
        Err(PlayError::Io(error)) if demo.port > 0 => {
            return Err(CliError(vec![format!("port {} cannot be used: {error}", demo.port)]));
        }
        Err(error) => return Err(cli_error(error)),
    };
    let url = web.url();
    let is_open = demo.open && OPENERS.iter().any(|opener| open_in_browser(opener, &url));
    let how = if is_open { "It opens in your browser." } else { "Open it in a browser." };
    print(&format!(
        "The playground is at {url}\n\n{how} The bot is the real one; Slack and Marketo are simulated, and nothing \
         leaves this machine.\nPress Ctrl-C to stop.\n"
    ))?;
    stop.await;
    web.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// The default simulated company, or one that fits the policy in `file`.
fn playground_options(file: Option<&Path>) -> Result<Options, CliError> {
    let Some(file) = file else {
        let mut options = Options::new(Clock::movable(), Mode::Apart);
        options.slack = fixtures::company();
        return Ok(options);
    };
    let text = fs::read_to_string(file)
        .map_err(|error| CliError(vec![format!("{}: cannot be read: {error}", file.display())]))?;
    policy_fixture::company(&text).map_err(cli_error)
}

fn cli_error(error: PlayError) -> CliError {
    match error {
        PlayError::Config(errors) => CliError(errors),
        other => CliError(vec![other.to_string()]),
    }
}

/// Runs `opener` with `url`. Returns whether it could be started.
fn open_in_browser(opener: &str, url: &str) -> bool {
    let mut command = Command::new(opener);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
}

/// Plays the script and prints its transcript, even if it fails halfway.
async fn print_script() -> Result<ExitCode, CliError> {
    let mut transcript = String::new();
    let stop = stop_signal()?;
    let result = tokio::select! {
        result = script::play(&mut transcript, stdout().is_terminal()) => result,
        () = stop => return Err(CliError(vec!["the script was stopped before its end".to_owned()])),
    };
    print(&transcript)?;
    result?;
    Ok(ExitCode::SUCCESS)
}
