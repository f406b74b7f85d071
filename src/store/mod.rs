//! The only module that knows SQL. It keeps requests, the effects that follow from them (the outbox), the
//! messages posted for them, the ledger, and the deliveries from Slack that were answered.
//!
//! One SQL text serves SQLite and PostgreSQL through sqlx's `Any` driver: `$1` placeholders, TEXT and BIGINT
//! only, times as UTC milliseconds, JSON as TEXT. What differs is in `Dialect`. What belongs together is
//! written in one [`Tx`]; no transaction is ever open during a call to the outside. This module must not know
//! of Slack, Marketo or HTTP, and it decides nothing.

mod anchor;
mod budget;
mod claim;
mod deliveries;
mod ledger;
mod messages;
mod outbox;
mod profiles;
mod requests;
mod schema;
#[cfg(test)]
pub(crate) mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use sqlx::{
    AnyConnection, AnyPool, Connection, Executor, Transaction,
    any::{Any, AnyPoolOptions},
    error::DatabaseError,
};

pub use self::{
    anchor::Anchor,
    budget::{Permit, PermitRequest},
    claim::{Claimed, Lease},
    ledger::{
        BOT, GENESIS, Head, Ledger, LedgerEntry, NO_REQUEST, NewLedgerEntry, Selection, VerificationError,
    },
    messages::Posted,
    outbox::{OutboxStats, StoredEffect},
    requests::Conflict,
};

/// How long an acquisition of a connection may take. An answer to Slack must leave within 3 s.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long one piece of work on the database may take where nobody else sets a limit. A network that swallows what is
/// sent would hold a worker for ever.
const WORK_WITHIN: Duration = Duration::from_secs(5);
/// What PostgreSQL is told about each of our connections: should we be cut off in the middle of a transaction, it must
/// not keep what it locked from the others for longer than this.
const SESSION: &str = "SET application_name = 'marketo-api-user'; SET statement_timeout = '5s'; \
                       SET idle_in_transaction_session_timeout = '5s'";
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                       PRAGMA busy_timeout = 2000; PRAGMA cache_size = -1024";

/// Why the store cannot do its work. The text is for operators and names no values.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused, is not reachable, or does not answer.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// Whatever listens at the address says nothing.
    #[error("database: no answer in time")]
    Silent,
    /// The schema could not be brought up to date.
    #[error("database schema: {0}")]
    Schema(#[from] sqlx::migrate::MigrateError),
    /// The database took too long. What was asked of it may have been done.
    #[error("database: no answer in time")]
    TimedOut,
    /// What was written once cannot be read any more.
    #[error("stored {what} cannot be read: {why}")]
    Unreadable {
        /// What it is.
        what: &'static str,
        /// What the reader said.
        why: String,
    },
}

impl StoreError {
    fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// The answer to a write where nothing may be written.
    fn is_read_only(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        match error.code().as_deref() {
            // PostgreSQL, where a code has five characters.
            Some(code) if code.len() == 5 => code == "25006",
            // SQLite's extended codes have the simple one in their lowest byte.
            Some(code) => code.parse::<u32>().is_ok_and(|code| code & 0xff == 8),
            None => false,
        }
    }

    /// The database's own short code, for a metric or a log line.
    pub fn code(&self) -> String {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                DatabaseError::code(error.as_ref()).unwrap_or_default().into_owned()
            }
            Self::Database(sqlx::Error::PoolTimedOut) => "pool_timed_out".to_owned(),
            Self::Silent => "silent".to_owned(),
            Self::Database(_) => "database".to_owned(),
            Self::TimedOut => "timed_out".to_owned(),
            Self::Schema(_) => "schema".to_owned(),
            Self::Unreadable { .. } => "unreadable".to_owned(),
        }
    }
}

/// Which of the two databases it is, and the few fragments of SQL that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    fn begin(self) -> &'static str {
        match self {
            // A transaction that will write takes the write lock at once: it can then never fail half-way
            // because somebody else wrote in between.
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Picks one of two texts.
    fn pick(self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite => sqlite,
            Self::Postgres => postgres,
        }
    }
}

/// The database. Cheap to clone; clones share one pool.
#[derive(Clone, Debug)]
pub struct Store {
    pool: AnyPool,
    dialect: Dialect,
    reopens: ReconnectFlag,
}

/// Whether the next connection whose work is done is to be closed, so that one is opened anew. One that was opened while
/// nothing could be written (a SQLite file without the right to write it, a PostgreSQL that follows another) never
/// writes, whatever becomes possible later.
#[derive(Clone, Debug, Default)]
struct ReconnectFlag(Arc<AtomicBool>);

/// One transaction: what is written through it is kept whole at [`Tx::commit`], or not at all.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Any>,
    dialect: Dialect,
}

