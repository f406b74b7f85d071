//! Logs: one printable line per event on stdout. It must not know what is logged.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
    panic,
};

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Log, LogFormat};

/// Starts logging to stdout. A second call changes nothing.
pub fn log_to_stdout(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // The reader of a pipe may go away. That is not reported on stderr, which holds only failures of the command.
    let builder =
        fmt().with_env_filter(filter).with_writer(|| Printable(io::stdout())).log_internal_errors(false);
    // This fails only if a subscriber is already installed, as in tests.
    let _ = match log.format {
        // Colors are control characters, which `Printable` escapes.
        LogFormat::Text => builder.with_target(false).with_ansi(false).try_init(),
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(false).with_span_list(true).try_init()
        }
    };
}

/// Logs panics in place of printing them to stderr. Formatted panic messages are left out: they may contain any value.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let reason = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("see the location");
        tracing::error!(location, reason, "a task panicked: this is a bug in the program");
    }));
}

/// Escapes control and invisible characters, line breaks included, as `\u001b` and the like: a terminal then does not
/// act on them, and a JSON parser reads them back.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unprintable(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

fn is_unprintable(c: char) -> bool {
    // `escape_debug` leaves printable characters beyond ASCII as they are.
    c.is_control() || (!c.is_ascii() && !matches!(c.escape_debug().next(), Some(first) if first == c))
}

/// Escapes each log line. `tracing-subscriber` writes a line in one call, with its line break.
struct Printable<W>(W);

impl<W: Write> Write for Printable<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (text, end) = text.strip_suffix('\n').map_or((text.as_ref(), ""), |text| (text, "\n"));
        self.0.write_all(format!("{}{end}", printable(text)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_invisible_characters_are_escaped() {
        for text in ["plain", "Zoë 李 “quoted” \"and\" \\back", ""] {
            assert_eq!(printable(text), text);
        }
        for (text, escaped) in [
            ("a\u{1b}[2Jb", "a\\u001b[2Jb"),
            ("a\nERROR b\r", "a\\u000aERROR b\\u000d"),
            ("a\u{9b}31m\u{7f}", "a\\u009b31m\\u007f"),
            ("a\u{202E}b\u{200B}", "a\\u202eb\\u200b"),
            ("\u{E0041}", "\\udb40\\udc41"),
        ] {
            assert_eq!(printable(text), escaped);
            let quoted = format!("\"{escaped}\"");
            assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }
    }

    #[test]
    fn log_event_stays_on_one_line() {
        let mut written = Vec::new();
        Printable(&mut written).write_all(b"WARN one\ntwo \x1b[31m\xff\n").unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), "WARN one\\u000atwo \\u001b[31m\u{FFFD}\n");
    }
}
