//! `GET /healthz`, `/readyz` and `/metrics`: for those who run the bot. No secrets, no personal data.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{ANSWER_WITHIN, Edge};

/// 200 while the process can serve.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// 200 when database, workers and credentials are good; else 503 with a line for each trouble.
pub(super) async fn readyz(State(edge): State<Edge>) -> Response {
    let mut troubles = edge.health.problems();
    if let Err(error) = edge.engine.store().probe(edge.clock.now()).await {
        troubles.push(format!("the database takes nothing ({})", error.code()));
    }
    for instance in edge.instances.iter() {
        let name = instance.name();
        if !instance.is_loaded() {
            let why =
                instance.last_error().map_or_else(|| "still loading".to_owned(), |error| error.to_string());
            troubles.push(format!("Marketo instance {name}: roles, workspaces or users are missing: {why}"));
        } else if let Some(why) = instance.access_error() {
            troubles.push(format!("Marketo instance {name}: {why}"));
        }
    }
    if edge.metrics.get().is_none() {
        troubles.push("metrics are not collected yet".to_owned());
    }
    if troubles.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, troubles.join("\n") + "\n").into_response()
}

/// Prometheus text.
pub(super) async fn metrics(State(edge): State<Edge>) -> Response {
    let depth = tokio::time::timeout(ANSWER_WITHIN, edge.engine.store().outbox_stats(edge.clock.now())).await;
    if let Ok(Ok(depth)) = depth {
        let age = depth.oldest_due_at.map_or(0, |due| (edge.clock.millis() - due).max(0));
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        {
            metrics::gauge!("outbox_due").set(depth.due as f64);
            metrics::gauge!("outbox_later").set(depth.later as f64);
            metrics::gauge!("outbox_dead_letters").set(depth.dead_letters as f64);
            metrics::gauge!("outbox_oldest_due_seconds").set(age as f64 / 1000.0);
        }
    }
    let collection = edge.metrics.get().and_then(Option::as_ref);
    let text = collection.map(metrics_exporter_prometheus::PrometheusHandle::render);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text.unwrap_or_default()).into_response()
}
