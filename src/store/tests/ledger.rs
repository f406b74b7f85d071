//! Verification detects every manipulation of the ledger's rows, and reports nothing for an intact ledger.

use sqlx::{AssertSqlSafe, Row};

use super::*;
use crate::domain::text::Reason;

/// Deterministic random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }
}

/// A database with an intact ledger, and the content of the latter.
struct Fixture {
    store: Store,
    ledger: Ledger,
    rows: Vec<LedgerEntry>,
    head: Head,
}

/// Logs a request that is submitted, an action that is refused, and a denial.
async fn log_denied_request(store: &Store, clock: &Clock, email: &str) -> Request {
    let mut request = request(clock, email);
    let mut tx = store.begin().await.unwrap();
    tx.insert_request(&request, None, None, clock.now()).await.unwrap().unwrap();
    let submitted = serde_json::json!({ "rule": "base", "asked": request.change, "reason": null, "state": request.state });
    append(&mut tx, clock, &request, "submitted", &submitted).await;
    append(&mut tx, clock, &request, "refused", &serde_json::json!({ "why": "own_request" })).await;
    request.version = 2;
    let reason = Reason::parse("no").unwrap();
    request.state = State::Denied { by: "U0APPROVE".into(), reason, at: clock.now() };
    tx.save_request(&request, None, clock.now()).await.unwrap().unwrap();
    let denied = serde_json::json!({ "version": 2, "revision": 1, "state": request.state });
    append(&mut tx, clock, &request, "denied", &denied).await;
    tx.commit().await.unwrap();
    request
}

async fn append(tx: &mut Tx, clock: &Clock, request: &Request, name: &str, body: &serde_json::Value) {
    let (actor, body) = (request.requester.as_str(), body.to_string());
    tx.append(&NewLedgerEntry { at: clock.now(), request: &request.id, actor, name, body: &body })
        .await
        .unwrap();
}

/// Runs `test` on each database with four requests in its ledger.
async fn on_each_fixture(test: impl AsyncFn(Fixture)) {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    for database in databases(&Clock::system()).await {
        let store = Store::open(&database.url).await.unwrap();
        for n in 0..4 {
            log_denied_request(&store, &clock, &format!("svc{n}@example.com")).await;
            clock.advance(Duration::from_secs(1));
        }
        let ledger = Ledger::open(&database.url).await.unwrap();
        let rows = ledger.page(&Selection::default(), 0, i64::MAX).await.unwrap();
        assert_eq!(rows.len(), 12);
        let head = ledger.verify(&[]).await.unwrap().unwrap();
        assert_eq!((head.seq, &head), (12, &store.ledger_head().await.unwrap()));
        test(Fixture { store, ledger, rows, head }).await;
    }
}

impl Fixture {
    fn is_sqlite(&self) -> bool {
        self.store.dialect == Dialect::Sqlite
    }

    /// Executes `sql`. Returns false if the database rejects it.
    async fn tamper(&self, sql: &str) -> bool {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.store.pool).await.is_ok()
    }

    async fn verify(&self, anchored: &[Head]) -> Option<VerificationError> {
        self.ledger.verify(anchored).await.unwrap().err()
    }

    /// Restores the ledger.
    async fn restore(&self) {
        let mut tx = self.store.begin().await.unwrap();
        sqlx::query("DELETE FROM ledger").execute(&mut *tx.inner).await.unwrap();
        for row in &self.rows {
            insert(&mut tx, row).await;
        }
        sqlx::query("DELETE FROM ledger_head").execute(&mut *tx.inner).await.unwrap();
        let head = sqlx::query("INSERT INTO ledger_head (id, seq, hash) VALUES (1, $1, $2)");
        head.bind(self.head.seq).bind(&self.head.hash).execute(&mut *tx.inner).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(self.verify(std::slice::from_ref(&self.head)).await, None, "it is restored");
    }
}

