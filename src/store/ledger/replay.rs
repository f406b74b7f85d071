//! Whether the requests are what their entries say: the entries of each are gone through from its submission on, and
//! must end where the request stands. Requests are read in pages; no more than a page is held.

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
const PAGE: i64 = 100;

/// What is read of the body of an entry that tells of a state.
#[derive(Deserialize)]
struct LoggedState {
    /// Absent in a submission, as earlier versions wrote it: the first.
    version: Option<i64>,
    /// Absent in what earlier versions wrote.
    revision: Option<i64>,
    state: State,
    /// What is asked for from now on, where that is new.
    asked: Option<Change>,
    reason: Option<Reason>,
    /// Present where what is asked for was changed.
    amendment: Option<serde::de::IgnoredAny>,
}

/// A request as far as its entries have told of it.
struct Replay {
    seq: i64,
    requester: String,
    version: i64,
    revision: Option<i64>,
    state: State,
    /// What is asked for and why; absent after a change of which an earlier version told only what was different.
    asked: Option<(Change, Option<Reason>)>,
}

/// An entry that tells of a state.
struct Entry {
    seq: i64,
    actor: String,
    name: String,
    body: String,
}

/// A row of the table of requests.
struct StoredRequest {
    id: String,
    version: i64,
    state: String,
    requester: String,
    body: String,
}

/// Looks at every request, and for entries of requests that are not there.
pub(super) async fn requests(connection: &mut AnyConnection) -> Result<(), VerifyAbort> {
    let mut after = String::new();
    loop {
        let rows = page(connection, &after).await?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { break };
        let mut entries = entries(connection, &first.id, &last.id).await?;
        for row in &rows {
            compare(row, entries.remove(&row.id).unwrap_or_default())?;
        }
        after.clone_from(&last.id);
    }
    let orphan = sqlx::query(
        "SELECT MIN(seq) FROM ledger WHERE request_id <> ''
         AND NOT EXISTS (SELECT 1 FROM request WHERE request.id = ledger.request_id)",
    );
    match orphan.fetch_one(connection).await?.try_get::<Option<i64>, _>(0)? {
        Some(seq) => Err(VerificationError::at(seq, "its request is not there").into()),
        None => Ok(()),
    }
}

async fn page(connection: &mut AnyConnection, after: &str) -> Result<Vec<StoredRequest>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, version, state, requester, body FROM request WHERE id > $1 ORDER BY id LIMIT $2",
    );
    let rows = rows.bind(after).bind(PAGE).fetch_all(connection).await?;
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

/// The entries of the requests from `first` to `last` that tell of a state, in order.
async fn entries(
    connection: &mut AnyConnection,
    first: &str,
    last: &str,
) -> Result<HashMap<String, Vec<Entry>>, sqlx::Error> {
    let [refused, calling, called] = super::ASIDE;
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

fn compare(row: &StoredRequest, entries: Vec<Entry>) -> Result<(), VerificationError> {
    let id = &row.id;
    let mut entries = entries.into_iter();
    let Some(first) = entries.next() else {
        return Err(VerificationError::somewhere(format!("request {id:?} has no entry")));
    };
    let mut replay = Replay::begins(first)?;
    for entry in entries {
        replay.goes_on(&entry)?;
    }
    let differs = |what: &str| Err(VerificationError::at(replay.seq, format!("request {id:?} {what}")));
    let Ok(request) = serde_json::from_str::<Request>(&row.body) else {
        return differs("cannot be read, and this is its last entry");
    };
    let columns = (row.id.as_str(), row.version, row.state.as_str(), &UserId(row.requester.clone()));
    if columns != (request.id.as_str(), request.version, request.state.name(), &request.requester) {
        return differs("does not agree with itself, and this is its last entry");
    }
    if request.version != replay.version || request.state != replay.state {
        return differs(&format!(
            "is {} (version {}), and this, its last entry, says {} (version {})",
            request.state.name(),
            request.version,
            replay.state.name(),
            replay.version
        ));
    }
    if request.requester.as_str() != replay.requester {
        return differs("is another person's than the one who submitted it; this is its last entry");
    }
    if replay.revision.is_some_and(|revision| revision != request.revision) {
        return differs("has another revision than this, its last entry, says");
    }
    match &replay.asked {
        Some((change, reason)) if (change, reason) != (&request.change, &request.reason) => {
            differs("asks for something else than its entries say; this is the last of them")
        }
        _ => Ok(()),
    }
}

impl Replay {
    fn begins(entry: Entry) -> Result<Self, VerificationError> {
        let LoggedState { version, revision, state, asked, reason, .. } = told(&entry)?;
        let version = version.unwrap_or(1);
        match asked {
            Some(asked) if entry.name == "submitted" && version == 1 => Ok(Self {
                seq: entry.seq,
                requester: entry.actor,
                version,
                revision,
                state,
                asked: Some((asked, reason)),
            }),
            _ => Err(VerificationError::at(entry.seq, "it is its request's first entry, and no submission")),
        }
    }

    fn goes_on(&mut self, entry: &Entry) -> Result<(), VerificationError> {
        let LoggedState { version, revision, state, asked, reason, amendment } = told(entry)?;
        let is_same = version == Some(self.version) && state == self.state;
        if !is_same && version != Some(self.version + 1) {
            let what = format!("it does not go on from version {} of its request", self.version);
            return Err(VerificationError::at(entry.seq, what));
        }
        match (asked, amendment) {
            (Some(asked), _) => self.asked = Some((asked, reason)),
            (None, Some(_)) => self.asked = None,
            (None, None) => {}
        }
        self.version = version.unwrap_or(self.version);
        self.revision = revision.or(self.revision);
        (self.seq, self.state) = (entry.seq, state);
        Ok(())
    }
}

fn told(entry: &Entry) -> Result<LoggedState, VerificationError> {
    serde_json::from_str(&entry.body)
        .map_err(|_| VerificationError::at(entry.seq, "its body says nothing that can be read"))
}
