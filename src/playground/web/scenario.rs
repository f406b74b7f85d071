//! Scenarios that the page plays step by step: those of `demo --script`, with people whom the policy lets request and
//! decide. They act through the texts on the screen, as people do.

mod player;

use std::{sync::Arc, time::Duration};

use self::player::Player;
use super::session::{Session, StatusLine};
use crate::{
    playground::fixtures,
    sim::{fault::Fault, user::NotVisible},
};

/// A scenario that the page can play.
#[derive(Debug)]
pub struct Scenario {
    /// Its name in the URL.
    pub name: &'static str,
    /// The label of its button.
    pub label: &'static str,
}

/// All scenarios, in the order of the main job.
pub const SCENARIOS: [Scenario; 7] = [
    Scenario { name: "request", label: "Request a user" },
    Scenario { name: "correct", label: "Correct a mistake in the form" },
    Scenario { name: "own", label: "Try to approve your own request" },
    Scenario { name: "approve", label: "Request and approve" },
    Scenario { name: "deny", label: "Request and deny with a reason" },
    Scenario { name: "crash", label: "Crash and recover" },
    Scenario { name: "whole", label: "The whole job" },
];

const CRM: &str = "svc-crm-sync@example.com";
const WEBINARS: &str = "svc-webinars@example.com";
const DENIAL: &str = "The reports user can do this already. Please use that one.";

/// Why a scenario failed.
#[derive(Debug, thiserror::Error)]
enum ScenarioError {
    #[error(transparent)]
    NotVisible(#[from] NotVisible),
    #[error("{0}")]
    Unexpected(&'static str),
    #[error("Slack cannot use the bot's response: {0}")]
    Reply(String),
}

/// Starts a scenario, and aborts the running one. `None` if there is no such scenario.
pub(super) fn start(session: &Arc<Session>, name: &str, is_quick: bool) -> Option<()> {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name)?;
    let task = tokio::spawn(play(Arc::clone(session), scenario, is_quick));
    session.set_scenario(scenario.name, task.abort_handle());
    Some(())
}

/// Starts over and plays a scenario.
async fn play(session: Arc<Session>, scenario: &'static Scenario, is_quick: bool) {
    let status_line = StatusLine { running: Some(scenario.name), ..StatusLine::default() };
    let active = match session.reset(status_line).await {
        Ok(active) => active,
        Err(error) => {
            let status_line = StatusLine {
                text: format!("The playground could not start over: {error}"),
                ..StatusLine::default()
            };
            session.active().update_ui(|ui| ui.status_line = status_line);
            return;
        }
    };
    let mut player = Player::new(session, Arc::clone(&active), scenario, is_quick);
    let result = player.run(scenario.name).await;
    let text = match result {
        Ok(()) => format!("Finished: {}.", scenario.label),
        Err(error) => format!("The scenario \"{}\" failed: {error}", scenario.label),
    };
    active.update_ui(|ui| {
        ui.status_line = StatusLine { text, running: None, view: ui.status_line.view.take() }
    });
}
impl Player {
    async fn run(&mut self, name: &str) -> Result<(), ScenarioError> {
        match name {
            "request" => self.request(CRM).await,
            "correct" => self.request_with_correction().await,
            "own" => {
                self.request(CRM).await?;
                self.try_own().await
            }
            "deny" => {
                self.request(WEBINARS).await?;
                self.deny().await
            }
            "crash" => {
                self.request(CRM).await?;
                self.crash().await
            }
            "approve" => {
                self.request(CRM).await?;
                self.approve().await
            }
            _ => {
                self.request_with_correction().await?;
                self.try_own().await?;
                self.approve().await?;
                self.request(WEBINARS).await?;
                self.deny().await
            }
        }
    }

    async fn request(&self, email: &str) -> Result<(), ScenarioError> {
        self.open_form(email).await?;
        let (last, reason) = match email {
            CRM => ("Crm Sync", "Nightly sync of leads from the CRM."),
            _ => ("Webinars", "Attendee lists after each webinar."),
        };
        self.fill_form(last, reason, &self.date(60)).await?;
        if !self.submit().await? {
            return Err(ScenarioError::Unexpected("the form is refused"));
        }
        self.wait_for_card().await
    }

    async fn request_with_correction(&self) -> Result<(), ScenarioError> {
        self.open_form(CRM).await?;
        self.fill_form("Crm Sync", "Nightly sync of leads from the CRM.", &self.date(-300)).await?;
        if self.submit().await? {
            return Err(ScenarioError::Unexpected("a date in the past is not refused"));
        }
        let name = &self.requester.real_name;
        self.announce(
            &format!("{name} reads what is wrong, and corrects the date"),
            &self.requester,
            fixtures::OPS,
        )
        .await;
        self.fill(&[("Access expiration", &self.date(60))]).await?;
        if !self.submit().await? {
            return Err(ScenarioError::Unexpected("the corrected form is refused"));
        }
        self.wait_for_card().await
    }

