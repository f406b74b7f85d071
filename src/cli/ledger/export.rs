//! The entries of the ledger on stdout, as JSON for programs and as CSV for spreadsheets, a page at a time.
//!
//! JSON keeps every text to the character, so that the hashes can be computed from it; CSV is for reading: cells that a
//! spreadsheet would take for a formula are defused, and what would not be seen is written out.

use std::{
    io::{self, Write},
    process::ExitCode,
};

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
            Format::Csv => self.write(&format!("{COLUMNS}\r\n")),
        }
    }

    fn writes(&mut self, entries: &[LedgerEntry]) -> Result<bool, CliError> {
        let mut text = String::new();
        for entry in entries {
            match self.format {
                Format::Json => {
                    text += if self.is_first { "\n" } else { ",\n" };
                    text += &json_of(entry);
                }
                Format::Csv => text += &csv_of(entry),
            }
            self.is_first = false;
        }
        self.write(&text)
    }

    fn ends(&mut self) -> Result<bool, CliError> {
        match self.format {
            Format::Json => self.write("\n]\n"),
            Format::Csv => Ok(true),
        }
    }

    fn write(&mut self, text: &str) -> Result<bool, CliError> {
        match self.stdout.write_all(text.as_bytes()).and_then(|()| self.stdout.flush()) {
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

fn csv_of(entry: &LedgerEntry) -> String {
    let LedgerEntry { seq, at, request, actor, name, body, previous, hash } = entry;
    let cells = [request, actor, name, body, previous, hash].map(|text| cell(text));
    format!("{seq},{},{}\r\n", time(*at), cells.join(","))
}

/// A cell that is seen as what it is and acts as nothing.
fn cell(text: &str) -> String {
    let mut seen = escaped(text);
    // A space in front would not keep a spreadsheet from it.
    if text.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']) || text.starts_with(['\t', '\r']) {
        seen.insert(0, '\'');
    }
    if seen.contains([',', '"', '\n', '\r', ';', ' ', '\'']) {
        seen = format!("\"{}\"", seen.replace('"', "\"\""));
    }
    seen
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
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\\u0009=1\""),
            ("\r=1", "\"'\\u000d=1\""),
            (" =1", "\"' =1\""),
            ("{\"a\":1}", "\"{\"\"a\"\":1}\""),
            ("a\nb", "a\\u000ab"),
            ("\u{1b}[31m", "\\u001b[31m"),
            ("a\u{202e}b", "a\\u202eb"),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
        let line = csv_of(&entry("=cmd", "{\"why\":\"a, b\"}"));
        let expected =
            "7,2026-11-24T10:00:00.000Z,0197,\"'=cmd\",approved,\"{\"\"why\"\":\"\"a, b\"\"}\",aa,bb\r\n";
        assert_eq!(line, expected);
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
            let cell = cell(&text);
            let inside = cell.strip_prefix('"').unwrap_or(&cell).trim_start();
            prop_assert!(!inside.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
            prop_assert!(!cell.contains(['\n', '\r']), "{cell}");
        }
    }
}
