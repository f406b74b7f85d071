//! Handlers for everything that Slack sends: one function for each kind of [`Inbound`], returning an [`Ack`]. No ack waits for
//! an outgoing call; work that needs one is spawned into a tracker that a shutdown waits for.
//!
//! It must not know of HTTP, sockets, signatures, SQL or Marketo's API, and it decides nothing about requests.
//!
//! A transport calls [`Handlers::admit`], then [`Handlers::handle`], or [`Handlers::reject_rate_limited`] for a delivery over
//! its rate limit.

mod ack;
mod actions;
mod commands;
mod delivery;
mod dependencies;
mod events;
mod memory;
mod notify;
mod rate_limited;
mod readiness;
mod suggestions;
mod tenant;
mod views;

use tracing::{Instrument, field::Empty};

pub use self::{
    ack::{Ack, AckKind},
    delivery::Delivery,
    dependencies::Dependencies,
    rate_limited::is_rate_limited,
    readiness::OutboxDepth,
};
use self::{dependencies::AppState, tenant::TenantMatch};
use crate::{
    domain::delivery::DeliveryKey,
    slack::{inbound::Inbound, replies},
};

/// All handlers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handlers(AppState);

impl Handlers {
    /// Handlers with empty caches.
    pub fn new(dependencies: Dependencies) -> Self {
        Self(AppState::new(dependencies))
    }

    /// Checks that a delivery is for this bot's workspace and app.
    ///
    /// # Errors
    /// The ack to a delivery that is not handled: it is for another workspace or app, or the bot does not know its own
    /// workspace yet.
    pub fn admit(&self, inbound: &Inbound<'_>) -> Result<(), Ack> {
        let Some(tenant) = inbound.tenant() else { return Ok(()) };
        match (self.0.tenant_match(&tenant), inbound) {
            (TenantMatch::Served, _) => Ok(()),
            (TenantMatch::Other, _) => Err(Ack::empty("other_workspace")),
            (TenantMatch::Unknown, Inbound::SlashCommand(command)) if commands::is_help(command) => Ok(()),
            (TenantMatch::Unknown, Inbound::SlashCommand(_)) => {
                Err(Ack::ephemeral("starting", &replies::starting()))
            }
            // Safe to ignore: groups are refreshed periodically, and no form can be open yet.
            (TenantMatch::Unknown, Inbound::Event(_) | Inbound::BlockSuggestion(_)) => {
                Err(Ack::empty("other_workspace"))
            }
            // Must not be lost and cannot be handled yet: on an error status Slack tells the user.
            (TenantMatch::Unknown, _) => Err(Ack::unavailable("starting", None)),
        }
    }

    /// The ack to a delivery over the rate limit, which may be retried after `retry_after` seconds. The user gets a message
    /// if `should_notify`.
    pub fn reject_rate_limited(&self, inbound: &Inbound<'_>, retry_after: u64, should_notify: bool) -> Ack {
        rate_limited::reject(&self.0, inbound, retry_after, should_notify)
    }

    /// Handles a delivery that [`Handlers::admit`] has passed. `delivery`: whether the transport has received it before.
    pub async fn handle(&self, inbound: &Inbound<'_>, delivery: Delivery) -> Ack {
        let app = &self.0;
        // No span: these answers log nothing, and take less time than creating one.
        if let Inbound::SlashCommand(command) = inbound
            && let Some(ack) = commands::answer(app, command)
        {
            return ack;
        }
        let key = inbound.delivery_key();
        let (key_kind, key_id) = key.as_ref().map_or(("none", ""), |key| (key.kind(), key.id()));
        let kind = inbound.kind();
        let span = tracing::info_span!("delivery", kind, key = key_kind, id = key_id, request = Empty);
        app.recognize(inbound).await;
        // Boxed to keep the future small for commands that are answered above.
        Box::pin(dispatch(app, inbound, key, delivery).instrument(span)).await
    }

    /// The problems that keep the bot from being ready, one line each, without secrets.
    pub async fn problems(&self) -> Vec<String> {
        readiness::problems(&self.0).await
    }

    /// What does not work as configured, though the bot is ready, one line each.
    pub fn warnings(&self) -> Vec<String> {
        readiness::warnings(&self.0)
    }

    /// The size of the outbox; `None` if the database does not answer in time.
    pub async fn outbox_depth(&self) -> Option<OutboxDepth> {
        readiness::outbox_depth(&self.0).await
    }
}

async fn dispatch(
    app: &AppState,
    inbound: &Inbound<'_>,
    key: Option<DeliveryKey>,
    delivery: Delivery,
) -> Ack {
    match inbound {
        Inbound::SlashCommand(command) => commands::handle(app, command, key, delivery),
        Inbound::BlockActions(actions) => actions::handle(app, actions, key, delivery).await,
        Inbound::ViewSubmission(submission) => {
            views::handle(app, submission, submission.submission_key()).await
        }
        Inbound::BlockSuggestion(suggestion) => suggestions::handle(app, suggestion),
        Inbound::Event(event) => events::handle(app, event, key).await,
        Inbound::UrlVerification { challenge } => {
            Ack { outcome: "url_verification", kind: AckKind::Challenge(challenge.clone()) }
        }
        Inbound::SslCheck => Ack::empty("ssl_check"),
        Inbound::ViewClosed(_)
        | Inbound::GlobalShortcut(_)
        | Inbound::MessageShortcut(_)
        | Inbound::UnknownInteraction(_) => Ack::empty("not_handled"),
    }
}
