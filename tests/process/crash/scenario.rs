//! What people do in each scenario. They repeat what was not answered, and wait for what they need to see.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, tz::TimeZone};
use marketo_api_user::sim::{slack::SimMessage, user::User};

use super::{
    point::Scenario,
    test_bot::{CARDS, EMAIL, OPS, RAE, TestBot},
};

/// The pause before a person tries again.
const AGAIN: Duration = Duration::from_millis(150);

/// Runs the scenario up to its last action.
pub(crate) async fn play(scenario: Scenario, bot: &Arc<TestBot>) -> Result<(), String> {
    if scenario == Scenario::NoApproval {
        bot.delay_user_lists();
        return bot.asks().await;
    }
    bot.asks().await?;
    until(bot, || shows(bot.card(), "Approve") && shows(bot.request_message(), "Cancel request")).await;
    match scenario {
        Scenario::Approve | Scenario::NoApproval => {
            bot.delay_user_lists();
            bot.clicks("approve", "Approve").await
        }
        Scenario::Deny => bot.denies().await,
        Scenario::Cancel => bot.clicks("cancel", "Cancel request").await,
        Scenario::Remind => {
            until(bot, || bot.slack.channel(CARDS).len() > 1).await;
            // Cancelling before the reminder is recorded as posted would keep the bot from looking for it.
            while !bot.database.has_posted("reminder").await {
                bot.clock.sleep(AGAIN).await;
            }
            bot.clicks("cancel", "Cancel request").await
        }
        Scenario::Expire => bot.expires().await,
        Scenario::Retry => {
            bot.marketo.set_permissions(false);
            bot.delay_user_lists();
            bot.clicks("approve", "Approve").await?;
            until(bot, || shows(bot.card(), "Retry") && bot.slack.dm(RAE).len() > 1).await;
            bot.marketo.set_permissions(true);
            bot.delay_user_lists();
            bot.clicks("retry", "Retry").await
        }
    }
}

async fn until(bot: &TestBot, holds: impl Fn() -> bool) {
    while !holds() {
        bot.clock.sleep(Duration::from_millis(20)).await;
    }
}

fn shows(message: Option<SimMessage>, label: &str) -> bool {
    message.is_some_and(|message| has_button(&message, label))
}

fn has_button(message: &SimMessage, label: &str) -> bool {
    message.blocks.to_string().contains(&format!("\"{label}\""))
}

impl TestBot {
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

    /// Ada opens the denial form, gives a reason and submits it.
    async fn denies(&self) -> Result<(), String> {
        loop {
            self.ada.clicks(&self.card().unwrap(), "Deny").await.unwrap();
            if self.shows_modal(&self.ada).await {
                break;
            }
        }
        self.submits(&self.ada, &[("Reason", "Use the old one")], "deny").await
    }

    /// Whether a modal opens. It is not guaranteed: people try again.
    async fn shows_modal(&self, person: &User) -> bool {
        for _ in 0..60 {
            if person.open_view().is_some() {
                return true;
            }
            self.clock.sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// Fills in the modal and submits it until the bot has accepted it.
    async fn submits(
        &self,
        person: &User,
        form: &[(&str, &str)],
        action: &'static str,
    ) -> Result<(), String> {
        loop {
            person.fills(form).await.map_err(|error| error.to_string())?;
            let send = async { person.submits().await.unwrap().reply };
            if self.sends(action, send).await? {
                return Ok(());
            }
            self.clock.sleep(AGAIN).await;
        }
    }

    /// Clicks a button until the click is accepted, or until the button is gone because an earlier click was.
    async fn clicks(&self, action: &'static str, label: &str) -> Result<(), String> {
        let mut tried = false;
        loop {
            let (person, message) = match action {
                "cancel" => (&self.rae, self.request_message()),
                _ => (&self.ada, self.card()),
            };
            match message.filter(|message| has_button(message, label)) {
                Some(message) => {
                    tried = true;
                    let send = async { person.clicks_stale(&message, label).await.unwrap() };
                    if self.sends(action, send).await? {
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
