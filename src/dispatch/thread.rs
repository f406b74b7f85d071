//! What is said in the thread of a card: reminders, and what the card itself does not tell for long.

use super::{
    Dispatcher, Done, Stop,
    post::{GONE, Place, Shown},
};
use crate::{
    domain::{
        effect::Note,
        event::Event,
        people::ChannelId,
        policy::Panel,
        request::{Request, State},
    },
    slack::{
        client::{Part, Posted},
        ids::CARD,
        views,
    },
    store::Claimed,
};

impl Dispatcher {
    /// Reminds those who may still decide, once the card shows that they may.
    pub(super) async fn remind(&self, claimed: &Claimed, sent: u32) -> Result<Done, Stop> {
        let request = self.current(claimed).await?;
        if !matches!(request.state, State::Pending { .. }) {
            return Ok(Done::quietly());
        }
        let reminded = Done::with(Event::Reminded { sent });
        let Some(posted) = self.card_of(&request).await? else { return Ok(reminded) };
        let panel = self.panel(&request);
        let part = Part { request: request.id.clone(), name: CARD.to_owned() };
        let card = views::card(&request, &panel, self.names_instance());
        match self.bring_up_to_date(&part, &posted, &card, request.version).await? {
            Shown::Yes => {}
            // A new card reminds as well as a reply to the old one.
            Shown::Later(error) if error.code == GONE => return Ok(Done::with(Event::CardGone)),
            shown => return Ok(self.concluded(claimed, shown)),
        }
        let message = views::reminder(&request, &self.still_asked(&request, panel));
        // The first was once the only one, under this name.
        let name = if sent == 0 { "reminder".to_owned() } else { format!("reminder_{}", sent + 1) };
        match self.show(&request.id, &name, &thread(posted), &message, 1).await? {
            Shown::Yes => Ok(reminded),
            shown => Ok(self.concluded(claimed, shown)),
        }
    }

    pub(super) async fn note(&self, claimed: &Claimed, note: &Note) -> Result<Done, Stop> {
        let request = self.current(claimed).await?;
        // Without a card there is no thread; the card that is posted later shows how things stand then.
        let Some(posted) = self.card_of(&request).await? else { return Ok(Done::quietly()) };
        let asked = self.still_asked(&request, self.panel(&request));
        let message = views::note(&request, note, &asked);
        let shown = self.show(&request.id, &note.part(), &thread(posted), &message, 1).await?;
        Ok(self.concluded(claimed, shown))
    }

    /// Those whose word is missing, so that nobody else is called on.
    fn still_asked(&self, request: &Request, panel: Panel) -> Panel {
        panel.still_asked(request, |group| self.0.people.members(group))
    }

    async fn card_of(&self, request: &Request) -> Result<Option<Posted>, Stop> {
        let card = self.0.engine.store().message(&request.id, CARD).await?;
        let place: Option<(ChannelId, String)> = card.and_then(|card| card.place);
        Ok(place.map(|(channel, ts)| Posted { channel, ts }))
    }
}

fn thread(card: Posted) -> Place {
    Place::Thread(card.channel, card.ts)
}
