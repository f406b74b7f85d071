//! The ledger as somebody else than the bot reads it: an auditor, beside a bot that goes on writing. Nothing is ever
//! written here, the schema is taken as it is, and no more than a page of entries is held at a time.

use jiff::Timestamp;
use sqlx::{
    AnyConnection, AnyPool, Executor, Row,
    any::{AnyPoolOptions, AnyRow},
};

use super::verification::Head;
use crate::{
    domain::people::RequestId,
    store::{ACQUIRE_TIMEOUT, Dialect, StoreError, connected},
};

/// How many entries are read at once.
pub(super) const PAGE: i64 = 500;

/// What an auditor's connection is told. There is no limit on a statement: a look through everything may take long.
const SESSION: &str =
    "SET application_name = 'marketo-api-user ledger'; SET default_transaction_read_only = on";
const PRAGMAS: &str = "PRAGMA busy_timeout = 5000; PRAGMA query_only = 1";

/// The ledger of a database, for reading.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(in crate::store) pool: AnyPool,
    pub(in crate::store) dialect: Dialect,
}

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its number.
    pub seq: i64,
    /// When it was entered, in UTC milliseconds.
    pub at: i64,
    /// Its request; empty where it belongs to none.
    pub request: String,
    /// Who did it.
    pub actor: String,
    /// Its name.
    pub name: String,
    /// More about it, as JSON.
    pub body: String,
    /// The hash of the entry before it.
    pub previous: String,
    /// Its hash.
    pub hash: String,
}

/// Which entries are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// From this time on; absent: from the first.
    pub since: Option<Timestamp>,
    /// Up to and including this time; absent: to the last.
    pub until: Option<Timestamp>,
    /// Those of this request only.
    pub request: Option<RequestId>,
}

impl Ledger {
    /// Opens the database at `url`, which must be there. Its schema is not touched.
    ///
    /// # Errors
    /// When it cannot be opened, or holds no ledger.
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
        let this = Self { pool: connected(options, &url, session).await?, dialect };
        sqlx::query("SELECT seq FROM ledger WHERE seq < 0").fetch_optional(&this.pool).await?;
        Ok(this)
    }

    /// The last entry's number and hash, as the bot keeps them.
    ///
    /// # Errors
    /// When the database fails, or its head is not what it was.
    pub async fn head(&self) -> Result<Head, StoreError> {
        let row = sqlx::query("SELECT seq, hash FROM ledger_head WHERE id = 1").fetch_one(&self.pool).await?;
        Ok(Head { seq: row.try_get(0)?, hash: row.try_get(1)? })
    }

    /// The next entries of a selection: those after `after`, up to and including `until`, in order; none at the end.
    ///
    /// # Errors
    /// When the database fails.
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
            .bind(PAGE);
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

/// The entries after `after`, whatever they hold, in order.
pub(super) async fn rest(
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
