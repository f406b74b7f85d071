//! The database of one run: its address, the lock that keeps the bot from committing, and what is in it at the end.

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

    /// SQLite, and PostgreSQL where it is named; then it must be there.
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

/// Which writes the bot is kept from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Everything,
    /// PostgreSQL only: where a message stands can be written down, and nothing else.
    AllButMessages,
    /// What becomes of a request. On PostgreSQL work can still be begun.
    Decisions,
}

/// While it is there, the bot can commit nothing of what is held.
pub(crate) struct Lock(AnyConnection);

/// How much is left to do, and how much was given up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) waiting: i64,
    pub(crate) lanes: i64,
    pub(crate) buried: i64,
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

    /// Takes the lock. It never stands in line for it, so that the bot is not caught in a deadlock.
    pub(crate) async fn lock(&self, held: Held) -> Lock {
        let mut connection = self.connect().await;
        let tables = match (&self.kind, held) {
            (Kind::Sqlite, _) => {
                execute(&mut connection, "BEGIN IMMEDIATE").await.unwrap();
                return Lock(connection);
            }
            (Kind::Postgres(_), Held::Everything) => {
                "deliveries, request, lane, effect, message, ledger_head"
            }
            (Kind::Postgres(_), Held::AllButMessages) => "deliveries, request, lane, effect, ledger_head",
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

    /// Gives the lock back after the bot was killed. What the server still does for the dead ends first: a statement
    /// that waits for the lock would be carried out otherwise.
    pub(crate) async fn unlock(&self, Lock(mut connection): Lock) {
        if matches!(self.kind, Kind::Postgres(_)) {
            let ends = format!(
                "SELECT CAST(COUNT(pg_terminate_backend(pid)) AS BIGINT) FROM pg_stat_activity
                 WHERE application_name <> 'the_test' AND pid IN
                     (SELECT pid FROM pg_locks WHERE relation IN
                         (SELECT oid FROM pg_class WHERE relnamespace = '{}'::regnamespace))",
                self.schema
            );
            // Inside one transaction the list of activities never changes.
            let mut other = self.connect().await;
            while number(&mut other, &ends).await > 0 {
                Clock::system().sleep(Duration::from_millis(3)).await;
            }
            other.close().await.unwrap();
        }
        execute(&mut connection, "ROLLBACK").await.unwrap();
        connection.close().await.unwrap();
    }

    /// When the one request's effect of this name is due, the first of its kind where it comes again and again; absent:
    /// it is done, or was never planned.
    pub(crate) async fn due(&self, effect: &str) -> Option<i64> {
        let mut connection = self.connect().await;
        let due = format!(
            "SELECT CAST(COALESCE(MAX(due_at), 0) AS BIGINT) FROM effect
             WHERE status = 'waiting' AND body LIKE '%\"{effect}\"%'
             AND (body NOT LIKE '%\"sent\":%' OR body LIKE '%\"sent\":0%')"
        );
        let due = number(&mut connection, &due).await;
        connection.close().await.unwrap();
        (due > 0).then_some(due)
    }

    /// What is left to do.
    pub(crate) async fn left(&self) -> Left {
        let mut connection = self.connect().await;
        let count = |rest: &str| format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {rest}");
        let waiting = count("effect WHERE status = 'waiting'");
        let lanes = count("lane WHERE due_at IS NOT NULL OR lease_token IS NOT NULL");
        let buried = count("effect WHERE status = 'buried'");
        let left = Left {
            waiting: number(&mut connection, &waiting).await,
            lanes: number(&mut connection, &lanes).await,
            buried: number(&mut connection, &buried).await,
        };
        connection.close().await.unwrap();
        left
    }

    /// What is wrong with the one request, its messages and its ledger; `state` and `entries` are what they ought
    /// to be.
    pub(crate) async fn faults(&self, state: &str, entries: &[&str], parts: &[&str]) -> Vec<String> {
        let mut connection = self.connect().await;
        let mut faults = Vec::new();
        let rows =
            sqlx::query("SELECT state, is_open FROM request").fetch_all(&mut connection).await.unwrap();
        let states: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        if states != [(state.to_owned(), 0)] {
            faults.push(format!("requests are {states:?}"));
        }
        let sql = "SELECT part FROM message WHERE ts IS NOT NULL AND channel IS NOT NULL ORDER BY part";
        let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
        let known: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        // What a part is called after the version that it tells is not fixed.
        let known: Vec<&str> =
            known.iter().map(|part| if part.starts_with("outcome_") { "outcome" } else { part }).collect();
        let all = number(&mut connection, "SELECT CAST(COUNT(*) AS BIGINT) FROM message").await;
        // Where the news of a failure stands is not looked up any more once somebody has pressed Retry.
        let needed: Vec<&str> = match parts {
            _ if known == parts => parts.to_vec(),
            parts => parts.iter().copied().filter(|&part| part != "outcome" || state != "done").collect(),
        };
        if known != needed || usize::try_from(all) != Ok(parts.len()) {
            faults.push(format!("of {all} messages these have a place: {known:?}"));
        }
        faults.extend(ledger(&mut connection, entries).await);
        connection.close().await.unwrap();
        // And by the bot's own code, which looks at the request as well.
        let audited = Ledger::open(&self.url).await.unwrap();
        faults.extend(audited.verify(&[]).await.unwrap().err().map(|found| found.to_string()));
        audited.close().await;
        faults
    }

    /// Leaves nothing on the server.
    pub(crate) async fn remove(&self) {
        if let Kind::Postgres(server) = &self.kind {
            let mut connection = AnyConnection::connect(server).await.unwrap();
            execute(&mut connection, &format!("DROP SCHEMA {} CASCADE", self.schema)).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}

/// Reads the chain as an auditor would, by what is written about it and not by the bot's own code.
async fn ledger(connection: &mut AnyConnection, expected: &[&str]) -> Vec<String> {
    let sql =
        "SELECT seq, entered_at, request_id, actor, entry, body, previous, hash FROM ledger ORDER BY seq";
    let rows = sqlx::query(sql).fetch_all(&mut *connection).await.unwrap();
    let (mut faults, mut entries, mut last) = (Vec::new(), Vec::new(), GENESIS.to_owned());
    for (place, row) in (1_i64..).zip(&rows) {
        let (seq, at): (i64, i64) = (row.get(0), row.get(1));
        let [request, actor, entry, body, previous, hash]: [String; 6] =
            [2, 3, 4, 5, 6, 7].map(|column| row.get(column));
        let mut hasher = Sha256::new();
        for field in [&previous, &seq.to_string(), &at.to_string(), &request, &actor, &entry, &body] {
            hasher.update(u64::try_from(field.len()).unwrap().to_be_bytes());
            hasher.update(field);
        }
        if (seq, &previous, &hash) != (place, &last, &hex::encode(hasher.finalize())) {
            faults.push(format!("the ledger is broken at {place}"));
        }
        last = hash;
        entries.push(entry);
    }
    let head = sqlx::query("SELECT seq, hash FROM ledger_head").fetch_one(connection).await.unwrap();
    if (head.get::<i64, _>(0), head.get::<String, _>(1)) != (i64::try_from(rows.len()).unwrap(), last) {
        faults.push("the ledger's head is not its last entry".to_owned());
    }
    // Marketo may have kept the bot waiting meanwhile. How often it was called is counted there.
    entries.retain(|entry| {
        !["waits", "resumed", "reminded", "calling", "called", "refused", "configuration"]
            .contains(&entry.as_str())
    });
    if entries != expected {
        faults.push(format!("the ledger says {entries:?}"));
    }
    faults
}

async fn execute(connection: &mut AnyConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.map(|_| ())
}

async fn number(connection: &mut AnyConnection, sql: &str) -> i64 {
    sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(connection).await.unwrap().get(0)
}
