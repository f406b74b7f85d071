//! The only module that knows SQL. It stores requests, the effects that follow from them (the outbox), the messages
//! posted for them, the audit ledger, and the deliveries that were handled.
//!
//! One SQL text serves SQLite and PostgreSQL through sqlx's `Any` driver: `$1` placeholders, TEXT and BIGINT only, times
//! as UTC milliseconds, JSON as TEXT. `Dialect` holds what differs. Changes that belong together are written in one
//! [`Tx`], which is never open during a call to Slack or Marketo. This module must not know Slack, Marketo or HTTP, and
//! makes no decisions.

mod anchor;
mod budget;
mod claim;
mod clock_changes;
mod deliveries;
mod ledger;
mod message_claim;
mod messages;
mod outbox;
mod outbox_items;
mod outbox_stats;
mod profiles;
mod readers;
mod refusals;
mod requests;
mod resource;
mod retention;
mod schema;
mod shared_lists;
mod stored_effect;
mod stored_request;
mod takeover;
#[cfg(test)]
pub(crate) mod tests;
mod wake_ups;

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
    message_claim::{ClaimedCard, ClaimedMessage},
    messages::{LATE_EFFECT, MessageCopy, MessageRecord},
    outbox_items::OutboxItem,
    outbox_stats::OutboxStats,
    requests::Conflict,
    resource::Resource,
    shared_lists::{ListKey, SharedList},
    stored_effect::StoredEffect,
};

/// How long acquiring a connection may take. A response to Slack must leave within 3 s.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an operation may take if its caller sets no limit. On a network that drops packets it would never end.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);
/// The settings of a PostgreSQL session. The timeouts release our locks if we are cut off during a transaction.
const SESSION: &str = "SET application_name = 'marketo-api-user'; SET statement_timeout = '5s'; \
                       SET idle_in_transaction_session_timeout = '5s'";
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                       PRAGMA busy_timeout = 2000; PRAGMA cache_size = -1024";

/// Why the store failed. The message is for operators and contains no stored values.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database rejected the operation or is unreachable.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A server accepted the connection and never responded.
    #[error("database: no response in time")]
    Silent,
    /// The schema could not be migrated.
    #[error("database schema: {0}")]
    Schema(#[from] sqlx::migrate::MigrateError),
    /// The operation took too long. It may still commit.
    #[error("database: no response in time")]
    TimedOut,
    /// Stored JSON cannot be read.
    #[error("stored {what} cannot be read: {reason}")]
    Unreadable {
        /// What was stored, such as `request`.
        what: &'static str,
        /// The parser's message.
        reason: String,
    },
    /// A newer version of the program wrote it: it is left to that version.
    #[error("stored {what} was written by a newer version")]
    Newer {
        /// What was stored, such as `request`.
        what: &'static str,
    },
}

impl StoreError {
    fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// Whether a write failed because the database is read-only.
    fn is_read_only(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        match error.code().as_deref() {
            // Codes of PostgreSQL have five characters.
            Some(code) if code.len() == 5 => code == "25006",
            // The lowest byte of an extended SQLite code is the primary code.
            Some(code) => code.parse::<u32>().is_ok_and(|code| code & 0xff == 8),
            None => false,
        }
    }

    /// The database's error code, or a short name of the error, for logs and `/readyz`.
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
            Self::Newer { .. } => "newer".to_owned(),
        }
    }
}

/// The kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    fn begin(self) -> &'static str {
        match self {
            // Takes the write lock at once, so that the transaction cannot fail later because another one wrote.
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    fn pick(self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite => sqlite,
            Self::Postgres => postgres,
        }
    }
}

/// The database. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Store {
    pool: AnyPool,
    /// For reads outside of transactions.
    readers: AnyPool,
    dialect: Dialect,
    reconnect: ReconnectFlag,
}

/// Whether the next released connection is closed, so that the pool opens a new one. A connection that was opened while
/// the database was read-only (a SQLite file without write permission, a PostgreSQL standby) never becomes writable.
#[derive(Clone, Debug, Default)]
struct ReconnectFlag(Arc<AtomicBool>);

/// A transaction that will write. Dropping it without [`Tx::commit`] rolls it back.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Any>,
    dialect: Dialect,
}

