//! The database of one run: its URL, the lock that keeps the bot from committing, and its contents at the end.

use std::time::Duration;

use marketo_api_user::{
    clock::Clock,
    store::{GENESIS, Ledger},
};
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use tempfile::TempDir;

use crate::schema;

/// A kind of database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    /// The server that `TEST_POSTGRES_URL` names.
    Postgres(String),
}

impl Kind {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// SQLite, and PostgreSQL if a server is named; then it must be up.
    #[expect(clippy::disallowed_methods, reason = "a test's own setting")]
    pub(crate) fn all() -> Vec<Self> {
        let server = std::env::var("TEST_POSTGRES_URL").ok().map(Self::Postgres);
        std::iter::once(Self::Sqlite).chain(server).collect()
    }
}

/// A database of one run.
pub(crate) struct Database {
    kind: Kind,
    /// The schema on PostgreSQL.
    schema: String,
    pub(crate) url: String,
}

/// Which writes are blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Everything,
    /// Changes of requests. On PostgreSQL work can still be claimed.
    Decisions,
}

/// Blocks the writes until it is released.
pub(crate) struct Lock(AnyConnection);

/// How much is left to do, and how much was given up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) waiting: i64,
    pub(crate) queues: i64,
    pub(crate) dead_letters: i64,
}

impl Database {
    pub(crate) async fn new(kind: &Kind, folder: &TempDir) -> Self {
        sqlx::any::install_default_drivers();
        let schema = format!("crash_{}", Clock::system().new_id().replace('-', ""));
        let url = match kind {
            Kind::Sqlite => format!("sqlite:{}", folder.path().join("bot.db").display()),
            Kind::Postgres(server) => schema::fresh(server, &schema).await,
        };
        Self { kind: kind.clone(), schema, url }
    }

    async fn connect(&self) -> AnyConnection {
        let url = match self.kind {
            Kind::Sqlite => self.url.clone(),
            Kind::Postgres(_) => format!("{}&application_name=the_test", self.url),
        };
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        if self.kind == Kind::Sqlite {
            execute(&mut connection, "PRAGMA busy_timeout = 5000").await.unwrap();
        }
        connection
    }

    /// Takes the lock. It polls instead of queueing, so that the bot does not run into a deadlock.
    pub(crate) async fn lock(&self, held: Held) -> Lock {
        let mut connection = self.connect().await;
        let tables = match (&self.kind, held) {
            (Kind::Sqlite, _) => {
                execute(&mut connection, "BEGIN IMMEDIATE").await.unwrap();
                return Lock(connection);
            }
            (Kind::Postgres(_), Held::Everything) => {
                "deliveries, request, lane, effect, message, message_copy, ledger_head"
            }
            (Kind::Postgres(_), Held::Decisions) => "request, ledger_head",
        };
        loop {
            execute(&mut connection, "BEGIN").await.unwrap();
            let lock = format!("LOCK TABLE {tables} IN EXCLUSIVE MODE NOWAIT");
            if execute(&mut connection, &lock).await.is_ok() {
                return Lock(connection);
            }
            execute(&mut connection, "ROLLBACK").await.unwrap();
            Clock::system().sleep(Duration::from_millis(3)).await;
        }
    }

    /// Releases the lock after the bot was killed. First ends the dead bot's sessions: a statement that waits for the lock
    /// would be executed otherwise.
    pub(crate) async fn unlock(&self, Lock(mut connection): Lock) {
        if matches!(self.kind, Kind::Postgres(_)) {
            let ends = format!(
                "SELECT CAST(COUNT(pg_terminate_backend(pid)) AS BIGINT) FROM pg_stat_activity
                 WHERE application_name <> 'the_test' AND pid IN
                     (SELECT pid FROM pg_locks WHERE relation IN
                         (SELECT oid FROM pg_class WHERE relnamespace = '{}'::regnamespace))",
                self.schema
            );
            // Within one transaction the list of activities never changes.
            let mut other = self.connect().await;
            while number(&mut other, &ends).await > 0 {
                Clock::system().sleep(Duration::from_millis(3)).await;
            }
            other.close().await.unwrap();
        }
        execute(&mut connection, "ROLLBACK").await.unwrap();
        connection.close().await.unwrap();
    }

    /// When something is due for the request by itself. `None` if nothing is.
    pub(crate) async fn wakes_at(&self) -> Option<i64> {
        let due = self.number("SELECT CAST(COALESCE(MAX(wake_at), 0) AS BIGINT) FROM request").await;
        (due > 0).then_some(due)
    }

    /// Whether the message with this name is recorded as posted.
    pub(crate) async fn has_posted(&self, part: &str) -> bool {
        self.number(&format!("SELECT CAST(COUNT(*) AS BIGINT) FROM message_copy WHERE part = '{part}'")).await
            > 0
    }

    async fn number(&self, sql: &str) -> i64 {
        let mut connection = self.connect().await;
        let number = number(&mut connection, sql).await;
        connection.close().await.unwrap();
        number
    }

