//! Logs and metrics: how they are written, and the one table of metrics ([`METRICS`]). It must not know what is logged
//! or measured.

mod logs;
mod metrics;

pub use self::{
    logs::{log_panics, log_to_stdout, printable},
    metrics::{METRICS, Metric, MetricKind, collect_metrics, collect_metrics_soon},
};
