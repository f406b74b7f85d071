//! The table of metrics, and the recorder that collects them for `GET /metrics`. A test compares the table with every
//! call of `counter!`, `gauge!` and `histogram!` in the sources, labels included.

use std::sync::OnceLock;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// What a metric measures, and how it is exposed.
#[derive(Clone, Copy, Debug)]
pub enum MetricKind {
    /// Counts events since the start.
    Counter,
    /// Holds a current value.
    Gauge,
    /// Distributes durations over buckets with these upper bounds, in seconds.
    Histogram(&'static [f64]),
}

/// One metric of the program.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name, by Prometheus' conventions.
    pub name: &'static str,
    /// The kind.
    pub kind: MetricKind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// The help text.
    pub help: &'static str,
}

/// Slack waits 3 s for an answer; ours takes well under a millisecond.
const ACK: &[f64] = &[0.000_1, 0.000_25, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 3.0];
/// Calls to Slack and Marketo. They time out after 10 s and 20 s.
const CALL: &[f64] = &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];
/// From a few calls to a day of retries.
const CREATION: &[f64] = &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 600.0, 86_400.0];

/// Every metric of the program.
pub const METRICS: &[Metric] = &[
    counter("slack_requests_total", &["route", "outcome"], "Requests from Slack"),
    histogram("slack_ack_seconds", ACK, &["route"], "Time until Slack was answered"),
    counter("slack_calls_total", &["method", "result"], "Calls to Slack's Web API"),
    histogram("slack_call_seconds", CALL, &["method", "result"], "Duration of calls to Slack's Web API"),
    counter("marketo_calls_total", &["call", "result"], "Calls to Marketo's REST API"),
    histogram("marketo_call_seconds", CALL, &["call", "result"], "Duration of calls to Marketo's REST API"),
    counter("effects_total", &["effect", "result"], "Effects that workers ran"),
    histogram("approval_to_created_seconds", CREATION, &[], "Time from the approval to the created user"),
    gauge("outbox_due", &[], "Effects, messages and wake-ups that are due"),
    gauge("outbox_later", &[], "Effects, messages and wake-ups that are due later"),
    gauge("outbox_dead_letters", &[], "Effects and messages that were given up"),
    gauge("outbox_failing_messages", &[], "Messages that Slack does not accept at the moment"),
    gauge("outbox_oldest_due_seconds", &[], "How long the oldest due effect has waited"),
    counter("scrape_errors_total", &[], "Scrapes at which the outbox could not be read: its gauges are NaN"),
    counter("ledger_anchors_total", &["result"], "Heads of the ledger to post as anchors"),
    gauge("http_connections", &[], "Open connections"),
    counter("http_connections_closed_total", &["reason"], "Connections that the bot closed or turned away"),
    counter("http_panics_total", &[], "Requests that met a bug in the program and got 500"),
];

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Gauge, labels, help }
}

const fn histogram(
    name: &'static str,
    buckets: &'static [f64],
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: MetricKind::Histogram(buckets), labels, help }
}

/// The recorder of this process; empty until [`collect_metrics`]. `None` in it: no recorder could be installed.
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Like [`collect_metrics`], in the background: the recorder first calibrates its clock, in a busy loop of up to 200 ms.
/// Nothing is counted before that.
pub fn collect_metrics_soon() -> &'static OnceLock<Option<PrometheusHandle>> {
    std::thread::spawn(collect_metrics);
    &RECORDER
}

/// Starts collecting metrics. A process has one recorder: every call returns the same.
pub fn collect_metrics() -> &'static OnceLock<Option<PrometheusHandle>> {
    RECORDER.get_or_init(|| {
        let mut builder = PrometheusBuilder::new();
        for metric in METRICS {
            if let MetricKind::Histogram(buckets) = metric.kind {
                builder = builder
                    .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
                    .expect("every histogram has buckets");
            }
        }
        let handle = builder.install_recorder().ok()?;
        METRICS.iter().for_each(describe);
        Some(handle)
    });
    &RECORDER
}

fn describe(metric: &Metric) {
    let unit = if metric.name.ends_with("_seconds") { Unit::Seconds } else { Unit::Count };
    match metric.kind {
        MetricKind::Counter => describe_counter!(metric.name, unit, metric.help),
        MetricKind::Gauge => describe_gauge!(metric.name, unit, metric.help),
        MetricKind::Histogram(_) => describe_histogram!(metric.name, unit, metric.help),
    }
}

#[cfg(test)]
#[path = "tests/metrics.rs"]
mod tests;
