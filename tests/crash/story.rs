//! What people do in each story. They press again what was not answered, and wait for what they need to see.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, tz::TimeZone};
use marketo_api_user::sim::{slack::SimMessage, user::User};

use crate::{
    house::{CARDS, EMAIL, House, OPS, RAE},
    point::Story,
};

/// The pause before somebody tries again.
const AGAIN: Duration = Duration::from_millis(150);

/// Plays the story up to the last thing that somebody does in it.
pub(crate) async fn tell(story: Story, house: &Arc<House>) -> Result<(), String> {
    if story == Story::NoApproval {
        house.paces();
        return house.asks().await;
    }
    house.asks().await?;
    until(house, || shows(house.card(), "Approve") && shows(house.request_message(), "Cancel request")).await;
    match story {
        Story::Approve | Story::NoApproval => {
            house.paces();
            house.clicks("approve", "Approve").await
        }
        Story::Deny => house.denies().await,
        Story::Cancel => house.clicks("cancel", "Cancel request").await,
        Story::Remind => {
            until(house, || house.slack.channel(CARDS).len() > 1).await;
            // Whoever cancels before it is written down that the reminder is posted keeps the bot from looking for it.
            while house.database.due("remind").await.is_some() {
                house.clock.sleep(AGAIN).await;
            }
            house.clicks("cancel", "Cancel request").await
        }
        Story::Expire => house.expires().await,
        Story::Retry => {
            house.marketo.set_permissions(false);
            house.paces();
            house.clicks("approve", "Approve").await?;
            until(house, || shows(house.card(), "Retry") && house.slack.dm(RAE).len() > 1).await;
            house.marketo.set_permissions(true);
            house.paces();
            house.clicks("retry", "Retry").await
        }
    }
}

async fn until(house: &House, holds: impl Fn() -> bool) {
    while !holds() {
        house.clock.sleep(Duration::from_millis(20)).await;
    }
}

fn shows(message: Option<SimMessage>, label: &str) -> bool {
    message.is_some_and(|message| has_button(&message, label))
}

fn has_button(message: &SimMessage, label: &str) -> bool {
    message.blocks.to_string().contains(&format!("\"{label}\""))
}

impl House {
    /// Rae opens the form, fills it in and submits it.
    async fn asks(&self) -> Result<(), String> {
        loop {
            self.rae.types(OPS, "/marketo-api-user").await;
            if self.shows_modal(&self.rae).await {
                break;
            }
        }
        let day = self.clock.now() + SignedDuration::from_hours(60 * 24);
        let day = day.to_zoned(TimeZone::UTC).date().to_string();
        let form = [
            ("Email", EMAIL),
            ("First name", "Svc"),
            ("Last name", "Crm"),
            ("Access expiration", &day),
            ("Role", "API Only"),
        ];
        self.submits(&self.rae, &form, "submit").await
    }

    /// Ada opens the form for a denial, says why and submits it.
    async fn denies(&self) -> Result<(), String> {
        loop {
            self.ada.clicks(&self.card().unwrap(), "Deny").await.unwrap();
            if self.shows_modal(&self.ada).await {
                break;
            }
        }
        self.submits(&self.ada, &[("Reason", "Use the old one")], "deny").await
    }

    /// Whether a modal comes. Nobody is promised one: it is asked for again.
    async fn shows_modal(&self, person: &User) -> bool {
        for _ in 0..60 {
            if person.open_view().is_some() {
                return true;
            }
            self.clock.sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// Fills in the modal and submits it until the bot has taken it.
    async fn submits(&self, person: &User, form: &[(&str, &str)], act: &'static str) -> Result<(), String> {
        loop {
            person.fills(form).await.map_err(|error| error.to_string())?;
            let send = async { person.submits().await.unwrap().reply };
            if self.sends(act, send).await? {
                return Ok(());
            }
            self.clock.sleep(AGAIN).await;
        }
    }

    /// Presses a button until the press is taken, or until it is gone because an earlier press was.
    async fn clicks(&self, act: &'static str, label: &str) -> Result<(), String> {
        let mut tried = false;
        loop {
            let (person, message) = match act {
                "cancel" => (&self.rae, self.request_message()),
                _ => (&self.ada, self.card()),
            };
            match message.filter(|message| has_button(message, label)) {
                Some(message) => {
                    tried = true;
                    let send = async { person.clicks_stale(&message, label).await.unwrap() };
                    if self.sends(act, send).await? {
                        return Ok(());
                    }
                }
                None if tried => return Ok(()),
                None => {}
            }
            self.clock.sleep(AGAIN).await;
        }
    }
}
