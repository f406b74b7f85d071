//! What checking the ledger finds: how far it is what was written, or where it is not. It must not know how that is
//! found out.

use std::{fmt, str::FromStr};

use super::GENESIS;
use crate::store::StoreError;

/// An entry's number and hash: everything up to it is fixed by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number.
    pub seq: i64,
    /// The hash.
    pub hash: String,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str =
            "expected the number and the hash of an entry, such as 42:9f86…, as `ledger head` prints them";
        let (seq, hash) = text.trim().split_once(':').ok_or(EXPECTED)?;
        let seq = seq.parse().ok().filter(|seq| *seq >= 0).ok_or(EXPECTED)?;
        let is_hash = hash.len() == GENESIS.len() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let hash = is_hash.then(|| hash.to_ascii_lowercase()).ok_or(EXPECTED)?;
        Ok(Self { seq, hash })
    }
}

/// Where the ledger is first found not to be what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationError {
    /// The number of the entry; absent where it is about none.
    pub seq: Option<i64>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for VerificationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seq {
            Some(seq) => write!(f, "entry {seq}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl VerificationError {
    pub(super) fn at(seq: i64, what: impl Into<String>) -> Self {
        Self { seq: Some(seq), what: what.into() }
    }

    pub(super) fn somewhere(what: impl Into<String>) -> Self {
        Self { seq: None, what: what.into() }
    }
}

/// Why verification ends early.
pub(super) enum VerifyAbort {
    Broken(VerificationError),
    Store(StoreError),
}

impl From<VerificationError> for VerifyAbort {
    fn from(found: VerificationError) -> Self {
        Self::Broken(found)
    }
}

impl From<sqlx::Error> for VerifyAbort {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
