//! Verification that the requests agree with the ledger: the entries of each request are replayed from its submission,
//! and must lead to its current state. Requests are read in pages, of which one is in memory.

use std::collections::HashMap;

use serde::Deserialize;
use sqlx::{AnyConnection, Row};

use super::verification::{VerificationError, VerifyAbort};
use crate::domain::{
    change::Change,
    people::UserId,
    request::{Request, State},
    text::Reason,
};

/// How many requests are read at once.
const PAGE_SIZE: i64 = 100;

/// The body of an entry that changes a request's state.
#[derive(Deserialize)]
struct LoggedState {
    /// Absent in submissions of earlier program versions, where it is 1.
    version: Option<i64>,
    /// Absent in entries of earlier program versions.
    revision: Option<i64>,
    state: State,
    /// The requested change, if this entry sets it.
    #[serde(rename = "asked")]
    change: Option<Change>,
    reason: Option<Reason>,
    /// Present if the requested change was revised.
    amendment: Option<serde::de::IgnoredAny>,
}

/// A request as its entries describe it.
struct Replay {
    seq: i64,
    requester: String,
    version: i64,
    revision: Option<i64>,
    state: State,
    /// The requested change and its reason; unknown after a revision by an earlier program version, which logged only
    /// the difference.
    change: Option<(Change, Option<Reason>)>,
}

/// An entry that changes a request's state.
struct Entry {
    seq: i64,
    actor: String,
    name: String,
    body: String,
}

/// A row of the table `request`.
struct StoredRequest {
    id: String,
    version: i64,
    state: String,
    requester: String,
    body: String,
}

/// Verifies every request, and that no entry belongs to a missing request.
pub(super) async fn verify_requests(connection: &mut AnyConnection) -> Result<(), VerifyAbort> {
    let mut after = String::new();
    loop {
        let rows = requests_after(connection, &after).await?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { break };
        let mut entries = entries_between(connection, &first.id, &last.id).await?;
        for row in &rows {
            verify_request(row, entries.remove(&row.id).unwrap_or_default())?;
        }
        after.clone_from(&last.id);
    }
    let orphan = sqlx::query(
        "SELECT MIN(seq) FROM ledger WHERE request_id <> ''
         AND NOT EXISTS (SELECT 1 FROM request WHERE request.id = ledger.request_id)",
    );
    match orphan.fetch_one(connection).await?.try_get::<Option<i64>, _>(0)? {
        Some(seq) => Err(VerificationError::at(seq, "its request is missing").into()),
        None => Ok(()),
    }
}

async fn requests_after(
    connection: &mut AnyConnection,
    after: &str,
) -> Result<Vec<StoredRequest>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, version, state, requester, body FROM request WHERE id > $1 ORDER BY id LIMIT $2",
    );
    let rows = rows.bind(after).bind(PAGE_SIZE).fetch_all(connection).await?;
    let read = |row: &sqlx::any::AnyRow| {
        Ok(StoredRequest {
            id: row.try_get(0)?,
            version: row.try_get(1)?,
            state: row.try_get(2)?,
            requester: row.try_get(3)?,
            body: row.try_get(4)?,
        })
    };
    rows.iter().map(read).collect()
}

/// The entries that change the state of the requests from `first` to `last`, by request and in order.
async fn entries_between(
    connection: &mut AnyConnection,
    first: &str,
    last: &str,
) -> Result<HashMap<String, Vec<Entry>>, sqlx::Error> {
    let [refused, calling, called] = super::STATELESS_ENTRIES;
    let rows = sqlx::query(
        "SELECT request_id, seq, actor, entry, body FROM ledger
         WHERE request_id >= $1 AND request_id <= $2 AND entry NOT IN ($3, $4, $5) ORDER BY seq",
    );
    let rows = rows.bind(first).bind(last).bind(refused).bind(calling).bind(called);
    let mut entries: HashMap<String, Vec<Entry>> = HashMap::new();
    for row in rows.fetch_all(connection).await? {
        let entry = Entry {
            seq: row.try_get(1)?,
            actor: row.try_get(2)?,
            name: row.try_get(3)?,
            body: row.try_get(4)?,
        };
        entries.entry(row.try_get(0)?).or_default().push(entry);
    }
    Ok(entries)
}

fn verify_request(row: &StoredRequest, entries: Vec<Entry>) -> Result<(), VerificationError> {
    let id = &row.id;
    let mut entries = entries.into_iter();
    let Some(first) = entries.next() else {
        return Err(VerificationError::without_entry(format!("request {id:?} has no entry")));
    };
    let mut replay = Replay::start(first)?;
    for entry in entries {
        replay.apply(&entry)?;
    }
    let differs = |problem: &str| Err(VerificationError::at(replay.seq, format!("request {id:?} {problem}")));
    let Ok(request) = serde_json::from_str::<Request>(&row.body) else {
        return differs("cannot be read; this is its last entry");
    };
    let columns = (row.id.as_str(), row.version, row.state.as_str(), &UserId(row.requester.clone()));
    if columns != (request.id.as_str(), request.version, request.state.name(), &request.requester) {
        return differs("has columns that differ from its body; this is its last entry");
    }
    if request.version != replay.version || request.state != replay.state {
        return differs(&format!(
            "is {} (version {}), but this, its last entry, says {} (version {})",
            request.state.name(),
            request.version,
            replay.state.name(),
            replay.version
        ));
    }
    if request.requester.as_str() != replay.requester {
        return differs("belongs to another person than the one who submitted it; this is its last entry");
    }
    if replay.revision.is_some_and(|revision| revision != request.revision) {
        return differs("has another revision than this, its last entry");
    }
    match &replay.change {
        Some((change, reason)) if (change, reason) != (&request.change, &request.reason) => {
            differs("requests another change than its entries; this is the last of them")
        }
        _ => Ok(()),
    }
}

impl Replay {
    fn start(entry: Entry) -> Result<Self, VerificationError> {
        let LoggedState { version, revision, state, change, reason, .. } = logged_state(&entry)?;
        let version = version.unwrap_or(1);
        match change {
            Some(change) if entry.name == "submitted" && version == 1 => Ok(Self {
                seq: entry.seq,
                requester: entry.actor,
                version,
                revision,
                state,
                change: Some((change, reason)),
            }),
            _ => Err(VerificationError::at(
                entry.seq,
                "it is the first entry of its request, but not a submission",
            )),
        }
    }

    fn apply(&mut self, entry: &Entry) -> Result<(), VerificationError> {
        let LoggedState { version, revision, state, change, reason, amendment } = logged_state(entry)?;
        let is_unchanged = version == Some(self.version) && state == self.state;
        if !is_unchanged && version != Some(self.version + 1) {
            let problem = format!("it does not follow version {} of its request", self.version);
            return Err(VerificationError::at(entry.seq, problem));
        }
        match (change, amendment) {
            (Some(change), _) => self.change = Some((change, reason)),
            (None, Some(_)) => self.change = None,
            (None, None) => {}
        }
        self.version = version.unwrap_or(self.version);
        self.revision = revision.or(self.revision);
        (self.seq, self.state) = (entry.seq, state);
        Ok(())
    }
}

fn logged_state(entry: &Entry) -> Result<LoggedState, VerificationError> {
    serde_json::from_str(&entry.body)
        .map_err(|_| VerificationError::at(entry.seq, "its body has no readable state"))
}
