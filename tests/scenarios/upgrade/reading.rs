//! Every stored request can be read, and the ledger verifies before and after the upgrade.

use std::collections::BTreeMap;

use marketo_api_user::{
    domain::{
        people::RequestId,
        request::{Request, State},
    },
    store::{LedgerEntry, Store},
};
use serde_json::{Value, json};

use super::fixture::{Copy, Opened};
use crate::test_bot::Database;

/// The requests of the fixture: subject and state.
const REQUESTS: [(&str, &str); 47] = [
    ("approved@example.com", "in work"),
    ("cancelled-by-approver@example.com", "cancelled"),
    ("cancelled@example.com", "cancelled"),
    ("denied-untold@example.com", "denied"),
    ("denied@example.com", "denied"),
    ("done-announcement-lost@example.com", "done"),
    ("done-announcement-waits@example.com", "done"),
    ("done-reduced@example.com", "done, revision 2"),
    ("done-resumed@example.com", "done"),
    ("done-retried@example.com", "done"),
    ("done-sandbox@example.com", "done"),
    ("done-two@example.com", "done, 2 approvals"),
    ("done@auto.example.com", "done, 0 approvals"),
    ("done@example.com", "done"),
    ("failed-access-denied@example.com", "failed: access_denied"),
    ("failed-card@example.com", "failed: card_undeliverable"),
    ("failed-configuration@example.com", "failed: configuration"),
    ("failed-credentials@example.com", "failed: credentials"),
    ("failed-expired@example.com", "failed: expiration_passed"),
    ("failed-instance-gone@example.com", "failed: instance_gone"),
    ("failed-mismatch@example.com", "failed: mismatch, attempted"),
    ("failed-rejected@example.com", "failed: rejected"),
    ("failed-retry-check@example.com", "failed: access_denied"),
    ("failed-taken-elsewhere@example.com", "failed: taken_elsewhere"),
    ("failed-taken@example.com", "failed: taken"),
    ("failed-unavailable@example.com", "failed: unavailable"),
    ("in-doubt-applied@example.com", "in work"),
    ("in-doubt-lost@example.com", "in work"),
    ("killed-at-invite@example.com", "in work"),
    ("pending-approval-untold@example.com", "pending, 1 approval"),
    ("pending-card-deleted@example.com", "pending"),
    ("pending-card-unanswered@example.com", "pending"),
    ("pending-card-waits@example.com", "pending"),
    ("pending-check@example.com", "pending"),
    ("pending-edit-untold@example.com", "pending, revision 2"),
    ("pending-edited@example.com", "pending, revision 2"),
    ("pending-escalated@example.com", "pending, escalated"),
    ("pending-one-of-two@example.com", "pending, 1 approval"),
    ("pending-times-out@example.com", "pending, escalated"),
    ("pending-to-cancel@example.com", "pending"),
    ("pending-to-edit@example.com", "pending"),
    ("pending-to-review@example.com", "pending"),
    ("pending@example.com", "pending"),
    ("timed-out@example.com", "timed out"),
    ("waiting-may-be-applied@example.com", "waits: unavailable, may be applied"),
    ("waiting-quota@example.com", "waits: quota"),
    ("waiting-unavailable@example.com", "waits: unavailable"),
];

/// The names of the entries in the fixture's ledger.
const ENTRIES: [&str; 22] = [
    "agreed",
    "anchored",
    "applied",
    "approved",
    "called",
    "calling",
    "cancelled",
    "card_gone",
    "card_lost",
    "clock_set_back",
    "configuration",
    "denied",
    "edited",
    "escalated",
    "not_applied",
    "refused",
    "reminded",
    "resumed",
    "retried",
    "submitted",
    "timed_out",
    "waits",
];

fn described(request: &Request) -> String {
    let name = |value: Value| value.as_str().unwrap().to_owned();
    let state = match &request.state {
        State::Pending { approvals, is_escalated, .. } => {
            let approvals = if approvals.is_empty() { "" } else { ", 1 approval" };
            format!("pending{approvals}{}", if *is_escalated { ", escalated" } else { "" })
        }
        State::Applying { waiting: None, .. } => "in work".to_owned(),
        State::Applying { waiting: Some(waiting), .. } => {
            let doubt = if waiting.may_be_applied { ", may be applied" } else { "" };
            format!("waits: {}{doubt}", name(json!(waiting.cause)))
        }
        State::Done { approved, .. } if approved.by.len() == 1 => "done".to_owned(),
        State::Done { approved, .. } => format!("done, {} approvals", approved.by.len()),
        State::Failed { failure, .. } => {
            let attempted = if failure.attempted_at.is_some() { ", attempted" } else { "" };
            format!("failed: {}{attempted}", name(json!(failure.kind)))
        }
        State::Denied { .. } => "denied".to_owned(),
        State::Cancelled { .. } => "cancelled".to_owned(),
        State::TimedOut { .. } => "timed out".to_owned(),
    };
    if request.revision == 1 { state } else { format!("{state}, revision {}", request.revision) }
}

/// The ids of all requests, from the entries of their submissions.
fn submitted(entries: &[LedgerEntry]) -> Vec<RequestId> {
    let submissions = entries.iter().filter(|entry| entry.name == "submitted");
    submissions.map(|entry| RequestId(entry.request.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stored_request_can_be_read() {
    for database in Database::all() {
        let copy = Copy::of(&database).await;
        let ids = submitted(&copy.ledger().await);
        let store = Store::open(&copy.url).await.unwrap();
        let mut found = BTreeMap::new();
        for id in &ids {
            let request = store.request(id).await.unwrap().expect("a request for each submission");
            found.insert(request.change.subject_key(), described(&request));
        }
        store.close().await;
        let expected: BTreeMap<String, String> =
            REQUESTS.iter().map(|(subject, state)| ((*subject).to_owned(), (*state).to_owned())).collect();
        assert_eq!(found, expected, "{database:?}");
        assert_eq!(ids.len(), REQUESTS.len(), "{database:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ledger_verifies_before_and_after_and_keeps_every_entry() {
    for database in Database::all() {
        let copy = Copy::of(&database).await;
        let before = copy.ledger().await;
        let mut kinds: Vec<&str> = before.iter().map(|entry| entry.name.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds, ENTRIES, "{database:?}");
        assert_eq!(copy.anchors().len(), 3, "{database:?}");
        Store::open(&copy.url).await.unwrap().close().await;
        assert_eq!(copy.ledger().await, before, "{database:?}");
    }
    for opened in Opened::all().await {
        let before = opened.copy.ledger().await;
        opened.drain().await.unwrap();
        let after = opened.copy.ledger().await;
        assert!(after.len() > before.len() && after.starts_with(&before));
        opened.finish().await;
    }
}
