//! Logs and metrics: how they are written and what they are called. Nothing here knows what is logged.
//!
//! | metric | labels | what |
//! | --- | --- | --- |
//! | `slack_requests_total` | route, outcome | requests from Slack, by what became of them |
//! | `http_connections` | | connections that are open |
//! | `http_connections_cut_total` | why | those cut off: `head`, `body`, `answer`, `idle` took too long; `place`: given to another; `full` |
//! | `http_panics_total` | | requests that met a fault in the program, and got 500 |
//! | `slack_ack_seconds` | route | how long Slack waited for the answer |
//! | `slack_calls_total` | method, result | calls to Slack's Web API |
//! | `marketo_calls_total` | call, result | calls to Marketo |
//! | `effects_total` | effect, result | effects carried out |
//! | `create_user_seconds` | | from the approval to the created user |
//! | `outbox_due`, `outbox_later`, `outbox_buried` | | effects that wait, wait for a later time, were given up |
//! | `outbox_oldest_due_seconds` | | how long the oldest due effect has waited |

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
    panic,
    sync::OnceLock,
};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Log, LogFormat};

/// Where acks should lie: Slack waits 3 s, ours take well under a millisecond.
const ACK_BUCKETS: [f64; 9] = [0.000_1, 0.000_25, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 3.0];
/// From an approval to the created user.
const CREATE_BUCKETS: [f64; 8] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 600.0, 86_400.0];

/// Writes logs to stdout from now on. A second call changes nothing.
pub fn log_to_stdout(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // Whoever reads the log may go away; stderr is for faults only.
    let builder =
        fmt().with_env_filter(filter).with_writer(|| Printable(io::stdout())).log_internal_errors(false);
    // An error here means that a subscriber is there already, as in tests.
    let _ = match log.format {
        // Colours are control characters, which are not let through.
        LogFormat::Text => builder.with_target(false).with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).try_init(),
    };
}

/// From now on a panic is a line of the log that says where, and what as far as it is a text of the program: values in
/// it may be anything. Nothing goes to stderr.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        let what = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("see there");
        tracing::error!(at, what, "the program has a fault: a task panicked");
    }));
}

/// `text` without what a terminal would act upon or nobody would see: such characters, line breaks among them, are
/// written as `\u001b` and the like, which JSON reads back.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unprintable(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a text does not fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn is_unprintable(c: char) -> bool {
    // Of what is not ASCII, Rust shows as it is what can be printed.
    c.is_control() || (!c.is_ascii() && !matches!(c.escape_debug().next(), Some(first) if first == c))
}

/// Writes each line of the log in a printable form. A line comes in one piece, with its line break.
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

/// The collection of this process, empty until it has begun. Nothing in it: metrics cannot be collected.
static COLLECTION: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// As [`collect_metrics`], but begins in the background: the recorder first compares the clocks of the machine, in a
/// busy loop that takes up to 200 ms. Until then nothing is counted.
pub fn collect_metrics_soon() -> &'static OnceLock<Option<PrometheusHandle>> {
    std::thread::spawn(collect_metrics);
    &COLLECTION
}

/// Collects metrics from now on. Every call gives the same collection: a process has one.
pub fn collect_metrics() -> &'static OnceLock<Option<PrometheusHandle>> {
    let install = || {
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full("slack_ack_seconds".to_owned()), &ACK_BUCKETS)
            .ok()?
            .set_buckets_for_metric(Matcher::Full("create_user_seconds".to_owned()), &CREATE_BUCKETS)
            .ok()?
            .install_recorder()
            .ok()
    };
    COLLECTION.get_or_init(install);
    &COLLECTION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_upon_is_written_out() {
        for text in ["plain", "Zoë 李 “quoted” \"and\" \\back", ""] {
            assert_eq!(printable(text), text);
        }
        for (text, shown) in [
            ("a\u{1b}[2Jb", "a\\u001b[2Jb"),
            ("a\nERROR b\r", "a\\u000aERROR b\\u000d"),
            ("a\u{9b}31m\u{7f}", "a\\u009b31m\\u007f"),
            ("a\u{202E}b\u{200B}", "a\\u202eb\\u200b"),
            ("\u{E0041}", "\\udb40\\udc41"),
        ] {
            assert_eq!(printable(text), shown);
            let quoted = format!("\"{shown}\"");
            assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }
    }

    #[test]
    fn a_line_of_the_log_stays_one_line() {
        let mut written = Vec::new();
        Printable(&mut written).write_all(b"WARN one\ntwo \x1b[31m\xff\n").unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), "WARN one\\u000atwo \\u001b[31m\u{FFFD}\n");
    }
}