impl Store {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`) and brings its schema up to date.
    /// A SQLite file is created if it does not exist.
    ///
    /// # Errors
    /// When it cannot be opened, or its schema is newer than this program knows.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = if url.starts_with("sqlite:") { Dialect::Sqlite } else { Dialect::Postgres };
        let reopens = ReconnectFlag::default();
        let pool = match dialect {
            Dialect::Sqlite => {
                let separator = if url.contains('?') { '&' } else { '?' };
                // One connection: SQLite has one writer, and waiting for it is fairer in our queue than in
                // SQLite's busy loop.
                let pool = options(1, &reopens).after_connect(|connection, _| {
                    Box::pin(async move { connection.execute(PRAGMAS).await.map(drop) })
                });
                let pool = connected(pool, &format!("{url}{separator}mode=rwc"), PRAGMAS).await?;
                schema::migrator().run(&pool).await?;
                pool
            }
            Dialect::Postgres => {
                // Without the limits of a session: a migration, or waiting for another replica's, may take long.
                let pool = connected(options(1, &reopens), url, SESSION).await?;
                schema::migrator().run(&pool).await?;
                pool.close().await;
                let pool = options(8, &reopens).after_connect(|connection, _| {
                    Box::pin(async move { connection.execute(SESSION).await.map(drop) })
                });
                connected(pool, url, SESSION).await?
            }
        };
        Ok(Self { pool, dialect, reopens })
    }

    /// Begins a transaction that will write.
    ///
    /// # Errors
    /// When no connection is to be had.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let inner = self.pool.begin_with(self.dialect.begin()).await?;
        Ok(Tx { inner, dialect: self.dialect })
    }

    /// Whether the database takes what is written.
    ///
    /// # Errors
    /// When it does not.
    pub async fn probe(&self, now: Timestamp) -> Result<(), StoreError> {
        let probe = sqlx::query(
            "INSERT INTO probe (id, probed_at) VALUES (1, $1)
             ON CONFLICT (id) DO UPDATE SET probed_at = excluded.probed_at",
        );
        let probe = probe.bind(now.as_millisecond()).execute(&self.pool);
        self.flag_read_only(with_limit(ACQUIRE_TIMEOUT, async { Ok(probe.await.map(drop)?) }).await)
    }

    /// Passes on what became of something that is done again and again, so that a connection that is of no use any more
    /// is noticed soon.
    fn flag_read_only<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.as_ref().is_err_and(StoreError::is_read_only) {
            self.reopens.0.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Closes every connection, after the transactions under way.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Tx {
    /// Keeps everything that was written.
    ///
    /// # Errors
    /// When the database cannot promise it; then nothing is kept.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.inner.commit().await?)
    }
}

/// Opens a pool, or says why there is no connection: the pool keeps that to itself, since it goes on trying.
async fn connected(pool: AnyPoolOptions, url: &str, first: &'static str) -> Result<AnyPool, StoreError> {
    match pool.connect(url).await {
        Err(sqlx::Error::PoolTimedOut) => {}
        pool => return Ok(pool?),
    }
    let tried = async {
        AnyConnection::connect(url).await?.execute(first).await?;
        Ok::<_, sqlx::Error>(())
    };
    Err(match tokio::time::timeout(ACQUIRE_TIMEOUT, tried).await {
        Ok(Err(error)) => error.into(),
        Ok(Ok(())) => sqlx::Error::PoolTimedOut.into(),
        Err(_) => StoreError::Silent,
    })
}

fn options(connections: u32, reopens: &ReconnectFlag) -> AnyPoolOptions {
    let reopens = reopens.clone();
    let options = AnyPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
    options.after_release(move |connection, _| {
        let is_of_no_use = reopens.0.swap(false, Ordering::Relaxed);
        Box::pin(async move {
            if is_of_no_use {
                return Ok(false);
            }
            // One whose work was given up may not answer any more.
            let ping = tokio::time::timeout(ACQUIRE_TIMEOUT, connection.ping()).await;
            ping.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
            // SQLite ends a transaction by itself when the disk is full; sqlx does not notice, and would begin none on
            // this connection any more.
            Ok(!connection.is_in_transaction())
        })
    })
}

/// Gives `work` up when it takes longer than `limit`.
async fn with_limit<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(StoreError::TimedOut))
}

/// Does `work` on the database that nobody else sets a limit to, and gives it up when it takes too long.
///
/// # Errors
/// As `work`, and [`StoreError::TimedOut`].
pub async fn with_timeout<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    with_limit(WORK_WITHIN, work).await
}

fn to_json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unreadable { what, why: error.to_string() })
}

fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable { what, why: error.to_string() })
}
