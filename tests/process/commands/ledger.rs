//! `ledger`: next to a running bot, with only the database URL, and after tampering.

use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};

use crate::{
    host::Host,
    serve::lifecycle::{card_appears, rae_fills, rae_submits},
};

/// A running bot with one request, and an auditor who has only its database.
async fn audited() -> (Host, crate::host::Running) {
    let mut host = Host::open().await;
    let running = host.serve_ready().await;
    rae_fills(&host).await;
    rae_submits(&host).await;
    card_appears(&host, &running).await;
    for name in [
        "SLACK_SIGNING_SECRET",
        "SLACK_BOT_TOKEN",
        "SLACK_API_URL",
        "MARKETO_BASE_URL",
        "MARKETO_CLIENT_ID",
        "MARKETO_CLIENT_SECRET",
        "BIND",
        "CONFIG",
    ] {
        host.unset(name);
    }
    (host, running)
}

async fn meddles(host: &Host, sql: &str) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&format!("sqlite:{}", host.path("bot.db"))).await.unwrap();
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
    connection.close().await.unwrap();
}

/// The hash of an exported entry, computed as `docs/AUDIT_LOG.md` describes.
fn hash(entry: &Value) -> String {
    let text = |key: &str| entry[key].as_str().map_or_else(|| entry[key].to_string(), str::to_owned);
    let mut hasher = Sha256::new();
    for key in ["previous", "seq", "entered_at", "request_id", "actor", "entry", "body"] {
        hasher.update(u64::try_from(text(key).len()).unwrap().to_be_bytes());
        hasher.update(text(key));
    }
    hex::encode(hasher.finalize())
}

#[tokio::test]
async fn ledger_commands_need_only_the_database_url() {
    let (host, running) = audited().await;
    let head = host.run(&["ledger", "head"]).await;
    head.is_good();
    let head = head.stdout.trim_end();
    let verified = host.run(&["ledger", "verify", "--anchored", head]).await;
    verified.is_good();
    assert_eq!(verified.stdout, format!("ok: 2 entries, head {head}\n"));

    let json = host.run(&["ledger", "export", "--format", "json"]).await;
    json.is_good();
    let entries: Vec<Value> = serde_json::from_str(&json.stdout).unwrap();
    let names: Vec<&str> = entries.iter().map(|entry| entry["entry"].as_str().unwrap()).collect();
    assert_eq!(names, ["configuration", "submitted"]);
    let mut last = "0".repeat(64);
    for entry in &entries {
        assert_eq!((entry["previous"].as_str(), entry["hash"].as_str()), (Some(&*last), Some(&*hash(entry))));
        last = hash(entry);
    }
    assert_eq!(head, format!("2:{last}"));
    host.assert_no_secret(&json.stdout);

    let id = entries[1]["request_id"].as_str().unwrap();
    for (options, expected) in [
        (&["--request", id][..], 1),
        (&["--request", "nobody"], 0),
        (&["--since", "2020-01-01", "--until", "2999-12-31"], 2),
        (&["--since", "2999-01-01"], 0),
        (&["--until", "2020-01-01T00:00:00Z"], 0),
    ] {
        for (format, around) in [("json", 2), ("csv", 1)] {
            let printed = host.run(&[&["ledger", "export", "--format", format], options].concat()).await;
            printed.is_good();
            let around = if format == "json" && expected == 0 { 2 } else { around };
            assert_eq!(printed.stdout.lines().count(), expected + around, "{options:?} {}", printed.stdout);
        }
    }
    let csv = host.run(&["ledger", "export", "--format", "csv"]).await;
    assert!(
        csv.stdout.starts_with("seq,time,request_id,actor,entry,body,previous,hash\n1,"),
        "{}",
        csv.stdout
    );
    running.stops().await.is_good();
    // The bot has ended and left everything in place.
    host.run(&["ledger", "verify"]).await.is_good();
}

#[tokio::test]
async fn tampering_is_reported_in_one_line() {
    let (host, running) = audited().await;
    running.stops().await.is_good();
    let head = host.run(&["ledger", "head"]).await.stdout.trim_end().to_owned();
    let line = |ended: crate::host::Ended| ended.fails_with(&["ledger"]).remove(0);

    meddles(&host, "UPDATE ledger SET actor = 'U0OTHER' WHERE seq = 2").await;
    let message = line(host.run(&["ledger", "verify"]).await);
    assert_eq!(
        message,
        "marketo-api-user: ledger: entry 2: its hash does not match its content: one of them was changed"
    );
    meddles(&host, "UPDATE ledger SET actor = 'U0REQ' WHERE seq = 2").await;
    host.run(&["ledger", "verify"]).await.is_good();

    let cut = "DELETE FROM request; DELETE FROM ledger WHERE seq = 2;
               UPDATE ledger_head SET seq = 1, hash = (SELECT hash FROM ledger WHERE seq = 1)";
    meddles(&host, &format!("PRAGMA foreign_keys = OFF; {cut}")).await;
    host.run(&["ledger", "verify"]).await.is_good();
    let message = line(host.run(&["ledger", "verify", "--anchored", &head]).await);
    assert_eq!(
        message,
        "marketo-api-user: ledger: entry 2: it was anchored and is missing: the ledger ends with entry 1"
    );
}

#[tokio::test]
async fn missing_or_foreign_database_is_reported_and_not_created() {
    let mut host = Host::open().await;
    host.set("DATABASE_URL", &format!("sqlite:{}", host.path("absent.db")));
    host.run(&["ledger", "head"]).await.fails_with(&["DATABASE_URL"]);
    assert!(!std::path::Path::new(&host.path("absent.db")).exists());
    host.write("empty.db", "");
    host.set("DATABASE_URL", &format!("sqlite:{}", host.path("empty.db")));
    let lines = host.run(&["ledger", "verify"]).await.fails_with(&["DATABASE_URL"]);
    assert!(lines[0].contains("check that it is the bot's database"), "{lines:?}");
}

#[tokio::test]
async fn broken_pipe_ends_an_export_quietly() {
    let (host, running) = audited().await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_marketo-api-user"))
        .env_clear()
        .env("DATABASE_URL", format!("sqlite:{}", host.path("bot.db")))
        .args(["ledger", "export", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
    running.stops().await.is_good();
}
