//! The messages of a request. Each is made from the request as it is when the effect runs, so that late and
//! repeated effects do no harm: what is shown already is not shown again.

use super::{
    Dispatcher, Done, Stop,
    post::{Place, Shown},
};
use crate::{
    domain::{
        event::Event,
        policy::Panel,
        request::{Request, State},
    },
    engine::Settlement,
    slack::{
        error::Error,
        ids::{CARD, REQUESTER},
        views,
    },
    store::Claimed,
};

const CREATED: &str = "created";
const CREATED_DIRECT: &str = "created_direct";

impl Dispatcher {
    /// The request as it is now; the claimed one, should it be gone.
    pub(super) async fn current(&self, claimed: &Claimed) -> Result<Request, Stop> {
        let current = self.0.engine.store().request(&claimed.request.id).await?;
        Ok(current.unwrap_or_else(|| claimed.request.clone()))
    }

    /// Who decides on the request by today's policy.
    pub(super) fn panel(&self, request: &Request) -> Panel {
        self.0.engine.policy().panel(request)
    }

    pub(super) async fn show_card(&self, claimed: &Claimed) -> Result<Done, Stop> {
        let request = self.current(claimed).await?;
        let Some(channel) = request.approval_channel.clone() else { return Ok(Done::quietly()) };
        let message = views::card(&request, &self.panel(&request), self.names_instance());
        match self.show(&request.id, CARD, &Place::Channel(channel), &message, request.version).await? {
            Shown::Yes => Ok(Done::quietly()),
            Shown::Later(error) => Ok(self.later(claimed, &error)),
            // Nobody can approve what nobody sees.
            Shown::Refused(error) if matches!(request.state, State::Pending { .. }) => {
                tracing::warn!(request = %request.id, %error, "the card cannot be posted");
                Ok(Done::with(Event::CardLost { detail: error.code }))
            }
            Shown::Refused(error) => Ok(bury(&error)),
        }
    }

    pub(super) async fn show_requester(&self, claimed: &Claimed) -> Result<Done, Stop> {
        let request = self.current(claimed).await?;
        let place = Place::Direct(request.requester.clone());
        let message = views::requester(&request, &self.panel(&request), self.names_instance());
        let shown = self.show(&request.id, REQUESTER, &place, &message, request.version).await?;
        Ok(self.concluded(claimed, shown))
    }

    pub(super) async fn announce(&self, claimed: &Claimed) -> Result<Done, Stop> {
        let request = self.current(claimed).await?;
        let message = views::created(&request, self.names_instance());
        let place = Place::Channel(request.origin.clone());
        match self.show(&request.id, CREATED, &place, &message, request.version).await? {
            Shown::Refused(error) => {
                tracing::info!(request = %request.id, %error, "not where the command was typed; the requester gets it");
                let place = Place::Direct(request.requester.clone());
                let shown = self.show(&request.id, CREATED_DIRECT, &place, &message, request.version).await?;
                Ok(self.concluded(claimed, shown))
            }
            shown => Ok(self.concluded(claimed, shown)),
        }
    }

    pub(super) async fn tell_outcome(&self, claimed: &Claimed) -> Result<Done, Stop> {
        let request = self.current(claimed).await?;
        match request.state {
            State::Denied { .. }
            | State::Failed { .. }
            | State::TimedOut { .. }
            | State::Cancelled { .. } => {}
            // It was tried again meanwhile: this end is none any more.
            State::Pending { .. } | State::Applying { .. } | State::Done { .. } => return Ok(Done::quietly()),
        }
        // A request that fails again ends again, and its requester is told again.
        let part = format!("outcome_{}", request.version);
        let place = Place::Direct(request.requester.clone());
        let shown = self.show(&request.id, &part, &place, &views::outcome(&request), request.version).await?;
        Ok(self.concluded(claimed, shown))
    }

    /// Whether messages must say which Marketo instance is meant.
    pub(super) fn names_instance(&self) -> bool {
        self.0.targets.len() > 1
    }

    pub(super) fn concluded(&self, claimed: &Claimed, shown: Shown) -> Done {
        match shown {
            Shown::Yes => Done::quietly(),
            Shown::Later(error) => self.later(claimed, &error),
            Shown::Refused(error) => bury(&error),
        }
    }
}

fn bury(error: &Error) -> Done {
    Done { settlement: Settlement::Buried { error: error.to_string() }, event: None }
}
