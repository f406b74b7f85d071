//! `outbox`: shows operators what waits or cannot be delivered, and tries it again. Needs only `DATABASE_URL`.

use std::{fmt::Write, process::ExitCode};

use secrecy::ExposeSecret;

use super::{
    CliError,
    args::{OutboxCommand, OutboxRetry},
    print,
};
use crate::{
    clock::Clock,
    config::{self, Environment},
    store::{OutboxItem, Store, StoreError},
    telemetry::printable,
};

pub(super) async fn run(environment: &Environment, command: &OutboxCommand) -> Result<ExitCode, CliError> {
    let url = config::database_url(environment).map_err(|error| CliError(vec![error.to_string()]))?;
    let store = Store::open(url.expose_secret()).await.map_err(|error| {
        CliError(vec![format!("DATABASE_URL: {error}; check that it is the bot's database")])
    })?;
    let result = match command {
        OutboxCommand::List => list(&store).await,
        OutboxCommand::Retry(options) => retry(&store, options).await,
    };
    store.close().await;
    result
}

async fn list(store: &Store) -> Result<ExitCode, CliError> {
    let items = store.outbox_items().await?;
    if items.is_empty() {
        return print("The outbox is empty.\n");
    }
    let mut text = String::new();
    for OutboxItem { id, name, due_at, attempts, error, .. } in items {
        let when = due_at.map_or_else(|| "given up".to_owned(), |due_at| format!("due {due_at}"));
        let error = error.map_or_else(String::new, |error| format!(": {}", printable(&error)));
        let times = if attempts == 1 { "attempt" } else { "attempts" };
        let _ = writeln!(text, "{} {} {when}, {attempts} {times}{error}", printable(&id), printable(&name));
    }
    print(&text)
}

async fn retry(store: &Store, options: &OutboxRetry) -> Result<ExitCode, CliError> {
    let ids = if options.all {
        let items = store.outbox_items().await?.into_iter();
        items.filter(|item| item.due_at.is_none() || item.error.is_some()).map(|item| item.id).collect()
    } else {
        options.ids.clone()
    };
    let mut unknown = Vec::new();
    for id in &ids {
        if !retry_one(store, id).await? {
            unknown
                .push(format!("{id}: no such item waits or was given up; see: marketo-api-user outbox list"));
        }
    }
    print(&format!("{} of {} will be tried again.\n", ids.len() - unknown.len(), ids.len()))?;
    if unknown.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(CliError(unknown)) }
}

/// One transaction for each, so that none waits for another while it holds locks.
async fn retry_one(store: &Store, id: &str) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let is_known = tx.retry_item(id, Clock::system().now()).await?;
    tx.commit().await?;
    Ok(is_known)
}
