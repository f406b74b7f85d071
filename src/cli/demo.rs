//! `demo`: shows the bot at work in a simulated company. `--script` prints the whole story and ends; without it
//! people say what happens, a line at a time. What happens in the company is not known here.

use std::{
    io::{self, IsTerminal, Write, stdin, stdout},
    process::ExitCode,
};

use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::{Failure, args::Demo, print, stop_signal};
use crate::{
    config::{self, Environment},
    demo::{
        console::{Console, Next},
        script,
    },
    telemetry,
};

pub(super) async fn run(environment: &Environment, demo: &Demo) -> Result<ExitCode, Failure> {
    let log = config::log_if_asked(environment)
        .map_err(|faults| Failure(faults.iter().map(ToString::to_string).collect()))?;
    log.iter().for_each(telemetry::log_to_stdout);
    if demo.script { tell().await } else { listen().await }
}

/// Prints the story, as far as it went.
async fn tell() -> Result<ExitCode, Failure> {
    let mut text = String::new();
    let stop = stop_signal()?;
    let told = tokio::select! {
        told = script::play(&mut text, stdout().is_terminal()) => told,
        () = stop => return Err(Failure(vec!["the demo was stopped before its end".to_owned()])),
    };
    print(&text)?;
    told?;
    Ok(ExitCode::SUCCESS)
}

/// Does what is said on stdin. When that ends, the bot goes on until it is told to stop.
async fn listen() -> Result<ExitCode, Failure> {
    let stop = stop_signal()?;
    let mut console = Console::open(stdout()).await?;
    let ended = tokio::select! {
        ended = converse(&mut console) => ended,
        () = stop => Ok(()),
    };
    console.ends().await;
    match ended {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Ends when people say so, never when there is nothing more to read.
async fn converse(console: &mut Console<io::Stdout>) -> io::Result<()> {
    console.introduces()?;
    let is_typed = stdin().is_terminal();
    let mut lines = lines();
    loop {
        if is_typed {
            write!(stdout(), "> ")?;
            stdout().flush()?;
        }
        let Some(line) = lines.recv().await else { break };
        if !is_typed {
            writeln!(stdout(), "> {line}")?;
        }
        if console.hears(&line).await? == Next::End {
            return Ok(());
        }
    }
    writeln!(stdout(), "Nothing more to read. The bot runs on until it is stopped with Ctrl-C or SIGTERM.")?;
    std::future::pending().await
}

/// The lines of stdin. They are read by a thread of its own, which the end of the program does not wait for.
fn lines() -> UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let mut line = Vec::new();
        while io::BufRead::read_until(&mut stdin().lock(), b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    lines
}
