//! The HTTP transport: limits and verifies Slack's requests, parses them into an
//! [`Inbound`](crate::slack::inbound::Inbound), passes that to the handlers and encodes their ack as a response. It also has
//! the routes for operators.
//!
//! It knows HTTP and signatures. It must not know of requests, policies, Slack's Web API, SQL or Marketo.

mod admission;
mod client_cert;
mod health;
mod rate_limiter;
mod rate_limits;
mod replay;
mod response;
mod routes;
mod server;
mod signature;
mod state;
mod verified_request;

use axum::{
    Router,
    extract::{Request, State},
    routing::{MethodRouter, get, post},
};

use self::{
    routes::{Route, receive},
    state::HttpState,
};
pub use self::{server::serve, state::Settings};
use crate::handlers::Handlers;

/// All routes.
pub fn router(handlers: Handlers, settings: &Settings) -> Router {
    Router::new()
        .route("/slack/commands", slack(Route::Commands))
        .route("/slack/interactions", slack(Route::Interactions))
        .route("/slack/options", slack(Route::Options))
        .route("/slack/events", slack(Route::Events))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .with_state(HttpState::new(handlers, settings))
}

fn slack(route: Route) -> MethodRouter<HttpState> {
    post(move |State(state): State<HttpState>, request: Request| receive(state, route, request))
}