async fn insert(tx: &mut Tx, row: &LedgerEntry) {
    sqlx::query(
        "INSERT INTO ledger (seq, entered_at, request_id, actor, entry, body, previous, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(row.seq)
    .bind(row.at)
    .bind(&row.request)
    .bind(&row.actor)
    .bind(&row.name)
    .bind(&row.body)
    .bind(&row.previous)
    .bind(&row.hash)
    .execute(&mut *tx.inner)
    .await
    .unwrap();
}

/// SQL that changes one byte of one column of one row.
fn change_one_byte(random: &mut Random, rows: &[LedgerEntry], is_sqlite: bool) -> String {
    let row = &rows[random.below(rows.len())];
    let numbers = [("seq", row.seq), ("entered_at", row.at)];
    let texts = [
        ("request_id", &row.request),
        ("actor", &row.actor),
        ("entry", &row.name),
        ("body", &row.body),
        ("previous", &row.previous),
        ("hash", &row.hash),
    ];
    let column = random.below(8);
    let (name, mut bytes) = match column {
        0 | 1 => (numbers[column].0, numbers[column].1.to_string().into_bytes()),
        other => (texts[other - 2].0, texts[other - 2].1.clone().into_bytes()),
    };
    let at = random.below(bytes.len());
    let before = bytes[at];
    while bytes[at] == before {
        bytes[at] = match (column, is_sqlite) {
            (0 | 1, _) => b'0' + u8::try_from(random.below(10)).unwrap(),
            // Invalid UTF-8, too.
            (_, true) => u8::try_from(1 + random.below(255)).unwrap(),
            (_, false) => u8::try_from(32 + random.below(95)).unwrap(),
        };
    }
    let value = match (column, is_sqlite) {
        (0 | 1, _) => String::from_utf8(bytes).unwrap(),
        (_, true) => format!("CAST(X'{}' AS TEXT)", hex::encode(bytes)),
        (_, false) => format!("convert_from('\\x{}', 'UTF8')", hex::encode(bytes)),
    };
    format!("UPDATE ledger SET {name} = {value} WHERE seq = {}", row.seq)
}

#[tokio::test]
async fn every_changed_byte_is_detected() {
    on_each_fixture(async |fixture| {
        let mut random = Random(7);
        let mut done = 0;
        while done < 300 {
            let sql = change_one_byte(&mut random, &fixture.rows, fixture.is_sqlite());
            // The database rejects a duplicate number.
            if fixture.tamper(&sql).await {
                assert!(fixture.verify(&[]).await.is_some(), "{sql}");
                fixture.restore().await;
                done += 1;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn deleted_swapped_and_inserted_entries_are_detected() {
    on_each_fixture(async |fixture| {
        let mut cases = Vec::new();
        for seq in 1..=12 {
            cases.push((format!("DELETE FROM ledger WHERE seq = {seq}"), Some(seq)));
            cases.push((format!("DELETE FROM ledger WHERE seq >= {seq}"), Some(seq)));
            cases.push((format!("DELETE FROM ledger WHERE seq <= {seq}"), Some(1)));
        }
        for (one, other) in [(1, 2), (3, 9), (11, 12), (4, 7)] {
            let swap = format!(
                "UPDATE ledger SET seq = 99 WHERE seq = {one}; UPDATE ledger SET seq = {one} WHERE seq = {other};
                 UPDATE ledger SET seq = {other} WHERE seq = 99"
            );
            cases.push((swap, Some(one)));
        }
        let copy = |seq: &str| {
            format!(
                "INSERT INTO ledger SELECT {seq}, entered_at, request_id, actor, entry, body, previous, hash
                 FROM ledger WHERE seq = 5"
            )
        };
        cases.push((copy("13"), Some(13)));
        cases.push((copy("14"), Some(13)));
        cases.push((copy("0"), None));
        cases.push((copy("-1"), None));
        if fixture.is_sqlite() {
            cases.push((copy("NULL"), None));
            cases.push((copy("'x'"), Some(13)));
            cases.push(("UPDATE ledger SET body = X'00' WHERE seq = 4".to_owned(), Some(4)));
            cases.push(("UPDATE ledger SET entered_at = 'x' WHERE seq = 4".to_owned(), Some(4)));
        }
        for (sql, seq) in [
            ("UPDATE ledger_head SET seq = 11", 12),
            ("UPDATE ledger_head SET seq = 13", 13),
            ("UPDATE ledger_head SET hash = 'x'", 12),
            ("DELETE FROM ledger_head", 12),
            ("INSERT INTO ledger_head (id, seq, hash) VALUES (2, 12, 'x')", 12),
        ] {
            cases.push((sql.to_owned(), Some(seq)));
        }
        for (sql, seq) in cases {
            assert!(fixture.tamper(&sql).await, "{sql}");
            let error = fixture.verify(&[]).await.unwrap_or_else(|| panic!("not detected: {sql}"));
            assert_eq!(error.seq, seq, "{sql}: {error}");
            fixture.restore().await;
        }
    })
    .await;
}

#[tokio::test]
async fn truncated_and_rewritten_ledgers_are_detected_by_an_anchored_head() {
    on_each_fixture(async |fixture| {
        let anchored = std::slice::from_ref(&fixture.head);
        for length in 0..12 {
            let last = fixture.rows.iter().rfind(|row| row.seq <= length);
            let hash = last.map_or(GENESIS, |row| &row.hash);
            let cut = format!(
                "DELETE FROM ledger WHERE seq > {length}; UPDATE ledger_head SET seq = {length}, hash = '{hash}'"
            );
            assert!(fixture.tamper(&cut).await);
            let error = fixture.verify(anchored).await.unwrap();
            assert_eq!(error.seq, Some(12), "{error}");
            fixture.restore().await;
        }
        // The actor is replaced, and every later hash recomputed.
        for from in [0, 5, 11] {
            let mut tx = fixture.store.begin().await.unwrap();
            sqlx::query("DELETE FROM ledger").execute(&mut *tx.inner).await.unwrap();
            let mut previous = GENESIS.to_owned();
            for row in &fixture.rows {
                let actor = if row.seq > from { "U0OTHER" } else { &row.actor };
                let mut row = LedgerEntry { actor: actor.to_owned(), previous, ..row.clone() };
                row.hash = super::super::ledger::hash_of(&row);
                previous = row.hash.clone();
                insert(&mut tx, &row).await;
            }
            let head = sqlx::query("UPDATE ledger_head SET hash = $1").bind(&previous);
            head.execute(&mut *tx.inner).await.unwrap();
            tx.commit().await.unwrap();
            let error = fixture.verify(anchored).await.unwrap();
            assert!(error.to_string().starts_with("entry 12: it was anchored"), "{error}");
            // An earlier anchor detects it, too, if its entry was rewritten.
            let early = &fixture.rows[2];
            let early = Head { seq: early.seq, hash: early.hash.clone() };
            let error = fixture.verify(&[early]).await;
            assert_eq!(error.is_some_and(|error| error.seq == Some(3)), from < 3);
            fixture.restore().await;
        }
    })
    .await;
}

#[tokio::test]
async fn request_that_differs_from_its_entries_is_detected() {
    on_each_fixture(async |fixture| {
        let id = &fixture.rows[3].request;
        let row = sqlx::query("SELECT body FROM request WHERE id = $1").bind(id);
        let body: String = row.fetch_one(&fixture.store.pool).await.unwrap().get(0);
        let set = |from: &str, to: &str| {
            assert!(body.contains(from), "{body}");
            format!("UPDATE request SET body = '{}' WHERE id = '{id}'", body.replace(from, to))
        };
        let cases = [
            (
                "UPDATE request SET state = 'done' WHERE id = '{id}'".replace("{id}", id),
                "columns that differ",
            ),
            ("UPDATE request SET version = 3 WHERE id = '{id}'".replace("{id}", id), "columns that differ"),
            (set("\"no\"", "\"yes\""), "says denied (version 2)"),
            (set("svc1@example.com", "svc9@example.com"), "requests another change"),
            (set("\"revision\":1", "\"revision\":2"), "another revision"),
            (set("{", "["), "cannot be read"),
        ];
        for (sql, expected) in cases {
            assert!(fixture.tamper(&sql).await, "{sql}");
            let error = fixture.verify(&[]).await.unwrap_or_else(|| panic!("not detected: {sql}"));
            assert_eq!(error.seq, Some(6), "{error}");
            assert!(error.problem.contains(expected), "{error}");
            let restore =
                sqlx::query("UPDATE request SET body = $1, state = 'denied', version = 2 WHERE id = $2");
            restore.bind(&body).bind(id).execute(&fixture.store.pool).await.unwrap();
        }
        assert_eq!(fixture.verify(&[]).await, None);
        let stray = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
        let stray = add(&fixture.store, &stray, "stray@example.com", &[]).await;
        let error = fixture.verify(&[]).await.unwrap().to_string();
        assert_eq!(error, format!("request {:?} has no entry", stray.id.as_str()));
        assert!(fixture.tamper(&format!("DELETE FROM request WHERE id = '{}'", stray.id)).await);
        assert!(fixture.tamper(&format!("DELETE FROM request WHERE id = '{id}'")).await);
        let error = fixture.verify(&[]).await.unwrap();
        assert_eq!((error.seq, error.problem.as_str()), (Some(4), "its request is missing"));
    })
    .await;
}

#[tokio::test]
async fn concurrent_processes_never_fork_the_chain() {
    let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
    for database in databases(&Clock::system()).await {
        let mut stores = Vec::new();
        for _ in 0..2 {
            stores.push(Store::open(&database.url).await.unwrap());
        }
        let ledger = Ledger::open(&database.url).await.unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for n in 0..24 {
            let (store, clock) = (stores[n % 2].clone(), clock.clone());
            writers.spawn(
                async move { log_denied_request(&store, &clock, &format!("svc{n}@example.com")).await },
            );
        }
        // Verification during the writes sees a complete ledger.
        let mut seen = 0;
        while writers.join_next().await.is_some() {
            let head = ledger.verify(&[]).await.unwrap().unwrap();
            assert!(head.seq >= seen && head.seq % 3 == 0, "{head}");
            seen = head.seq;
        }
        assert_eq!(ledger.verify(&[]).await.unwrap().unwrap().seq, 72);
    }
}

#[tokio::test]
async fn clock_that_is_set_back_is_logged_and_clock_skew_is_not() {
    on_each(async |store, clock| {
        log_denied_request(&store, &clock, "svc@example.com").await;
        let behind = |seconds| Clock::manual(clock.now() - SignedDuration::from_secs(seconds));
        log_denied_request(&store, &behind(59), "svc1@example.com").await;
        log_denied_request(&store, &behind(3600), "svc2@example.com").await;
        let names: Vec<String> = sqlx::query("SELECT entry FROM ledger ORDER BY seq")
            .fetch_all(&store.pool)
            .await
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect();
        assert_eq!(names.iter().position(|name| name == "clock_set_back"), Some(6));
        assert_eq!(names.len(), 10);
        let ledger = Ledger { pool: store.pool.clone(), dialect: store.dialect };
        assert_eq!(ledger.verify(&[]).await.unwrap().unwrap().seq, 10);
    })
    .await;
}
