//! The `marketo-api-user` binary: reads the command line and runs it.

use std::process::ExitCode;

use clap::Parser;
use marketo_api_user::cli::{self, args::Cli};

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Cli::parse()).await
}
