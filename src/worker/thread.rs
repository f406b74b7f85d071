//! What is said in the thread of a card: reminders, and what the card itself does not tell for long.

use super::{
    Completion, EffectAborted, Worker,
    post::{Destination, GONE, PostResult},
};
use crate::{
    domain::{
        effect::Note,
        event::Event,
        people::ChannelId,
        policy::ApproverSet,
        request::{Request, State},
    },
    slack::{
        client::{MessageKey, Posted},
        ids::CARD,
        messages,
    },
    store::Claimed,
};

impl Worker {
    /// Reminds those who may still decide, once the card shows that they may.
    pub(super) async fn remind(&self, claimed: &Claimed, sent: u32) -> Result<Completion, EffectAborted> {
        let request = self.current(claimed).await?;
        if !matches!(request.state, State::Pending { .. }) {
            return Ok(Completion::quietly());
        }
        let reminded = Completion::with(Event::Reminded { sent });
        let Some(posted) = self.card_of(&request).await? else { return Ok(reminded) };
        let panel = self.approver_set(&request);
        let part = MessageKey { request: request.id.clone(), name: CARD.to_owned() };
        let card = messages::card(&request, &panel, self.names_instance());
        match self.update_posted(&part, &posted, &card, request.version).await? {
            PostResult::Yes => {}
            // A new card reminds as well as a reply to the old one.
            PostResult::Later(error) if error.code == GONE => return Ok(Completion::with(Event::CardGone)),
            shown => return Ok(self.completion_of(claimed, shown)),
        }
        let message = messages::reminder(&request, &self.still_asked(&request, panel));
        // The first was once the only one, under this name.
        let name = if sent == 0 { "reminder".to_owned() } else { format!("reminder_{}", sent + 1) };
        match self.ensure_posted(&request.id, &name, &thread(posted), &message, 1).await? {
            PostResult::Yes => Ok(reminded),
            shown => Ok(self.completion_of(claimed, shown)),
        }
    }

    pub(super) async fn note(&self, claimed: &Claimed, note: &Note) -> Result<Completion, EffectAborted> {
        let request = self.current(claimed).await?;
        // Without a card there is no thread; the card that is posted later shows how things stand then.
        let Some(posted) = self.card_of(&request).await? else { return Ok(Completion::quietly()) };
        let asked = self.still_asked(&request, self.approver_set(&request));
        let message = messages::note(&request, note, &asked);
        let shown = self.ensure_posted(&request.id, &note.part(), &thread(posted), &message, 1).await?;
        Ok(self.completion_of(claimed, shown))
    }

    /// Those whose word is missing, so that nobody else is called on.
    fn still_asked(&self, request: &Request, panel: ApproverSet) -> ApproverSet {
        panel.still_asked(request, |group| self.0.people.members(group))
    }

    async fn card_of(&self, request: &Request) -> Result<Option<Posted>, EffectAborted> {
        let card = self.0.engine.store().message(&request.id, CARD).await?;
        let place: Option<(ChannelId, String)> = card.and_then(|card| card.place);
        Ok(place.map(|(channel, ts)| Posted { channel, ts }))
    }
}

fn thread(card: Posted) -> Destination {
    Destination::Thread(card.channel, card.ts)
}
