//! The `marketo-api-user` binary: reads the command line and runs it.

use std::{io, process::ExitCode};

use clap::Parser;
use marketo_api_user::cli::{self, args::Cli};
use tokio::runtime::Runtime;

fn main() -> io::Result<ExitCode> {
    let cli = Cli::parse();
    let runtime = Runtime::new()?;
    let code = runtime.block_on(cli::run(cli));
    // What still hangs, such as the look-up of a name, does not hold up the end.
    runtime.shutdown_background();
    Ok(code)
}
