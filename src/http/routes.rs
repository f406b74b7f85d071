//! The four routes that Slack posts to. They differ only in how the body is parsed.

use axum::{extract::Request, response::Response};

use super::{response::Reply, state::HttpState, verified_request::VerifiedRequest};
use crate::{
    handlers::{self, Ack, AckKind, Delivery},
    slack::inbound::Inbound,
};

/// A route that Slack posts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Commands,
    Interactions,
    Options,
    Events,
}

impl Route {
    /// The `route` label of the metrics.
    fn name(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Interactions => "interactions",
            Self::Options => "options",
            Self::Events => "events",
        }
    }

    fn parse(self, body: &[u8]) -> Option<Inbound<'_>> {
        match self {
            Self::Commands => Inbound::of_command_form(body),
            Self::Interactions | Self::Options => Inbound::of_interaction_form(body),
            Self::Events => Inbound::of_event(body),
        }
    }
}

/// Verifies a request, passes it to the handlers and responds with their ack.
pub(super) async fn receive(state: HttpState, route: Route, request: Request) -> Response {
    let stopwatch = state.clock.stopwatch();
    let reply = match VerifiedRequest::read(&state, request, route == Route::Commands).await {
        Ok(request) => deliver(&state, route, &request).await.into(),
        Err(reply) => reply,
    };
    Reply::record(reply, route.name(), stopwatch)
}

async fn deliver(state: &HttpState, route: Route, request: &VerifiedRequest) -> Ack {
    let Some(inbound) = route.parse(&request.body) else { return Ack::unreadable() };
    if let Err(ack) = state.handlers.admit(&inbound) {
        // A command during startup: a repeat gets the same answer.
        if matches!(ack.kind, AckKind::Ephemeral(_)) {
            state.replays.reject(&request.fingerprint, &ack);
        }
        return forget_if_unavailable(state, request, ack);
    }
    // A repeat does not count against the limit.
    if request.delivery == Delivery::First
        && handlers::is_rate_limited(&inbound)
        && let Err(limited) = state.rate_limits.check(&inbound, state.clock.monotonic_millis())
    {
        let ack = state.handlers.reject_rate_limited(&inbound, limited.retry_after, limited.should_notify);
        state.replays.reject(&request.fingerprint, &ack);
        return ack;
    }
    let ack = state.handlers.handle(&inbound, request.delivery).await;
    forget_if_unavailable(state, request, ack)
}

/// Forgets a request that could not be handled, so that it can be retried.
fn forget_if_unavailable(state: &HttpState, request: &VerifiedRequest, ack: Ack) -> Ack {
    if matches!(ack.kind, AckKind::Unavailable { .. }) {
        state.replays.forget(&request.fingerprint);
    }
    ack
}
