//! `ledger`: the auditor's commands. They need only `DATABASE_URL`, and never write to the database.

mod export;

use std::process::ExitCode;

use secrecy::ExposeSecret;

use super::{
    CliError,
    args::{Export, LedgerCommand},
    print,
};
use crate::{
    config::{self, Environment},
    store::{Head, Ledger},
};

pub(super) async fn run(environment: &Environment, command: &LedgerCommand) -> Result<ExitCode, CliError> {
    let url = config::database_url(environment).map_err(|error| CliError(vec![error.to_string()]))?;
    let ledger = Ledger::open(url.expose_secret()).await.map_err(|error| {
        CliError(vec![format!("DATABASE_URL: {error}; check that it is the bot's database")])
    })?;
    let result = match command {
        LedgerCommand::Verify { anchored } => verify(&ledger, anchored).await,
        LedgerCommand::Export(export) => print_entries(&ledger, export).await,
        LedgerCommand::Head => print(&format!("{}\n", ledger.head().await?)),
    };
    ledger.close().await;
    result
}

async fn verify(ledger: &Ledger, anchored: &[Head]) -> Result<ExitCode, CliError> {
    match ledger.verify(anchored).await? {
        Ok(head) => print(&format!("ok: {} entries, head {head}\n", head.seq)),
        Err(error) => Err(CliError(vec![format!("ledger: {error}")])),
    }
}

async fn print_entries(ledger: &Ledger, export: &Export) -> Result<ExitCode, CliError> {
    export::run(ledger, &export.selection(), export.format).await
}
