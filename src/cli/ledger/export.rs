//! The entries of the ledger on stdout, as JSON for programs and as CSV for spreadsheets, a page at a time.
//!
//! JSON keeps every text to the character, so that the hashes can be computed from it; CSV is for reading: cells that a
//! spreadsheet would take for a formula are defused, and what would not be seen is written out.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use csv::{QuoteStyle, Terminator, WriterBuilder};
use jiff::Timestamp;
use serde_json::json;

use super::super::{CliError, args::Format};
use crate::{
    domain::text::is_invisible,
    store::{Ledger, LedgerEntry, Selection},
};

const COLUMNS: &str = "seq,time,request_id,actor,entry,body,previous,hash";

pub(super) async fn run(
    ledger: &Ledger,
    selection: &Selection,
    format: Format,
) -> Result<ExitCode, CliError> {
    // What is entered from now on is not waited for.
    let until = ledger.head().await?.seq;
    let mut out = Out { stdout: io::stdout(), is_first: true, format };
    let (mut after, mut is_open) = (0, out.begins()?);
    while is_open {
        let entries = ledger.page(selection, after, until).await?;
        let Some(last) = entries.last() else { break };
        after = last.seq;
        is_open = out.writes(&entries)?;
    }
    if is_open {
        out.ends()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Where it is written to. Each of its steps answers whether somebody still reads.
struct Out {
    stdout: io::Stdout,
    is_first: bool,
    format: Format,
}

impl Out {
    fn begins(&mut self) -> Result<bool, CliError> {
        match self.format {
            Format::Json => self.write("["),
            Format::Csv => self.write(format!("{COLUMNS}\r\n")),
        }
    }

    fn writes(&mut self, entries: &[LedgerEntry]) -> Result<bool, CliError> {
        if self.format == Format::Csv {
            return self.write(&csv_of(entries)?);
        }
        let mut text = String::new();
        for entry in entries {
            text += if self.is_first { "\n" } else { ",\n" };
            text += &json_of(entry);
            self.is_first = false;
        }
        self.write(text)
    }

    fn ends(&mut self) -> Result<bool, CliError> {
        match self.format {
            Format::Json => self.write("\n]\n"),
            Format::Csv => Ok(true),
        }
    }

    fn write(&mut self, text: impl AsRef<[u8]>) -> Result<bool, CliError> {
        match self.stdout.write_all(text.as_ref()).and_then(|()| self.stdout.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn time(at: i64) -> String {
    // Always with milliseconds, so that lines are of one form.
    Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |time| format!("{time:.3}"))
}

fn json_of(entry: &LedgerEntry) -> String {
    let LedgerEntry { seq, at, request, actor, name, body, previous, hash } = entry;
    let line = json!({
        "seq": seq,
        "time": time(*at),
        "entered_at": at,
        "request_id": request,
        "actor": actor,
        "entry": name,
        "body": body,
        "previous": previous,
        "hash": hash,
    });
    // What a terminal might act on stands within strings only, where it may be written this way.
    escaped(&line.to_string())
}

/// What is not seen, written as JSON has it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unseen(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                escaped += &format!("\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn is_unseen(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// The rows of `entries`. Everything that is no number is quoted, since spreadsheets may also split at a `;` or a space.
fn csv_of(entries: &[LedgerEntry]) -> io::Result<Vec<u8>> {
    let mut rows = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::NonNumeric)
        .from_writer(Vec::new());
    for entry in entries {
        let LedgerEntry { seq, at, request, actor, name, body, previous, hash } = entry;
        let texts = [request, actor, name, body, previous, hash].map(|text| inert(text));
        rows.write_record([seq.to_string(), time(*at)].iter().chain(&texts))?;
    }
    rows.into_inner().map_err(csv::IntoInnerError::into_error)
}

/// A cell that is seen as what it is and that no spreadsheet takes for a formula.
fn inert(text: &str) -> String {
    let mut cell = escaped(text);
    // A space in front would not keep a spreadsheet from it, nor would a full-width sign.
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if is_formula || text.starts_with(['\t', '\r']) {
        cell.insert(0, '\'');
    }
    cell
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(actor: &str, body: &str) -> LedgerEntry {
        LedgerEntry {
            seq: 7,
            at: 1_795_514_400_000,
            request: "0197".to_owned(),
            actor: actor.to_owned(),
            name: "approved".to_owned(),
            body: body.to_owned(),
            previous: "aa".to_owned(),
            hash: "bb".to_owned(),
        }
    }

    #[test]
    fn cells_that_would_be_formulas_are_defused() {
        for (text, expected) in [
            ("U0REQ", "U0REQ"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("＝1", "'＝1"),
            ("\t=1", "'\\u0009=1"),
            ("\r=1", "'\\u000d=1"),
            (" =1", "' =1"),
            ("a\nb", "a\\u000ab"),
            ("\u{1b}[31m", "\\u001b[31m"),
            ("a\u{202e}b", "a\\u202eb"),
        ] {
            assert_eq!(inert(text), expected, "{text:?}");
        }
    }

    #[test]
    fn rows_are_quoted_so_that_nothing_splits_a_cell() {
        let rows = csv_of(&[entry("=cmd", "{\"why\":\"a, b\"}"), entry("a;=1", "")]).unwrap();
        let expected = "7,\"2026-11-24T10:00:00.000Z\",0197,\"'=cmd\",\"approved\",\"{\"\"why\"\":\"\"a, b\"\"}\",\"aa\",\"bb\"\r\n\
                        7,\"2026-11-24T10:00:00.000Z\",0197,\"a;=1\",\"approved\",\"\",\"aa\",\"bb\"\r\n";
        assert_eq!(String::from_utf8(rows).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn json_keeps_every_text_and_shows_what_is_not_seen(actor in any::<String>(), body in any::<String>()) {
            let line = json_of(&entry(&actor, &body));
            prop_assert!(!line.chars().any(is_unseen));
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read["actor"].as_str(), Some(actor.as_str()));
            prop_assert_eq!(read["body"].as_str(), Some(body.as_str()));
        }

        #[test]
        fn no_cell_acts(text in "[=+@\t\r\n \"',;a-]{0,8}") {
            let rows = csv_of(&[entry(&text, "")]).unwrap();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(rows.as_slice());
            let read: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
            prop_assert_eq!((read.len(), read[0].len()), (1, 8));
            prop_assert!(!read[0][3].trim_start().starts_with(['=', '+', '-', '@']), "{:?}", read);
            prop_assert!(!read[0][3].contains(['\t', '\n', '\r']), "{:?}", read);
        }
    }
}
