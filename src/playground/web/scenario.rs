//! Scenarios that the page plays step by step: those of `demo --script`, with people whom the policy lets request and
//! decide. They act through the texts on the screen, as people do.

use std::{sync::Arc, time::Duration};

use jiff::{ToSpan, tz::TimeZone};

use super::session::{Scene, Session, StatusLine};
use crate::{
    clock::Clock,
    playground::{fixtures, policy_fixture},
    sim::{
        fault::Fault,
        slack::{SimMessage, SimUser, inputs},
        user::{NotVisible, User},
    },
};

/// A scenario by its name in the address.
#[derive(Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What the button says.
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
/// How long people look at each step.
const PACE: Duration = Duration::from_millis(900);
/// How long something may take to appear, in looks and the time between them.
const LOOKS: (usize, Duration) = (400, Duration::from_millis(25));

/// Why a scenario ends before its end.
#[derive(Debug, thiserror::Error)]
enum ScenarioError {
    #[error(transparent)]
    NotThere(#[from] NotVisible),
    #[error("{0}")]
    NotSo(&'static str),
    #[error("the bot's answer cannot be used: {0}")]
    Reply(String),
}

/// Begins to play a scenario, in place of the one that is being played.
pub(super) fn begin(session: &Arc<Session>, name: &str, is_quick: bool) -> Option<()> {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name)?;
    let playing = tokio::spawn(play(Arc::clone(session), scenario, is_quick));
    session.plays(scenario.name, playing.abort_handle());
    Some(())
}

/// Plays a scenario on a new session.
async fn play(session: Arc<Session>, scenario: &'static Scenario, is_quick: bool) {
    let begun = StatusLine { playing: Some(scenario.name), ..StatusLine::default() };
    let scene = match session.reset(begun).await {
        Ok(scene) => scene,
        Err(error) => {
            let status_line = StatusLine {
                line: format!("The playground could not start over: {error}"),
                ..StatusLine::default()
            };
            session.scene().remember(|memory| memory.status_line = status_line);
            return;
        }
    };
    let mut player = Player::new(session, Arc::clone(&scene), scenario, is_quick);
    let played = player.plays(scenario.name).await;
    let line = match played {
        Ok(()) => format!("Finished: {}.", scenario.label),
        Err(error) => format!("The scenario \"{}\" failed: {error}", scenario.label),
    };
    scene.remember(|memory| {
        memory.status_line = StatusLine { line, playing: None, at: memory.status_line.at.take() }
    });
}

struct Player {
    session: Arc<Session>,
    scene: Arc<Scene>,
    scenario: &'static Scenario,
    pace: Duration,
    asks: SimUser,
    decide: Vec<SimUser>,
    is_decided: bool,
}

impl Player {
    fn new(session: Arc<Session>, scene: Arc<Scene>, scenario: &'static Scenario, is_quick: bool) -> Self {
        let (setup, policy) = (scene.slack.setup(), scene.policy.clone());
        let full: Vec<SimUser> = fixtures::people(&setup)
            .filter(|user| !user.is_restricted && user.team_id.is_none())
            .cloned()
            .collect();
        let may_ask = |user: &&SimUser| {
            policy.requesters.is_empty() || policy_fixture::is_among(&setup, &user.id, &policy.requesters)
        };
        let asks = full.iter().find(may_ask).or(full.first()).cloned().unwrap_or_default();
        let deciders = policy_fixture::deciders(&policy);
        let decides = |user: &&SimUser| {
            user.id != asks.id && policy_fixture::is_among(&setup, &user.id, deciders.iter().copied())
        };
        let decide = full.iter().filter(decides).cloned().collect();
        let pace = if is_quick { Duration::ZERO } else { PACE };
        Self { session, scene, scenario, pace, asks, decide, is_decided: !deciders.is_empty() }
    }

    async fn plays(&mut self, name: &str) -> Result<(), ScenarioError> {
        match name {
            "request" => self.requests(CRM).await,
            "correct" => self.slips_and_corrects().await,
            "own" => {
                self.requests(CRM).await?;
                self.tries_own().await
            }
            "deny" => {
                self.requests(WEBINARS).await?;
                self.denies().await
            }
            "crash" => {
                self.requests(CRM).await?;
                self.crashes().await
            }
            "approve" => {
                self.requests(CRM).await?;
                self.approves().await
            }
            _ => {
                self.slips_and_corrects().await?;
                self.tries_own().await?;
                self.approves().await?;
                self.requests(WEBINARS).await?;
                self.denies().await
            }
        }
    }

    async fn tells(&self, line: &str, user: &SimUser, channel: &str) {
        let at = Some((user.id.clone(), channel.to_owned()));
        let status_line = StatusLine { playing: Some(self.scenario.name), line: line.to_owned(), at };
        self.scene.remember(|memory| memory.status_line = status_line);
        Clock::system().sleep(self.pace).await;
    }