    async fn wait_for_card(&self) -> Result<(), ScenarioError> {
        if !self.needs_approval {
            return Ok(());
        }
        self.wait_until("no card appears", |player| player.card("Approve").is_some()).await?;
        if let Some(card) = self.card("Approve") {
            let approver = self.approvers.first().unwrap_or(&self.requester);
            self.announce("A card appears in the approval channel", approver, &card.channel).await;
        }
        Ok(())
    }

    async fn try_own(&self) -> Result<(), ScenarioError> {
        let card = self.card("Approve").ok_or(ScenarioError::Unexpected("there is no card"))?;
        let name = &self.requester.real_name;
        self.announce(&format!("{name} clicks Approve on their own request"), &self.requester, &card.channel)
            .await;
        self.requester().clicks(&card, "Approve").await?;
        self.wait_until("the bot does not say why not", |player| {
            !player.active.slack.ephemerals_for(&player.requester.id).is_empty()
        })
        .await
    }

    async fn approve(&self) -> Result<(), ScenarioError> {
        for approver in &self.approvers {
            let Some(card) = self.card("Approve") else { break };
            self.announce(&format!("{} clicks Approve", approver.real_name), approver, &card.channel).await;
            self.active.person(&approver.id).clicks(&card, "Approve").await?;
            self.wait_until("the card does not change", |player| {
                player.active.slack.channel(&card.channel).iter().any(|m| m.ts == card.ts && *m != card)
            })
            .await?;
        }
        self.wait_until("no user is created", |player| !player.has_no_invite()).await?;
        self.wait_until("the new user is not announced", |player| {
            !player.active.slack.channel(fixtures::OPS).is_empty()
        })
        .await?;
        self.announce(
            "The new user is in Marketo and is announced where it was requested",
            &self.requester,
            fixtures::OPS,
        )
        .await;
        Ok(())
    }

    async fn deny(&self) -> Result<(), ScenarioError> {
        let card = self.card("Deny").ok_or(ScenarioError::Unexpected("there is no card"))?;
        let approver = self.approvers.first().ok_or(ScenarioError::Unexpected("nobody can approve"))?;
        let person = self.active.person(&approver.id);
        self.announce(&format!("{} clicks Deny", approver.real_name), approver, &card.channel).await;
        person.clicks(&card, "Deny").await?;
        person.sees_modal().await?;
        person.fills(&[("Reason", DENIAL)]).await?;
        self.announce(&format!("{} gives a reason", approver.real_name), approver, &card.channel).await;
        person.submits().await?;
        self.wait_until("the card keeps its buttons", |player| player.card("Deny").is_none()).await?;
        let outcome = |player: &Self| {
            let messages = player.active.slack.dm(&player.requester.id);
            messages.into_iter().rfind(|message| message.blocks.to_string().contains(DENIAL))
        };
        self.wait_until("the requester is not told why", |player| outcome(player).is_some()).await?;
        let direct = outcome(self).map(|message| message.channel).unwrap_or_default();
        self.announce(&format!("{} reads why", self.requester.real_name), &self.requester, &direct).await;
        Ok(())
    }

    /// Marketo creates the user, its response is lost, and the bot is killed before it can look the user up.
    async fn crash(&self) -> Result<(), ScenarioError> {
        let card = self.card("Approve").ok_or(ScenarioError::Unexpected("there is no card"))?;
        for (_, marketo) in &self.active.marketos {
            marketo.faults().script("invite", Fault::AppliedThenCut);
        }
        for approver in &self.approvers {
            let Some(card) = self.card("Approve") else { break };
            self.announce(&format!("{} clicks Approve", approver.real_name), approver, &card.channel).await;
            self.active.person(&approver.id).clicks(&card, "Approve").await?;
            self.wait_until("the card does not change", |player| {
                player.card("Approve").is_none_or(|now| now != card)
            })
            .await?;
        }
        self.wait_until("no invite is sent", |player| !player.has_no_invite()).await?;
        self.session.kill().await;
        let approver = self.approvers.first().unwrap_or(&self.requester);
        self.announce(
            "Marketo created the user, its response was lost, and the bot is killed",
            approver,
            &card.channel,
        )
        .await;
        self.session.start().await;
        self.announce(
            "The bot is started again on the same database; a minute passes",
            approver,
            &card.channel,
        )
        .await;
        self.session.fast_forward(Duration::from_secs(60)).await;
        let announced = |player: &Self| !player.active.slack.channel(fixtures::OPS).is_empty();
        self.wait_until("the bot does not find the user", announced).await?;
        self.announce("The bot found the user. It exists once", &self.requester, fixtures::OPS).await;
        if self.active.marketos.iter().map(|(_, marketo)| marketo.invites()).sum::<usize>() != 1 {
            return Err(ScenarioError::Unexpected("there is more than one user"));
        }
        Ok(())
    }
}
