//! Verification of the ledger: the chain, the order, the head and the anchors. `replay` verifies that the requests agree
//! with it. Everything is read in one transaction, from one snapshot.

use sqlx::{AnyConnection, Row};

use super::{
    CLOCK_SET_BACK, GENESIS, hash, is_earlier,
    read::{Ledger, LedgerEntry, PAGE_SIZE, entries_after},
    replay,
    verification::{Head, VerificationError, VerifyAbort},
};
use crate::store::StoreError;

impl Ledger {
    /// Verifies the ledger, and that each of `anchored` is still part of it. Returns the last entry, or the first error.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn verify(&self, anchored: &[Head]) -> Result<Result<Head, VerificationError>, StoreError> {
        let begin = self.dialect.pick("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let mut tx = self.pool.begin_with(begin).await?;
        match verify(&mut tx, anchored).await {
            Ok(head) => Ok(Ok(head)),
            Err(VerifyAbort::Invalid(error)) => Ok(Err(error)),
            Err(VerifyAbort::Store(error)) => Err(error),
        }
    }
}

async fn verify(connection: &mut AnyConnection, anchored: &[Head]) -> Result<Head, VerifyAbort> {
    let last = verify_chain(connection, anchored).await?;
    let rows: i64 = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) FROM ledger")
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    if rows != last.seq {
        let problem = format!("there are {rows} entries, but only {} are numbered in sequence", last.seq);
        return Err(VerificationError::without_entry(problem).into());
    }
    verify_head(connection, &last).await?;
    replay::verify_requests(connection).await?;
    Ok(last)
}

/// Verifies the chain and the anchors, and returns the last entry.
async fn verify_chain(connection: &mut AnyConnection, anchored: &[Head]) -> Result<Head, VerifyAbort> {
    let mut chain = Chain { last: Head { seq: 0, hash: GENESIS.to_owned() }, at: i64::MIN, anchored };
    chain.verify_anchors()?;
    let mut limit = PAGE_SIZE;
    loop {
        let entries = match entries_after(connection, chain.last.seq, limit).await {
            Ok(entries) => entries,
            // An entry of this page is unreadable. Read one by one to find it.
            Err(error) if is_decode_error(&error) && limit > 1 => {
                limit = 1;
                continue;
            }
            Err(error) if is_decode_error(&error) => {
                let problem = "it cannot be read: a column has a value of the wrong type";
                return Err(VerificationError::at(chain.last.seq + 1, problem).into());
            }
            Err(error) => return Err(error.into()),
        };
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            chain.verify_next(entry)?;
        }
    }
    if let Some(head) = anchored.iter().filter(|head| head.seq > chain.last.seq).min_by_key(|head| head.seq) {
        let problem =
            format!("it was anchored and is missing: the ledger ends with entry {}", chain.last.seq);
        return Err(VerificationError::at(head.seq, problem).into());
    }
    Ok(chain.last)
}

fn is_decode_error(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::AnyDriverError(_)
    )
}

/// The verified part of the chain.
struct Chain<'a> {
    last: Head,
    /// The time of the last entry.
    at: i64,
    anchored: &'a [Head],
}

impl Chain<'_> {
    fn verify_next(&mut self, entry: LedgerEntry) -> Result<(), VerificationError> {
        let LedgerEntry { seq, at, request, actor, name, body, previous, hash: stored_hash } = entry;
        let expected = self.last.seq + 1;
        if seq != expected {
            return Err(VerificationError::at(expected, format!("it is missing: entry {seq} comes next")));
        }
        if previous != self.last.hash {
            return Err(VerificationError::at(seq, "it does not contain the hash of the previous entry"));
        }
        if hash(&previous, seq, at, [&request, &actor, &name, &body]) != stored_hash {
            let problem = "its hash does not match its content: one of them was changed";
            return Err(VerificationError::at(seq, problem));
        }
        if is_earlier(at, self.at) && name != CLOCK_SET_BACK {
            let seconds = (self.at - at) / 1000;
            let problem = format!("it is {seconds} s earlier than the previous entry");
            return Err(VerificationError::at(seq, problem));
        }
        (self.last, self.at) = (Head { seq, hash: stored_hash }, at);
        self.verify_anchors()
    }

    /// Compares the last entry with its anchors.
    fn verify_anchors(&self) -> Result<(), VerificationError> {
        let differs = |head: &&Head| head.seq == self.last.seq && head.hash != self.last.hash;
        match self.anchored.iter().find(differs) {
            Some(head) => {
                let problem =
                    format!("it was anchored with another hash: the ledger up to it was rewritten ({head})");
                Err(VerificationError::at(head.seq, problem))
            }
            None => Ok(()),
        }
    }
}

/// Verifies that there is one head, and that it is the last entry.
async fn verify_head(connection: &mut AnyConnection, last: &Head) -> Result<(), VerifyAbort> {
    let heads =
        sqlx::query("SELECT id, seq, hash FROM ledger_head LIMIT 2").fetch_all(&mut *connection).await;
    let heads: Result<Vec<(i64, i64, String)>, sqlx::Error> = heads.and_then(|rows| {
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
    });
    let problem = match heads {
        Err(error) if is_decode_error(&error) => "the head of the ledger cannot be read".to_owned(),
        Err(error) => return Err(error.into()),
        Ok(heads) => match heads.as_slice() {
            [(1, seq, hash)] if *seq == last.seq && *hash == last.hash => return Ok(()),
            [(1, seq, _)] if *seq > last.seq => {
                let problem = format!("it is missing, and so is every entry up to the ledger's head, {seq}");
                return Err(VerificationError::at(last.seq + 1, problem).into());
            }
            [(1, seq, _)] => {
                format!("the head of the ledger is entry {seq}, but its hash is not that of the last entry")
            }
            _ => "the ledger does not have exactly one head".to_owned(),
        },
    };
    Err(VerificationError::at(last.seq, problem).into())
}
