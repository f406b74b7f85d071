//! The ledger for auditors, who read it while the bot keeps writing. This module never writes, does not migrate the
//! schema, and holds at most one page of entries in memory.

use jiff::Timestamp;
use sqlx::{
    AnyConnection, AnyPool, Executor, Row,
    any::{AnyPoolOptions, AnyRow},
};

use super::verification::Head;
use crate::{
    domain::people::RequestId,
    store::{ACQUIRE_TIMEOUT, Dialect, StoreError, connect},
};

/// How many entries are read at once.
pub(super) const PAGE_SIZE: i64 = 500;

/// The settings of an auditor's session. There is no statement timeout: verifying a long ledger takes a while.
const SESSION: &str =
    "SET application_name = 'marketo-api-user ledger'; SET default_transaction_read_only = on";
const PRAGMAS: &str = "PRAGMA busy_timeout = 5000; PRAGMA query_only = 1";

/// The ledger of a database, read-only.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(in crate::store) pool: AnyPool,
    pub(in crate::store) dialect: Dialect,
}

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The number.
    pub seq: i64,
    /// The time, in UTC milliseconds.
    pub at: i64,
    /// The request's id; empty if it belongs to none.
    pub request: String,
    /// The Slack id of the person who did it, or [`BOT`](super::BOT).
    pub actor: String,
    /// The name, such as `approved`.
    pub name: String,
    /// Details as a JSON object.
    pub body: String,
    /// The hash of the previous entry.
    pub previous: String,
    /// The hash of this entry.
    pub hash: String,
}

/// Which entries to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// From this time on; absent: from the first entry.
    pub since: Option<Timestamp>,
    /// Up to and including this time; absent: to the last entry.
    pub until: Option<Timestamp>,
    /// Only entries of this request; absent: of all.
    pub request: Option<RequestId>,
}

impl Ledger {
    /// Opens the existing database at `url` without migrating it.
    ///
    /// # Errors
    /// If it cannot be opened, or has no ledger.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = if url.starts_with("sqlite:") { Dialect::Sqlite } else { Dialect::Postgres };
        let (url, session) = match dialect {
            Dialect::Sqlite if url.contains("mode=") || url.contains("immutable=") => {
                (url.to_owned(), PRAGMAS)
            }
            Dialect::Sqlite => {
                (format!("{url}{}mode=ro", if url.contains('?') { '&' } else { '?' }), PRAGMAS)
            }
            Dialect::Postgres => (url.to_owned(), SESSION),
        };
        let options = AnyPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
        let options = options.after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(session).await.map(drop) })
        });
        let ledger = Self { pool: connect(options, &url, session).await?, dialect };
        sqlx::query("SELECT seq FROM ledger WHERE seq < 0").fetch_optional(&ledger.pool).await?;
        Ok(ledger)
    }

    /// The last entry's number and hash, as recorded in the head. Does not verify the chain.
    ///
    /// # Errors
    /// If the database fails, or the head was tampered with.
    pub async fn head(&self) -> Result<Head, StoreError> {
        let row = sqlx::query("SELECT seq, hash FROM ledger_head WHERE id = 1").fetch_one(&self.pool).await?;
        Ok(Head { seq: row.try_get(0)?, hash: row.try_get(1)? })
    }

    /// The next page of a selection in order: entries after number `after`, up to and including `until`. Empty at the end.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn page(
        &self,
        selection: &Selection,
        after: i64,
        until: i64,
    ) -> Result<Vec<LedgerEntry>, StoreError> {
        let millis = |time: Option<Timestamp>, absent: i64| time.map_or(absent, Timestamp::as_millisecond);
        let query = match &selection.request {
            None => sqlx::query(
                "SELECT seq, entered_at, request_id, actor, entry, body, previous, hash FROM ledger
                 WHERE seq > $1 AND seq <= $2 AND entered_at >= $3 AND entered_at <= $4 ORDER BY seq LIMIT $5",
            ),
            Some(_) => sqlx::query(
                "SELECT seq, entered_at, request_id, actor, entry, body, previous, hash FROM ledger
                 WHERE seq > $1 AND seq <= $2 AND entered_at >= $3 AND entered_at <= $4 AND request_id = $6
                 ORDER BY seq LIMIT $5",
            ),
        };
        let query = query
            .bind(after)
            .bind(until)
            .bind(millis(selection.since, i64::MIN))
            .bind(millis(selection.until, i64::MAX))
            .bind(PAGE_SIZE);
        let query = match &selection.request {
            None => query,
            Some(request) => query.bind(request.as_str()),
        };
        let rows = query.fetch_all(&self.pool).await?;
        Ok(rows.iter().map(LedgerEntry::read).collect::<Result<_, _>>()?)
    }

    /// Closes the connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The entries after number `after`, in order.
pub(super) async fn entries_after(
    connection: &mut AnyConnection,
    after: i64,
    limit: i64,
) -> Result<Vec<LedgerEntry>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT seq, entered_at, request_id, actor, entry, body, previous, hash FROM ledger
         WHERE seq > $1 ORDER BY seq LIMIT $2",
    );
    let rows = rows.bind(after).bind(limit).fetch_all(connection).await?;
    rows.iter().map(LedgerEntry::read).collect()
}

impl LedgerEntry {
    fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            seq: row.try_get(0)?,
            at: row.try_get(1)?,
            request: row.try_get(2)?,
            actor: row.try_get(3)?,
            name: row.try_get(4)?,
            body: row.try_get(5)?,
            previous: row.try_get(6)?,
            hash: row.try_get(7)?,
        })
    }
}
