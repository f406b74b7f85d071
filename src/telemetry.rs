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

use std::sync::OnceLock;

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
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stdout).log_internal_errors(false);
    // An error here means that a subscriber is there already, as in tests.
    let _ = match log.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).try_init(),
    };
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
