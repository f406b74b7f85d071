//! `GET /healthz`, `/readyz` and `/metrics`, for operators. No secrets, no personal data.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::state::HttpState;

/// 200 while the process can serve.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// 200 if the database, the workers and the credentials work; else 503 with one line for each problem.
pub(super) async fn readyz(State(state): State<HttpState>) -> Response {
    let mut problems = state.handlers.problems().await;
    if state.metrics.get().is_none() {
        problems.push("metrics are not collected yet".to_owned());
    }
    if problems.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, problems.join("\n") + "\n").into_response()
}

/// All metrics in the Prometheus text format.
pub(super) async fn metrics(State(state): State<HttpState>) -> Response {
    if let Some(depth) = state.handlers.outbox_depth().await {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        {
            metrics::gauge!("outbox_due").set(depth.due as f64);
            metrics::gauge!("outbox_later").set(depth.later as f64);
            metrics::gauge!("outbox_dead_letters").set(depth.dead_letters as f64);
            metrics::gauge!("outbox_failing_messages").set(depth.failing_messages as f64);
            metrics::gauge!("outbox_oldest_due_seconds").set(depth.oldest_due_millis as f64 / 1000.0);
        }
    }
    let recorder = state.metrics.get().and_then(Option::as_ref);
    let text = recorder.map(metrics_exporter_prometheus::PrometheusHandle::render);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text.unwrap_or_default()).into_response()
}
