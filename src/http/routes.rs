//! The four addresses to which Slack posts. They differ in how a body is read, and in nothing else.

use axum::{extract::Request, response::Response};

use super::{response::Reply, state::HttpState, verified_request::VerifiedRequest};
use crate::{
    handlers::{self, Ack, AckKind, Delivery},
    slack::inbound::Inbound,
};

/// An address to which Slack posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Commands,
    Interactions,
    Options,
    Events,
}

impl Route {
    /// The label of the metrics.
    fn name(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Interactions => "interactions",
            Self::Options => "options",
            Self::Events => "events",
        }
    }

    fn read(self, body: &[u8]) -> Option<Inbound<'_>> {
        match self {
            Self::Commands => Inbound::of_command_form(body),
            Self::Interactions | Self::Options => Inbound::of_interaction_form(body),
            Self::Events => Inbound::of_event(body),
        }
    }
}

/// Verifies a request, hands it over and answers.
pub(super) async fn receive(state: HttpState, route: Route, request: Request) -> Response {
    let watch = state.clock.stopwatch();
    let reply = match VerifiedRequest::read(&state, request, route == Route::Commands).await {
        Ok(request) => deliver(&state, route, &request).await.into(),
        Err(reply) => reply,
    };
    Reply::record(reply, route.name(), watch)
}

async fn deliver(state: &HttpState, route: Route, request: &VerifiedRequest) -> Ack {
    let Some(inbound) = route.read(&request.body) else { return Ack::unreadable() };
    if let Err(ack) = state.handlers.admit(&inbound) {
        // The command that came too early is answered alike, should it come again.
        if matches!(ack.kind, AckKind::Ephemeral(_)) {
            state.replays.refuse(&request.fingerprint, &ack);
        }
        return untaken(state, request, ack);
    }
    // What came before is not counted twice.
    if request.delivery == Delivery::First
        && handlers::is_limited(&inbound)
        && let Err(limited) = state.rate_limits.spend(&inbound, state.clock.millis())
    {
        let ack = state.handlers.too_many(&inbound, limited.retry_after, limited.is_news);
        state.replays.refuse(&request.fingerprint, &ack);
        return ack;
    }
    let ack = state.handlers.handle(&inbound, request.delivery).await;
    untaken(state, request, ack)
}

/// Forgets a request that could not be taken, so that it can be tried again.
fn untaken(state: &HttpState, request: &VerifiedRequest, ack: Ack) -> Ack {
    if matches!(ack.kind, AckKind::Unavailable { .. }) {
        state.replays.forget(&request.fingerprint);
    }
    ack
}
