//! The messages of a request. Each is made from the request as it is when the effect runs, so that late and
//! repeated effects do no harm: what is shown already is not shown again.

use super::{
    Completion, EffectAborted, Worker,
    post::{Destination, PostResult},
};
use crate::{
    domain::{
        event::Event,
        policy::ApproverSet,
        request::{Request, State},
    },
    slack::{
        error::Error,
        ids::{CARD, REQUESTER},
        messages,
    },
    store::Claimed,
    workflow::EffectResult,
};

const CREATED: &str = "created";
const CREATED_DIRECT: &str = "created_direct";

impl Worker {
    /// The request as it is now; the claimed one, should it be gone.
    pub(super) async fn current(&self, claimed: &Claimed) -> Result<Request, EffectAborted> {
        let current = self.0.engine.store().request(&claimed.request.id).await?;
        Ok(current.unwrap_or_else(|| claimed.request.clone()))
    }

    /// Who decides on the request by today's policy.
    pub(super) fn approver_set(&self, request: &Request) -> ApproverSet {
        self.0.engine.policy().approver_set(request)
    }

    pub(super) async fn show_card(&self, claimed: &Claimed) -> Result<Completion, EffectAborted> {
        let request = self.current(claimed).await?;
        let Some(channel) = request.approval_channel.clone() else { return Ok(Completion::quietly()) };
        let message = messages::card(&request, &self.approver_set(&request), self.names_instance());
        match self
            .ensure_posted(&request.id, CARD, &Destination::Channel(channel), &message, request.version)
            .await?
        {
            PostResult::Yes => Ok(Completion::quietly()),
            PostResult::Later(error) => Ok(self.postpone(claimed, &error)),
            // Nobody can approve what nobody sees.
            PostResult::Refused(error) if matches!(request.state, State::Pending { .. }) => {
                tracing::warn!(request = %request.id, %error, "the card cannot be posted");
                Ok(Completion::with(Event::CardLost { detail: error.code }))
            }
            PostResult::Refused(error) => Ok(dead_letter(&error)),
        }
    }

    pub(super) async fn show_requester(&self, claimed: &Claimed) -> Result<Completion, EffectAborted> {
        let request = self.current(claimed).await?;
        let place = Destination::Direct(request.requester.clone());
        let message = messages::requester(&request, &self.approver_set(&request), self.names_instance());
        let shown = self.ensure_posted(&request.id, REQUESTER, &place, &message, request.version).await?;
        Ok(self.completion_of(claimed, shown))
    }

    pub(super) async fn announce(&self, claimed: &Claimed) -> Result<Completion, EffectAborted> {
        let request = self.current(claimed).await?;
        let message = messages::announcement(&request, self.names_instance());
        let place = Destination::Channel(request.origin.clone());
        match self.ensure_posted(&request.id, CREATED, &place, &message, request.version).await? {
            PostResult::Refused(error) => {
                tracing::info!(request = %request.id, %error, "not where the command was typed; the requester gets it");
                let place = Destination::Direct(request.requester.clone());
                let shown = self
                    .ensure_posted(&request.id, CREATED_DIRECT, &place, &message, request.version)
                    .await?;
                Ok(self.completion_of(claimed, shown))
            }
            shown => Ok(self.completion_of(claimed, shown)),
        }
    }

    pub(super) async fn tell_outcome(&self, claimed: &Claimed) -> Result<Completion, EffectAborted> {
        let request = self.current(claimed).await?;
        match request.state {
            State::Denied { .. }
            | State::Failed { .. }
            | State::TimedOut { .. }
            | State::Cancelled { .. } => {}
            // It was tried again meanwhile: this end is none any more.
            State::Pending { .. } | State::Applying { .. } | State::Done { .. } => {
                return Ok(Completion::quietly());
            }
        }
        // A request that fails again ends again, and its requester is told again.
        let part = format!("outcome_{}", request.version);
        let place = Destination::Direct(request.requester.clone());
        let shown = self
            .ensure_posted(&request.id, &part, &place, &messages::outcome(&request), request.version)
            .await?;
        Ok(self.completion_of(claimed, shown))
    }

    /// Whether messages must say which Marketo instance is meant.
    pub(super) fn names_instance(&self) -> bool {
        self.0.targets.len() > 1
    }

    pub(super) fn completion_of(&self, claimed: &Claimed, shown: PostResult) -> Completion {
        match shown {
            PostResult::Yes => Completion::quietly(),
            PostResult::Later(error) => self.postpone(claimed, &error),
            PostResult::Refused(error) => dead_letter(&error),
        }
    }
}

fn dead_letter(error: &Error) -> Completion {
    Completion::of(EffectResult::DeadLetter { error: error.to_string() }, None)
}
