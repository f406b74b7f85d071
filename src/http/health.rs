//! `GET /healthz`, `/readyz` and `/metrics`, for operators. No secrets, no personal data.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::state::HttpState;
use crate::handlers::OutboxDepth;

/// 200 while the process can serve.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// 200 if the database, the workers and the credentials work, with one line for each mistake in the configuration that the
/// bot can live with; else 503 with one line for each problem.
pub(super) async fn readyz(State(state): State<HttpState>) -> Response {
    let mut problems = state.handlers.problems().await;
    if state.metrics.get().is_none() {
        problems.push("metrics are not collected yet".to_owned());
    }
    let (status, mut lines) = match problems.is_empty() {
        true => (StatusCode::OK, vec!["ready".to_owned()]),
        false => (StatusCode::SERVICE_UNAVAILABLE, problems),
    };
    lines.extend(state.handlers.warnings());
    (status, lines.join("\n") + "\n").into_response()
}

/// All metrics in the Prometheus text format. Where the outbox cannot be read, its gauges are `NaN`, never an old value.
pub(super) async fn metrics(State(state): State<HttpState>) -> Response {
    record_outbox(state.handlers.outbox_depth().await);
    let recorder = state.metrics.get().and_then(Option::as_ref);
    let text = recorder.map(metrics_exporter_prometheus::PrometheusHandle::render);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text.unwrap_or_default()).into_response()
}

/// Sets the gauges of the outbox. `None`: it could not be read.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn record_outbox(depth: Option<OutboxDepth>) {
    // Zero as long as there is no error, so that the counter exists before it counts.
    metrics::counter!("scrape_errors_total").increment(u64::from(depth.is_none()));
    let value = |of: fn(OutboxDepth) -> i64| depth.map_or(f64::NAN, |depth| of(depth) as f64);
    metrics::gauge!("outbox_due").set(value(|depth| depth.due));
    metrics::gauge!("outbox_later").set(value(|depth| depth.later));
    metrics::gauge!("outbox_dead_letters").set(value(|depth| depth.dead_letters));
    metrics::gauge!("outbox_failing_messages").set(value(|depth| depth.failing_messages));
    metrics::gauge!("outbox_oldest_due_seconds").set(value(|depth| depth.oldest_due_millis) / 1000.0);
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn unreadable_outbox_is_reported_instead_of_an_old_value() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let depth =
            OutboxDepth { due: 3, later: 4, dead_letters: 1, failing_messages: 2, oldest_due_millis: 1500 };
        let scrape = |depth| {
            metrics::with_local_recorder(&recorder, || record_outbox(depth));
            let text = recorder.handle().render();
            text.lines()
                .filter(|line| !line.starts_with('#') && !line.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let sorted = |mut lines: Vec<String>| {
            lines.sort();
            lines
        };
        let readable = |errors: u8| {
            let numbers = [
                "outbox_dead_letters 1",
                "outbox_due 3",
                "outbox_failing_messages 2",
                "outbox_later 4",
                "outbox_oldest_due_seconds 1.5",
            ];
            let mut lines: Vec<String> = numbers.map(str::to_owned).into();
            lines.push(format!("scrape_errors_total {errors}"));
            lines
        };
        assert_eq!(sorted(scrape(Some(depth))), readable(0));
        let unreadable = [
            "outbox_dead_letters NaN",
            "outbox_due NaN",
            "outbox_failing_messages NaN",
            "outbox_later NaN",
            "outbox_oldest_due_seconds NaN",
            "scrape_errors_total 1",
        ];
        assert_eq!(sorted(scrape(None)), unreadable);
        assert_eq!(sorted(scrape(Some(depth))), readable(1));
    }
}
