//! Time and memory for verifying and exporting a large ledger. Prints figures; only the memory has a limit.
//! `cargo test --release --test process large_ledger -- --ignored --nocapture`

use std::{
    io::Read,
    process::{Command, Stdio},
    time::Duration,
};

use marketo_api_user::{
    clock::Clock,
    domain::{
        change::{Change, CreateUser, Named},
        decide::{Submission, submit},
        people::RequestId,
        policy::{Approval, Requirement, Terms},
        request::State,
        text::{Email, PersonName, Reason},
    },
    store::{NewLedgerEntry, Store},
};
use serde_json::json;

const REQUESTS: usize = 33_334;
/// Memory limit of each, in MiB.
const MOST: u64 = 64;

/// Three entries for each request.
async fn fill(store: &Store, clock: &Clock) {
    let terms = Terms {
        approval: Approval::Required { approvers: Vec::new(), needed: 1 },
        approval_channel: None,
        reason: Requirement::Optional,
        expiration: Requirement::Optional,
        max_access: jiff::SignedDuration::from_hours(24),
        pending_timeout: None,
        remind_after: None,
        approval_valid_for: None,
        escalation: None,
        timezone: None,
    };
    let mut tx = store.begin().await.unwrap();
    for n in 0..REQUESTS {
        let submission = Submission {
            id: RequestId(clock.new_id()),
            requester: "U0REQ".into(),
            memberships: Vec::new(),
            origin: "C0OPS".into(),
            change: Change::CreateUser(CreateUser {
                instance: "production".to_owned(),
                email: Email::parse(&format!("svc-{n}@example.com")).unwrap(),
                first_name: PersonName::parse("Svc").unwrap(),
                last_name: PersonName::parse("Crm").unwrap(),
                role: Named { id: 101, name: "API Only".to_owned() },
                workspace: Named { id: 1, name: "Default".to_owned() },
                expiration: None,
            }),
            reason: Some(Reason::parse("Nightly sync of leads from the CRM.").unwrap()),
        };
        let (now, mut request) = (clock.now(), submit(clock.now(), &terms, submission).0);
        tx.insert_request(&request, None, None, now).await.unwrap().unwrap();
        let submitted = json!({
            "rule": "base", "asked": request.change, "reason": request.reason, "state": request.state
        });
        let refused = json!({ "press": "approve", "why": "own_request", "revision": 1 });
        request.version = 2;
        request.state = State::Denied {
            by: "U0APPROVE".into(),
            reason: Reason::parse("Use the old one").unwrap(),
            at: now,
        };
        tx.save_request(&request, None, now).await.unwrap().unwrap();
        let denied = json!({ "version": 2, "revision": 1, "state": request.state });
        for (name, body) in [("submitted", submitted), ("refused", refused), ("denied", denied)] {
            let (id, body) = (&request.id, body.to_string());
            let entry = NewLedgerEntry { at: now, request: id, actor: "U0REQ", name, body: &body };
            tx.append(&entry).await.unwrap();
        }
        if n % 500 == 499 {
            tx.commit().await.unwrap();
            tx = store.begin().await.unwrap();
        }
    }
    tx.commit().await.unwrap();
}

/// Seconds, MiB of memory at most, and bytes printed.
async fn measure(url: &str, arguments: &[&str]) -> (f64, u64, usize) {
    let clock = Clock::system();
    let watch = clock.stopwatch();
    let mut command = Command::new(env!("CARGO_BIN_EXE_marketo-api-user"));
    let mut child =
        command.env_clear().env("DATABASE_URL", url).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let (id, mut stdout) = (child.id(), child.stdout.take().unwrap());
    let reads = std::thread::spawn(move || {
        let (mut buffer, mut bytes) = (vec![0; 1 << 16], 0);
        loop {
            match stdout.read(&mut buffer).unwrap() {
                0 => return bytes,
                read => bytes += read,
            }
        }
    });
    let mut most = 0;
    let status = loop {
        most = most.max(peak(id));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        clock.sleep(Duration::from_millis(5)).await;
    };
    assert!(status.success(), "{arguments:?}");
    (watch.seconds(), most / 1024, reads.join().unwrap())
}

/// The most memory that a process has had, in KiB.
fn peak(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}

#[tokio::test]
#[ignore = "it prints figures and takes minutes"]
async fn large_ledger_is_verified_and_exported_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("bot.db").display());
    let store = Store::open(&url).await.unwrap();
    fill(&store, &Clock::system()).await;
    store.close().await;
    let head = measure(&url, &["ledger", "head"]).await;
    println!("head: {:.2} s, {} MiB", head.0, head.1);
    for arguments in [
        &["ledger", "verify"][..],
        &["ledger", "export", "--format", "json"],
        &["ledger", "export", "--format", "csv"],
    ] {
        let (seconds, mebibytes, bytes) = measure(&url, arguments).await;
        let entries = REQUESTS * 3;
        println!("{arguments:?}: {entries} entries, {seconds:.2} s, {mebibytes} MiB, {bytes} bytes printed");
        assert!(mebibytes < MOST, "{mebibytes} MiB");
    }
}
