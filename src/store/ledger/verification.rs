//! The result of verifying the ledger: its head, or the first entry that is wrong. It does not know how to verify.

use std::{fmt, str::FromStr};

use super::GENESIS;
use crate::store::StoreError;

/// An entry's number and hash, which together fix every entry up to it.
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

/// The first thing in the ledger that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationError {
    /// The number of the entry; absent if it is about none.
    pub seq: Option<i64>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for VerificationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seq {
            Some(seq) => write!(f, "entry {seq}: {}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

impl VerificationError {
    pub(super) fn at(seq: i64, problem: impl Into<String>) -> Self {
        Self { seq: Some(seq), problem: problem.into() }
    }

    pub(super) fn without_entry(problem: impl Into<String>) -> Self {
        Self { seq: None, problem: problem.into() }
    }
}

/// Why verification stopped.
pub(super) enum VerifyAbort {
    Invalid(VerificationError),
    Store(StoreError),
}

impl From<VerificationError> for VerifyAbort {
    fn from(error: VerificationError) -> Self {
        Self::Invalid(error)
    }
}

impl From<sqlx::Error> for VerifyAbort {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
