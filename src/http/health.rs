//! `GET /healthz`, `/readyz` and `/metrics`: for those who run the bot. No secrets, no personal data.

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

/// 200 when database, workers and credentials are good; else 503 with a line for each trouble.
pub(super) async fn readyz(State(state): State<HttpState>) -> Response {
    let mut troubles = state.handlers.troubles().await;
    if state.metrics.get().is_none() {
        troubles.push("metrics are not collected yet".to_owned());
    }
    if troubles.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, troubles.join("\n") + "\n").into_response()
}

/// Prometheus text.
pub(super) async fn metrics(State(state): State<HttpState>) -> Response {
    if let Some(depth) = state.handlers.outbox_depth().await {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        {
            metrics::gauge!("outbox_due").set(depth.due as f64);
            metrics::gauge!("outbox_later").set(depth.later as f64);
            metrics::gauge!("outbox_dead_letters").set(depth.buried as f64);
            metrics::gauge!("outbox_oldest_due_seconds").set(depth.oldest_due_millis as f64 / 1000.0);
        }
    }
    let collection = state.metrics.get().and_then(Option::as_ref);
    let text = collection.map(metrics_exporter_prometheus::PrometheusHandle::render);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text.unwrap_or_default()).into_response()
}
