//! Whether the ledger is what was written: the chain, the order, the head, and what was kept of it elsewhere. Whether
//! the requests agree with it is looked at in `agree`. Everything is read in one transaction, which sees one moment.

use sqlx::{AnyConnection, Row};

use super::{
    CLOCK_SET_BACK, GENESIS, hash, is_earlier,
    read::{Ledger, LedgerEntry, PAGE, rest},
    replay,
    verification::{Head, VerificationError, VerifyAbort},
};
use crate::store::StoreError;

impl Ledger {
    /// Checks everything, and that each of `anchored` is still what it was. The last entry, or the first break.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn verify(&self, anchored: &[Head]) -> Result<Result<Head, VerificationError>, StoreError> {
        let begin = self.dialect.pick("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let mut tx = self.pool.begin_with(begin).await?;
        match verify(&mut tx, anchored).await {
            Ok(head) => Ok(Ok(head)),
            Err(VerifyAbort::Broken(found)) => Ok(Err(found)),
            Err(VerifyAbort::Store(error)) => Err(error),
        }
    }
}

async fn verify(connection: &mut AnyConnection, anchored: &[Head]) -> Result<Head, VerifyAbort> {
    let last = chain(connection, anchored).await?;
    let rows: i64 = sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) FROM ledger")
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    if rows != last.seq {
        let what = format!("there are {rows} entries, of which {} have a number in line", last.seq);
        return Err(VerificationError::somewhere(what).into());
    }
    head_is(connection, &last).await?;
    replay::requests(connection).await?;
    Ok(last)
}

/// Reads the chain from its beginning to its end.
async fn chain(connection: &mut AnyConnection, anchored: &[Head]) -> Result<Head, VerifyAbort> {
    let mut chain = Chain { last: Head { seq: 0, hash: GENESIS.to_owned() }, at: i64::MIN, anchored };
    chain.meets_anchors()?;
    let mut limit = PAGE;
    loop {
        let entries = match rest(connection, chain.last.seq, limit).await {
            Ok(entries) => entries,
            // Something in this page cannot be read: it is looked for one by one.
            Err(error) if is_about_a_value(&error) && limit > 1 => {
                limit = 1;
                continue;
            }
            Err(error) if is_about_a_value(&error) => {
                let what =
                    "it cannot be read: a column holds neither the text nor the number that belongs there";
                return Err(VerificationError::at(chain.last.seq + 1, what).into());
            }
            Err(error) => return Err(error.into()),
        };
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            chain.goes_on(entry)?;
        }
    }
    if let Some(head) = anchored.iter().filter(|head| head.seq > chain.last.seq).min_by_key(|head| head.seq) {
        let what = format!("it was anchored, and is missing: the ledger ends with entry {}", chain.last.seq);
        return Err(VerificationError::at(head.seq, what).into());
    }
    Ok(chain.last)
}

fn is_about_a_value(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::AnyDriverError(_)
    )
}

struct Chain<'a> {
    last: Head,
    /// When the last entry was entered.
    at: i64,
    anchored: &'a [Head],
}

impl Chain<'_> {
    fn goes_on(&mut self, entry: LedgerEntry) -> Result<(), VerificationError> {
        let LedgerEntry { seq, at, request, actor, name, body, previous, hash: claimed } = entry;
        let expected = self.last.seq + 1;
        if seq != expected {
            return Err(VerificationError::at(expected, format!("it is missing: entry {seq} comes next")));
        }
        if previous != self.last.hash {
            return Err(VerificationError::at(seq, "it does not name the hash of the entry before it"));
        }
        if hash(&previous, seq, at, [&request, &actor, &name, &body]) != claimed {
            return Err(VerificationError::at(
                seq,
                "its hash is not that of its text: one of them was changed",
            ));
        }
        if is_earlier(at, self.at) && name != CLOCK_SET_BACK {
            let seconds = (self.at - at) / 1000;
            return Err(VerificationError::at(
                seq,
                format!("it is {seconds} s earlier than the entry before it"),
            ));
        }
        (self.last, self.at) = (Head { seq, hash: claimed }, at);
        self.meets_anchors()
    }

    /// Whether the last entry is what was kept of it.
    fn meets_anchors(&self) -> Result<(), VerificationError> {
        let is_another = |head: &&Head| head.seq == self.last.seq && head.hash != self.last.hash;
        match self.anchored.iter().find(is_another) {
            Some(head) => {
                let what =
                    format!("it was anchored with another hash: the ledger up to it was rewritten ({head})");
                Err(VerificationError::at(head.seq, what))
            }
            None => Ok(()),
        }
    }
}

/// The row that holds the end of the chain is the one row, and says what the chain says.
async fn head_is(connection: &mut AnyConnection, last: &Head) -> Result<(), VerifyAbort> {
    let heads =
        sqlx::query("SELECT id, seq, hash FROM ledger_head LIMIT 2").fetch_all(&mut *connection).await;
    let heads: Result<Vec<(i64, i64, String)>, sqlx::Error> = heads.and_then(|rows| {
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
    });
    let what = match heads {
        Err(error) if is_about_a_value(&error) => "the head of the ledger cannot be read".to_owned(),
        Err(error) => return Err(error.into()),
        Ok(heads) => match heads.as_slice() {
            [(1, seq, hash)] if *seq == last.seq && *hash == last.hash => return Ok(()),
            [(1, seq, _)] if *seq > last.seq => {
                let what =
                    format!("it is missing, as is everything up to the head of the ledger, entry {seq}");
                return Err(VerificationError::at(last.seq + 1, what).into());
            }
            [(1, seq, _)] => {
                format!("the head of the ledger is entry {seq}, with a hash that is not the last entry's")
            }
            _ => "the ledger does not have one head".to_owned(),
        },
    };
    Err(VerificationError::at(last.seq, what).into())
}
