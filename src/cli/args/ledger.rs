//! The grammar of `ledger`: its subcommands, and how times are written.

use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use crate::{
    domain::people::RequestId,
    store::{Head, Selection},
};

/// What is done with the ledger.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum LedgerCommand {
    /// Check that nothing in the ledger was changed, and that the requests agree with it
    ///
    /// Checks the chain of hashes, the order, the head, and that the entries of each request lead to the state in which
    /// it is. Prints one line and ends with status 0 if all is well; else says on stderr which entry is the first that is
    /// not what was written, and ends with status 1.
    ///
    /// Whoever can write to the database could write the whole ledger anew. That shows only against a head that was kept
    /// elsewhere: give those with --anchored.
    Verify {
        /// An entry's number and hash as they were kept elsewhere, such as by `[ledger] anchor_channel`. May be given
        /// several times
        #[arg(long, value_name = "NUMBER:HASH")]
        anchored: Vec<Head>,
    },
    /// Print the entries
    ///
    /// Prints entries to stdout, oldest first. As JSON: an array with one entry a line, texts to the character, so that
    /// the hashes can be computed from it. As CSV: for reading in a spreadsheet; formulas are defused, and control and
    /// invisible characters written out.
    Export(Export),
    /// Print the number and the hash of the last entry
    ///
    /// Prints NUMBER:HASH of the last entry, as `ledger verify --anchored` takes it.
    Head,
}

/// The options of `ledger export`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct Export {
    /// How entries are written
    #[arg(long, value_enum)]
    pub format: Format,
    /// From this time on: YYYY-MM-DD (its beginning, in UTC) or a time such as 2026-11-24T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Timestamp>,
    /// Up to and including this time: YYYY-MM-DD (its end, in UTC) or a time such as 2026-11-24T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = until)]
    pub until: Option<Timestamp>,
    /// The entries of this request only
    #[arg(long, value_name = "ID")]
    pub request: Option<String>,
}

/// How entries are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// An array, an entry a line
    Json,
    /// A header, and an entry a line
    Csv,
}

impl Export {
    /// Which entries are meant.
    pub fn selection(&self) -> Selection {
        Selection { since: self.since, until: self.until, request: self.request.clone().map(RequestId) }
    }
}

fn since(text: &str) -> Result<Timestamp, String> {
    time(text, SignedDuration::ZERO)
}

fn until(text: &str) -> Result<Timestamp, String> {
    time(text, SignedDuration::from_millis(24 * 60 * 60 * 1000 - 1))
}

/// A time, or a day and how far into it.
fn time(text: &str, into_day: SignedDuration) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let day = text.parse::<Date>().ok().filter(|day| day.to_string() == text);
    let begins = day.and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    let time = begins.and_then(|begins| begins.timestamp().checked_add(into_day).ok());
    time.ok_or_else(|| "expected YYYY-MM-DD, or a time such as 2026-11-24T10:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_and_ends_in_utc() {
        for (text, from, to) in [
            ("2026-11-24", "2026-11-24T00:00:00Z", "2026-11-24T23:59:59.999Z"),
            ("2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z"),
            ("2026-11-24T10:00:00+02:00", "2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z"),
        ] {
            assert_eq!(since(text).unwrap(), from.parse().unwrap(), "{text}");
            assert_eq!(until(text).unwrap(), to.parse().unwrap(), "{text}");
        }
        for text in
            ["", "yesterday", "2026-11", "2026-13-01", "20261124", "2026-11-24T10:00:00", "24.11.2026"]
        {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