    fn asker(&self) -> User {
        self.scene.person(&self.asks.id)
    }

    async fn opens(&self, email: &str) -> Result<(), ScenarioError> {
        let name = &self.asks.real_name;
        self.tells(&format!("{name} types /marketo-api-user {email}"), &self.asks, fixtures::OPS).await;
        let reply = self.asker().types(fixtures::OPS, &format!("/marketo-api-user {email}")).await;
        reply.error.map_or(Ok(()), |error| Err(ScenarioError::Reply(error)))?;
        self.waits("the form does not open in full", |me| {
            me.asker().open_view().is_some_and(|view| view.labels().contains(&"Role"))
        })
        .await
    }

    async fn fills(&self, values: &[(&str, &str)]) -> Result<(), ScenarioError> {
        let asker = self.asker();
        for &(label, wanted) in values {
            let Some(view) = asker.open_view() else { return Err(ScenarioError::NotSo("the form is gone")) };
            let block = view.blocks().iter().find(|block| block["label"]["text"] == label);
            let Some(element) = block.map(|block| &block["element"]) else { continue };
            let texts: Vec<&str> = inputs::options(element)
                .iter()
                .filter_map(|option| option["text"]["text"].as_str())
                .collect();
            let chosen = match element["type"].as_str().unwrap_or_default() {
                "static_select" if !texts.contains(&wanted) => {
                    texts.first().copied().unwrap_or_default().to_owned()
                }
                "external_select" if wanted.is_empty() || asker.fills(&[(label, wanted)]).await.is_err() => {
                    let offered = asker.asks_options(label, "").await?;
                    offered.texts().first().copied().unwrap_or_default().to_owned()
                }
                _ => wanted.to_owned(),
            };
            if !chosen.is_empty() {
                asker.fills(&[(label, &chosen)]).await?;
            }
        }
        Ok(())
    }

    async fn fills_all(&self, last: &str, reason: &str, end: &str) -> Result<(), ScenarioError> {
        let name = &self.asks.real_name;
        self.tells(&format!("{name} fills in the form"), &self.asks, fixtures::OPS).await;
        self.fills(&[("Marketo instance", "")]).await?;
        self.waits("roles do not appear", |me| {
            me.asker().open_view().is_some_and(|view| view.labels().contains(&"Role"))
        })
        .await?;
        let fields = [
            ("First name", "Svc"),
            ("Last name", last),
            ("Reason", reason),
            ("Access expiration", end),
            ("Role", "API Only"),
            ("Workspace", ""),
        ];
        self.fills(&fields).await
    }

    async fn submits(&self) -> Result<bool, ScenarioError> {
        self.tells(&format!("{} presses Request", self.asks.real_name), &self.asks, fixtures::OPS).await;
        let submitted = self.asker().submits().await?;
        submitted.reply.error.map_or(Ok(submitted.closed), |error| Err(ScenarioError::Reply(error)))
    }

    async fn requests(&self, email: &str) -> Result<(), ScenarioError> {
        self.opens(email).await?;
        let (last, reason) = match email {
            CRM => ("Crm Sync", "Nightly sync of leads from the CRM."),
            _ => ("Webinars", "Attendee lists after each webinar."),
        };
        self.fills_all(last, reason, &self.day(60)).await?;
        if !self.submits().await? {
            return Err(ScenarioError::NotSo("the form is refused"));
        }
        self.sees_card().await
    }

    async fn slips_and_corrects(&self) -> Result<(), ScenarioError> {
        self.opens(CRM).await?;
        self.fills_all("Crm Sync", "Nightly sync of leads from the CRM.", &self.day(-300)).await?;
        if self.submits().await? {
            return Err(ScenarioError::NotSo("a date in the past is not refused"));
        }
        let name = &self.asks.real_name;
        self.tells(&format!("{name} reads what is wrong, and corrects the date"), &self.asks, fixtures::OPS)
            .await;
        self.fills(&[("Access expiration", &self.day(60))]).await?;
        if !self.submits().await? {
            return Err(ScenarioError::NotSo("the corrected form is refused"));
        }
        self.sees_card().await
    }

    async fn sees_card(&self) -> Result<(), ScenarioError> {
        if !self.is_decided {
            return Ok(());
        }
        self.waits("no card appears", |me| me.card("Approve").is_some()).await?;
        if let Some(card) = self.card("Approve") {
            let who = self.decide.first().unwrap_or(&self.asks);
            self.tells("A card appears where approvers decide", who, &card.channel).await;
        }
        Ok(())
    }

    async fn tries_own(&self) -> Result<(), ScenarioError> {
        let card = self.card("Approve").ok_or(ScenarioError::NotSo("there is no card"))?;
        let name = &self.asks.real_name;
        self.tells(&format!("{name} presses Approve on the own request"), &self.asks, &card.channel).await;
        self.asker().clicks(&card, "Approve").await?;
        self.waits("nobody says why not", |me| !me.scene.slack.ephemerals_for(&me.asks.id).is_empty()).await
    }

