//! What the bot does about everything that Slack sends: one function for each kind, from an [`Inbound`] to an [`Ack`]. Every
//! ack leaves without waiting for a call to the outside; what needs one is spawned into a tracker that a shutdown waits for.
//!
//! It must not know of HTTP, sockets, signatures, SQL or Marketo's API, and it decides nothing about requests.
//!
//! A door calls [`Handlers::admit`], then, unless somebody does too much at once ([`Handlers::too_many`]),
//! [`Handlers::handle`].

mod ack;
mod actions;
mod commands;
mod delivery;
mod dependencies;
mod events;
mod limited;
mod memory;
mod notify;
mod readiness;
mod suggestions;
mod tenant;
mod views;

use tracing::{Instrument, field::Empty};

pub use self::{
    ack::{Ack, AckKind},
    delivery::Delivery,
    dependencies::Dependencies,
    limited::is_limited,
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
    /// Handlers that remember nothing yet.
    pub fn new(dependencies: Dependencies) -> Self {
        Self(AppState::new(dependencies))
    }

    /// Whether something that came is for this bot, by its workspace and app.
    ///
    /// # Errors
    /// The ack to what is not taken: it is another workspace's, or the bot does not know its own yet.
    pub fn admit(&self, inbound: &Inbound<'_>) -> Result<(), Ack> {
        let Some(tenant) = inbound.tenant() else { return Ok(()) };
        match (self.0.tenant_match(&tenant), inbound) {
            (TenantMatch::Ours, _) => Ok(()),
            (TenantMatch::Other, _) => Err(Ack::empty("other_workspace")),
            (TenantMatch::NotKnown, Inbound::SlashCommand(command)) if commands::is_help(command) => Ok(()),
            (TenantMatch::NotKnown, Inbound::SlashCommand(_)) => {
                Err(Ack::ephemeral("starting", &replies::starting()))
            }
            // Nothing is lost with these: groups are fetched again and again, and no form is open yet.
            (TenantMatch::NotKnown, Inbound::Event(_) | Inbound::BlockSuggestion(_)) => {
                Err(Ack::empty("other_workspace"))
            }
            // Nothing may be lost, and nothing can be taken yet: Slack tells the person that it did not work.
            (TenantMatch::NotKnown, _) => Err(Ack::unavailable("starting", None)),
        }
    }

    /// The ack to what is not carried out because somebody does too much at once. They are told if `is_news`.
    pub fn too_many(&self, inbound: &Inbound<'_>, retry_after: u64, is_news: bool) -> Ack {
        limited::too_many(&self.0, inbound, retry_after, is_news)
    }

    /// Handles something that is for this bot. `delivery` is what the door remembers of it.
    pub async fn handle(&self, inbound: &Inbound<'_>, delivery: Delivery) -> Ack {
        let app = &self.0;
        // Without a span: it logs nothing, and takes less time than a span would.
        if let Inbound::SlashCommand(command) = inbound
            && let Some(ack) = commands::answer(app, command)
        {
            return ack;
        }
        let key = inbound.delivery_key();
        let (key_kind, key_id) = key.as_ref().map_or(("none", ""), |key| (key.kind(), key.id()));
        let kind = inbound.kind();
        let span = tracing::info_span!("delivery", kind, key = key_kind, id = key_id, request = Empty);
        // Boxed, so that a command that is answered on the spot does not carry the room that this takes.
        Box::pin(dispatch(app, inbound, key, delivery).instrument(span)).await
    }

    /// What keeps the bot from being ready, a line for each trouble, without secrets.
    pub async fn troubles(&self) -> Vec<String> {
        readiness::troubles(&self.0).await
    }

    /// How much waits in the outbox; nothing where the database does not tell in time.
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