    /// What is left to do.
    pub(crate) async fn left(&self) -> Left {
        let mut connection = self.connect().await;
        let count = |rest: &str| format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {rest}");
        // Messages that are up to date may be looked at once more, half a minute later.
        let waiting = "SELECT CAST((SELECT COUNT(*) FROM effect WHERE status = 'waiting')
            + (SELECT COUNT(*) FROM message WHERE due_at IS NOT NULL
               AND (error IS NOT NULL OR unsettled_until IS NULL OR due_at < unsettled_until))
            + (SELECT COUNT(*) FROM request WHERE wake_at IS NOT NULL) AS BIGINT)";
        let queues = count("lane WHERE due_at IS NOT NULL OR lease_token IS NOT NULL");
        let dead_letters = "SELECT CAST((SELECT COUNT(*) FROM effect WHERE status = 'buried')
            + (SELECT COUNT(*) FROM message WHERE given_up_at IS NOT NULL) AS BIGINT)";
        let left = Left {
            waiting: number(&mut connection, waiting).await,
            queues: number(&mut connection, &queues).await,
            dead_letters: number(&mut connection, dead_letters).await,
        };
        connection.close().await.unwrap();
        left
    }

    /// What is wrong with the request, its messages and its ledger, compared with the expected `state`, `entries` and
    /// `parts`.
    pub(crate) async fn violations(&self, state: &str, entries: &[&str], parts: &[&str]) -> Vec<String> {
        let mut connection = self.connect().await;
        let mut violations = Vec::new();
        let rows =
            sqlx::query("SELECT state, is_open FROM request").fetch_all(&mut connection).await.unwrap();
        let states: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        if states != [(state.to_owned(), 0)] {
            violations.push(format!("requests are {states:?}"));
        }
        let sql = "SELECT part FROM message_copy ORDER BY part";
        let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
        let known: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        // The name of an outcome contains the version, which is not fixed.
        let known: Vec<&str> =
            known.iter().map(|part| if part.starts_with("outcome_") { "outcome" } else { part }).collect();
        let all = number(&mut connection, "SELECT CAST(COUNT(*) AS BIGINT) FROM message").await;
        // The message about a failure is not looked up after a click on Retry.
        let needed: Vec<&str> = match parts {
            _ if known == parts => parts.to_vec(),
            parts => parts.iter().copied().filter(|&part| part != "outcome" || state != "done").collect(),
        };
        if known != needed || usize::try_from(all) != Ok(parts.len()) {
            violations.push(format!("of {all} messages these are posted: {known:?}"));
        }
        violations.extend(ledger(&mut connection, entries).await);
        connection.close().await.unwrap();
        // And by the bot's own code, which checks the request as well.
        let audited = Ledger::open(&self.url).await.unwrap();
        violations.extend(audited.verify(&[]).await.unwrap().err().map(|found| found.to_string()));
        audited.close().await;
        violations
    }

    /// Drops the schema.
    pub(crate) async fn remove(&self) {
        if let Kind::Postgres(server) = &self.kind {
            let mut connection = AnyConnection::connect(server).await.unwrap();
            execute(&mut connection, &format!("DROP SCHEMA {} CASCADE", self.schema)).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}

/// Verifies the chain as an auditor would, by its documentation and not by the bot's own code.
async fn ledger(connection: &mut AnyConnection, expected: &[&str]) -> Vec<String> {
    let sql =
        "SELECT seq, entered_at, request_id, actor, entry, body, previous, hash FROM ledger ORDER BY seq";
    let rows = sqlx::query(sql).fetch_all(&mut *connection).await.unwrap();
    let (mut violations, mut entries, mut last) = (Vec::new(), Vec::new(), GENESIS.to_owned());
    for (position, row) in (1_i64..).zip(&rows) {
        let (seq, at): (i64, i64) = (row.get(0), row.get(1));
        let [request, actor, entry, body, previous, hash]: [String; 6] =
            [2, 3, 4, 5, 6, 7].map(|column| row.get(column));
        let mut hasher = Sha256::new();
        for field in [&previous, &seq.to_string(), &at.to_string(), &request, &actor, &entry, &body] {
            hasher.update(u64::try_from(field.len()).unwrap().to_be_bytes());
            hasher.update(field);
        }
        if (seq, &previous, &hash) != (position, &last, &hex::encode(hasher.finalize())) {
            violations.push(format!("the ledger is broken at {position}"));
        }
        last = hash;
        entries.push(entry);
    }
    let head = sqlx::query("SELECT seq, hash FROM ledger_head").fetch_one(connection).await.unwrap();
    if (head.get::<i64, _>(0), head.get::<String, _>(1)) != (i64::try_from(rows.len()).unwrap(), last) {
        violations.push("the ledger's head is not its last entry".to_owned());
    }
    // Marketo may have kept the bot waiting. The simulator counts how often it was called.
    entries.retain(|entry| {
        !["waits", "resumed", "reminded", "calling", "called", "refused", "configuration"]
            .contains(&entry.as_str())
    });
    if entries != expected {
        violations.push(format!("the ledger says {entries:?}"));
    }
    violations
}

async fn execute(connection: &mut AnyConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.map(|_| ())
}

async fn number(connection: &mut AnyConnection, sql: &str) -> i64 {
    sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(connection).await.unwrap().get(0)
}