    async fn approves(&self) -> Result<(), ScenarioError> {
        for who in &self.decide {
            let Some(card) = self.card("Approve") else { break };
            self.tells(&format!("{} presses Approve", who.real_name), who, &card.channel).await;
            self.scene.person(&who.id).clicks(&card, "Approve").await?;
            self.waits("nothing follows", |me| {
                me.scene.slack.channel(&card.channel).iter().any(|m| m.ts == card.ts && *m != card)
            })
            .await?;
        }
        self.waits("no user is created", |me| !me.is_created_nowhere()).await?;
        self.waits("the new user is not handed over", |me| !me.scene.slack.channel(fixtures::OPS).is_empty())
            .await?;
        self.tells(
            "The new user is in Marketo, and is handed over where it was asked for",
            &self.asks,
            fixtures::OPS,
        )
        .await;
        Ok(())
    }

    async fn denies(&self) -> Result<(), ScenarioError> {
        let card = self.card("Deny").ok_or(ScenarioError::NotSo("there is no card"))?;
        let who = self.decide.first().ok_or(ScenarioError::NotSo("nobody may decide"))?;
        let person = self.scene.person(&who.id);
        self.tells(&format!("{} presses Deny", who.real_name), who, &card.channel).await;
        person.clicks(&card, "Deny").await?;
        person.sees_modal().await?;
        person.fills(&[("Reason", DENIAL)]).await?;
        self.tells(&format!("{} gives a reason", who.real_name), who, &card.channel).await;
        person.submits().await?;
        self.waits("the card keeps its buttons", |me| me.card("Deny").is_none()).await?;
        let direct =
            self.scene.slack.dm(&self.asks.id).pop().map(|message| message.channel).unwrap_or_default();
        self.tells(&format!("{} reads why", self.asks.real_name), &self.asks, &direct).await;
        Ok(())
    }

    /// Marketo makes the user, its answer is lost, and the bot dies before it can look.
    async fn crashes(&self) -> Result<(), ScenarioError> {
        let card = self.card("Approve").ok_or(ScenarioError::NotSo("there is no card"))?;
        for (_, marketo) in &self.scene.marketos {
            marketo.faults().script("invite", Fault::AppliedThenCut);
        }
        for who in &self.decide {
            let Some(card) = self.card("Approve") else { break };
            self.tells(&format!("{} presses Approve", who.real_name), who, &card.channel).await;
            self.scene.person(&who.id).clicks(&card, "Approve").await?;
            self.waits("nothing follows", |me| me.card("Approve").is_none_or(|now| now != card)).await?;
        }
        self.waits("no invite is sent", |me| !me.is_created_nowhere()).await?;
        self.session.kill().await;
        let who = self.decide.first().unwrap_or(&self.asks);
        self.tells("Marketo made the user, its answer was lost, and the bot is killed", who, &card.channel)
            .await;
        self.session.start().await;
        self.tells("The bot is started again on the same database; a minute passes", who, &card.channel)
            .await;
        self.session.travel(Duration::from_secs(60)).await;
        let announced = |me: &Self| !me.scene.slack.channel(fixtures::OPS).is_empty();
        self.waits("the bot does not find the user", announced).await?;
        self.tells("The bot found the user: it is there once", &self.asks, fixtures::OPS).await;
        if self.scene.marketos.iter().map(|(_, marketo)| marketo.invites()).sum::<usize>() != 1 {
            return Err(ScenarioError::NotSo("there is more than one user"));
        }
        Ok(())
    }

    fn is_created_nowhere(&self) -> bool {
        self.scene.marketos.iter().all(|(_, marketo)| marketo.invites() == 0)
    }

    /// The newest message in a channel that has this button.
    fn card(&self, label: &str) -> Option<SimMessage> {
        let slack = &self.scene.slack;
        let channels = slack.setup().channels;
        let messages = channels.iter().flat_map(|channel| slack.channel(&channel.id));
        let has = |message: &SimMessage| {
            let blocks = message.blocks.as_array().into_iter().flatten();
            blocks.flat_map(inputs::elements).any(|element| element["text"]["text"] == label)
        };
        messages.filter(has).max_by(|a, b| a.ts.cmp(&b.ts))
    }

    async fn waits(
        &self,
        otherwise: &'static str,
        appears: impl Fn(&Self) -> bool,
    ) -> Result<(), ScenarioError> {
        for _ in 0..LOOKS.0 {
            if appears(self) {
                return Ok(());
            }
            Clock::system().sleep(LOOKS.1).await;
        }
        Err(ScenarioError::NotSo(otherwise))
    }

    /// A day so many days from now.
    fn day(&self, days: i32) -> String {
        let today = self.scene.clock.now().to_zoned(TimeZone::UTC).date();
        today.saturating_add(days.days()).to_string()
    }
}
