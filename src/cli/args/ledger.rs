//! The command line grammar of `ledger`: its subcommands, and the time formats.

use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use crate::{
    domain::people::RequestId,
    store::{Head, Selection},
};

/// The subcommands of `ledger`.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum LedgerCommand {
    /// Verify that the ledger was not changed, and that it matches the requests
    ///
    /// Checks the hash chain, the order and the head, and that the entries of each request lead to its current state.
    /// Prints one line and exits with status 0 if the ledger is intact. Otherwise names the first entry that is wrong on
    /// stderr and exits with status 1.
    ///
    /// Somebody who can write to the database can rewrite the whole ledger. Only a head that was kept elsewhere reveals
    /// that: pass such heads with --anchored.
    Verify {
        /// The number and hash of an entry that were kept elsewhere, for example by `[ledger] anchor_channel`. Can be
        /// repeated
        #[arg(long, value_name = "NUMBER:HASH")]
        anchored: Vec<Head>,
    },
    /// Print the entries
    ///
    /// Prints entries to stdout, oldest first. JSON is an array with one entry per line and unchanged texts, so that the
    /// hashes can be recomputed. CSV is for spreadsheets: formulas are disarmed, and control and invisible characters
    /// are escaped.
    Export(Export),
    /// Print the number and the hash of the last entry
    ///
    /// Prints NUMBER:HASH of the last entry, in the format of `ledger verify --anchored`.
    Head,
}

/// The options of `ledger export`.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct Export {
    /// The output format
    #[arg(long, value_enum)]
    pub format: Format,
    /// Only entries from this time on: YYYY-MM-DD (start of the day in UTC) or a time such as 2026-11-24T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Timestamp>,
    /// Only entries up to this time: YYYY-MM-DD (end of the day in UTC) or a time such as 2026-11-24T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = until)]
    pub until: Option<Timestamp>,
    /// Only the entries of this request
    #[arg(long, value_name = "ID")]
    pub request: Option<String>,
}

/// The output format of `ledger export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// An array with one entry per line
    Json,
    /// A header, then one entry per line
    Csv,
}

impl Export {
    /// The entries to export.
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