impl Store {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`) and migrates its schema. Creates a SQLite file that
    /// does not exist.
    ///
    /// # Errors
    /// If it cannot be opened, or a newer version of this program has migrated it.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = if url.starts_with("sqlite:") { Dialect::Sqlite } else { Dialect::Postgres };
        let reconnect = ReconnectFlag::default();
        let (pool, readers) = match dialect {
            Dialect::Sqlite => {
                let separator = if url.contains('?') { '&' } else { '?' };
                // One connection: SQLite has one writer, and waiting in the pool's queue is fairer than its busy loop.
                let options = pool_options(1, &reconnect).after_connect(|connection, _| {
                    Box::pin(async move { connection.execute(PRAGMAS).await.map(drop) })
                });
                let pool = connect(options, &format!("{url}{separator}mode=rwc"), PRAGMAS).await?;
                schema::migrator().run(&pool).await?;
                let readers = readers::open(url, &pool)?;
                (pool, readers)
            }
            Dialect::Postgres => {
                // Without session timeouts: migrating, or waiting for another replica to migrate, may take long.
                let pool = connect(pool_options(1, &reconnect), url, SESSION).await?;
                schema::migrator().run(&pool).await?;
                pool.close().await;
                let options = pool_options(8, &reconnect).after_connect(|connection, _| {
                    Box::pin(async move { connection.execute(SESSION).await.map(drop) })
                });
                let pool = connect(options, url, SESSION).await?;
                (pool.clone(), pool)
            }
        };
        Ok(Self { pool, readers, dialect, reconnect })
    }

    /// Begins a transaction that will write.
    ///
    /// # Errors
    /// If no connection can be acquired.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let inner = self.pool.begin_with(self.dialect.begin()).await?;
        Ok(Tx { inner, dialect: self.dialect })
    }

    /// Writes to the database, for a health check.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn probe(&self, now: Timestamp) -> Result<(), StoreError> {
        let probe = sqlx::query(
            "INSERT INTO probe (id, probed_at) VALUES (1, $1)
             ON CONFLICT (id) DO UPDATE SET probed_at = excluded.probed_at",
        );
        let probe = probe.bind(now.as_millisecond()).execute(&self.pool);
        self.flag_read_only(with_limit(ACQUIRE_TIMEOUT, async { Ok(probe.await.map(drop)?) }).await)
    }

    /// Passes `result` on, and requests a new connection if it shows that the database is read-only. For operations that
    /// are repeated regularly.
    fn flag_read_only<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.as_ref().is_err_and(StoreError::is_read_only) {
            self.reconnect.0.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Closes every connection once its transaction has ended.
    pub async fn close(&self) {
        // The writer last: whoever closes a SQLite file last writes its WAL back, which a reader may not.
        self.readers.close().await;
        self.pool.close().await;
    }
}

impl Tx {
    /// Commits the transaction.
    ///
    /// # Errors
    /// If the database cannot commit, or the connection breaks. In the latter case it may have committed.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.inner.commit().await?)
    }
}

/// Opens a pool whose connections start with the statements `setup`. A pool retries until it times out and hides the
/// reason, so a single connection is tried to find it.
async fn connect(options: AnyPoolOptions, url: &str, setup: &'static str) -> Result<AnyPool, StoreError> {
    match options.connect(url).await {
        Err(sqlx::Error::PoolTimedOut) => {}
        pool => return Ok(pool?),
    }
    let attempt = async {
        AnyConnection::connect(url).await?.execute(setup).await?;
        Ok::<_, sqlx::Error>(())
    };
    Err(match tokio::time::timeout(ACQUIRE_TIMEOUT, attempt).await {
        Ok(Err(error)) => error.into(),
        Ok(Ok(())) => sqlx::Error::PoolTimedOut.into(),
        Err(_) => StoreError::Silent,
    })
}

fn pool_options(connections: u32, reconnect: &ReconnectFlag) -> AnyPoolOptions {
    let reconnect = reconnect.clone();
    let options = AnyPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
    // Returns whether the pool keeps the connection.
    options.after_release(move |connection, _| {
        let must_reconnect = reconnect.0.swap(false, Ordering::Relaxed);
        Box::pin(async move {
            if must_reconnect {
                return Ok(false);
            }
            // After a timed-out operation the connection may be dead.
            let ping = tokio::time::timeout(ACQUIRE_TIMEOUT, connection.ping()).await;
            ping.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
            // When the disk is full SQLite rolls back by itself. sqlx does not notice, and could not begin another
            // transaction on this connection.
            Ok(!connection.is_in_transaction())
        })
    })
}

/// Cancels `operation` if it takes longer than `limit`.
async fn with_limit<T>(
    limit: Duration,
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(limit, operation).await.unwrap_or(Err(StoreError::TimedOut))
}

/// Cancels `operation` if it takes too long. For callers that have no time limit of their own.
///
/// # Errors
/// Those of `operation`, and [`StoreError::TimedOut`].
pub async fn with_timeout<T>(
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    with_limit(OPERATION_TIMEOUT, operation).await
}

/// The time `after` later than `now`, as it is stored.
fn until(now: Timestamp, after: Duration) -> i64 {
    now.as_millisecond().saturating_add(i64::try_from(after.as_millis()).unwrap_or(i64::MAX))
}

/// A stored time.
fn instant(millis: i64) -> Timestamp {
    let limit = if millis < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(millis).unwrap_or(limit)
}

fn to_json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unreadable { what, reason: error.to_string() })
}

fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable { what, reason: error.to_string() })
}
