//! No statement of the store reads a whole table that grows with history. The statements are taken from the sources, so
//! that none is forgotten, and explained on a database with [`PAST`] closed requests.

use std::{collections::BTreeSet, fs, path::Path};

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row};

use crate::{
    clock::Clock,
    store::{Store, tests::databases},
};

const PAST: u32 = 200_000;

/// The tables that hold something of every request that ever was.
const HISTORY: [&str; 8] =
    ["request", "lane", "effect", "message", "message_copy", "deliveries", "ledger", "profile"];

/// The indexes that hold only what is open, waiting or given up. Reading all of one is no more than the work at hand.
const OPEN_ONLY: [&str; 13] = [
    "lane_due",
    "lane_leased",
    "effect_waiting",
    "effect_due",
    "effect_scheduled",
    "effect_buried",
    "message_due",
    "message_failing",
    "message_given_up",
    "request_open",
    "request_open_requester",
    "request_open_subject",
    "request_wake",
];

/// Adds closed requests, each with a lane, an effect, a message, a delivery and an entry of the ledger.
const HISTORY_SQL: [&str; 8] = [
    "INSERT INTO request (id, version, created_at, updated_at, requester, instance, subject, state, is_open, body)
     SELECT 'r' || n, 2, n, n, 'U' || n % 50, 'production', 'svc' || n, 'done', 0, '{}' FROM past",
    "INSERT INTO lane (request_id, name) SELECT 'r' || n, 'message' FROM past",
    "INSERT INTO effect (id, request_id, lane, place, body, attempts, created_at, due_at, status)
     SELECT 'e' || n, 'r' || n, 'message', 0, '{}', 1, n, n, 'done' FROM past",
    "INSERT INTO message (request_id, part, body, priority, wanted, created_at, attempts)
     SELECT 'r' || n, 'card', '{}', 0, 1, n, 0 FROM past",
    "INSERT INTO message_copy (request_id, part, channel, ts, shown, is_editable, posted_at)
     SELECT 'r' || n, 'card', 'C', '1', 1, 1, n FROM past",
    "INSERT INTO deliveries (id, delivered_at) SELECT 'd' || n, n FROM past",
    "INSERT INTO ledger (seq, entered_at, request_id, actor, entry, body, previous, hash)
     SELECT n, n, 'r' || n, 'U1', 'done', '{}', '', '' FROM past",
    "INSERT INTO profile (user_id, body, fetched_at) SELECT 'U' || n, '{}', n FROM past",
];

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let statements = statements();
    assert!(statements.len() > 40, "the statements are read from the sources: {}", statements.len());
    for database in databases(&Clock::system()).await {
        let store = Store::open(&database.url).await.unwrap();
        let mut connection = AnyConnection::connect(&database.url).await.unwrap();
        let is_sqlite = database.url.starts_with("sqlite:");
        add_history(&mut connection, is_sqlite).await;
        let mut scans = Vec::new();
        for sql in &statements {
            // Only PostgreSQL locks rows.
            if is_sqlite && (sql.contains("SKIP LOCKED") || sql.contains("FOR NO KEY UPDATE")) {
                continue;
            }
            for line in plan(&mut connection, is_sqlite, sql).await {
                if is_whole_table(&line, is_sqlite) {
                    scans.push(format!("{line}\n    in {sql}"));
                }
            }
        }
        assert!(scans.is_empty(), "{}", scans.join("\n"));
        store.close().await;
    }
}

async fn add_history(connection: &mut AnyConnection, is_sqlite: bool) {
    // Nobody needs these rows after a crash.
    let quick = if is_sqlite { "PRAGMA synchronous = OFF" } else { "SET synchronous_commit = off" };
    connection.execute(quick).await.unwrap();
    if !is_sqlite {
        // Without a check of each foreign key; where the role may not set it, the test takes longer.
        let _ = connection.execute("SET session_replication_role = replica").await;
    }
    for sql in HISTORY_SQL {
        let numbers = if is_sqlite {
            format!(
                "WITH RECURSIVE past (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM past WHERE n < {PAST}) SELECT n"
            )
        } else {
            format!("SELECT n FROM generate_series(1, {PAST}) AS series (n)")
        };
        let numbers =
            if is_sqlite { format!("({numbers} FROM past) AS past") } else { format!("({numbers}) AS past") };
        let sql = sql.replace("FROM past", &format!("FROM {numbers}"));
        connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    }
    if !is_sqlite {
        connection.execute("ANALYZE").await.unwrap();
    }
}

async fn plan(connection: &mut AnyConnection, is_sqlite: bool, sql: &str) -> Vec<String> {
    let (explain, column) = if is_sqlite {
        (format!("EXPLAIN QUERY PLAN {sql}"), 3)
    } else {
        let parameters = (1..20).take_while(|number| sql.contains(&format!("${number}"))).count();
        let nothing = vec!["NULL"; parameters].join(", ");
        let prepare =
            format!("SET plan_cache_mode = force_generic_plan; DEALLOCATE ALL; PREPARE hot AS {sql}");
        connection.execute(sqlx::raw_sql(AssertSqlSafe(prepare))).await.unwrap_or_else(|error| {
            panic!("{error}\n    in {sql}");
        });
        let nothing = if parameters == 0 { String::new() } else { format!("({nothing})") };
        (format!("EXPLAIN (COSTS OFF) EXECUTE hot{nothing}"), 0)
    };
    let explained = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut *connection).await;
    let rows = explained.unwrap_or_else(|error| panic!("{error}\n    in {sql}"));
    rows.iter().map(|row| row.get::<String, _>(column)).collect()
}

/// Whether a line of a plan reads all rows of a table that grows with history.
fn is_whole_table(line: &str, is_sqlite: bool) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |word: &str| words.iter().position(|other| *other == word).and_then(|at| words.get(at + 1));
    if is_sqlite {
        let index = after("INDEX").copied().unwrap_or_default();
        return words[0] == "SCAN" && HISTORY.contains(&words[1]) && !OPEN_ONLY.contains(&index);
    }
    line.contains("Seq Scan on ") && after("on").is_some_and(|table| HISTORY.contains(table))
}

/// Every SQL statement in the sources of the store.
fn statements() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let sources = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sources = sources.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut statements = BTreeSet::new();
    for path in sources.filter(|path| !path.ends_with("tests.rs")) {
        let source = fs::read_to_string(path).unwrap();
        for start in ["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE "] {
            for (at, _) in source.match_indices(start) {
                let text = &source[at + 1..];
                let literal = &text[..text.find('"').expect("the literal ends")];
                let words: Vec<_> = literal.split_whitespace().filter(|word| *word != "\\").collect();
                // The selects that take this place are statements of their own.
                let sql = words.join(" ").replace("{due}", "SELECT '', ''");
                statements.insert(renumbered(&sql));
            }
        }
    }
    statements
}

/// A statement whose parameters are numbered from 1 on: some are parts of others.
fn renumbered(sql: &str) -> String {
    let used = (1..20).filter(|number| sql.contains(&format!("${number}")));
    used.zip(1..).fold(sql.to_owned(), |sql, (from, to)| sql.replace(&format!("${from}"), &format!("${to}")))
}
