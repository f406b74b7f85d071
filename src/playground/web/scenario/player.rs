//! The player of a scenario: who requests and approves, and the steps that scenarios share. It must not know which
//! scenarios there are.

use std::{sync::Arc, time::Duration};

use jiff::{ToSpan, tz::TimeZone};

use super::{
    super::session::{ActivePlayground, Session, StatusLine},
    Scenario, ScenarioError,
};
use crate::{
    clock::Clock,
    playground::{fixtures, policy_fixture},
    sim::{
        slack::{SimMessage, SimUser, inputs},
        user::User,
    },
};

/// The pause after each step.
const STEP_PAUSE: Duration = Duration::from_millis(900);
/// How often a condition is checked before the scenario fails.
const POLLS: usize = 400;
/// The time between two checks, in real time.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// Acts as the requester and the approvers.
pub(super) struct Player {
    pub(super) session: Arc<Session>,
    pub(super) active: Arc<ActivePlayground>,
    scenario: &'static Scenario,
    pause: Duration,
    pub(super) requester: SimUser,
    pub(super) approvers: Vec<SimUser>,
    pub(super) needs_approval: bool,
}

impl Player {
    pub(super) fn new(
        session: Arc<Session>,
        active: Arc<ActivePlayground>,
        scenario: &'static Scenario,
        is_quick: bool,
    ) -> Self {
        let (setup, policy) = (active.slack.setup(), active.policy.clone());
        let members: Vec<SimUser> = fixtures::people(&setup)
            .filter(|user| !user.is_restricted && user.team_id.is_none())
            .cloned()
            .collect();
        let can_request = |user: &&SimUser| {
            policy.requesters.is_empty() || policy_fixture::is_among(&setup, &user.id, &policy.requesters)
        };
        let requester = members.iter().find(can_request).or(members.first()).cloned().unwrap_or_default();
        let principals = policy_fixture::approvers(&policy);
        let can_approve = |user: &&SimUser| {
            user.id != requester.id && policy_fixture::is_among(&setup, &user.id, principals.iter().copied())
        };
        let approvers = members.iter().filter(can_approve).cloned().collect();
        let pause = if is_quick { Duration::ZERO } else { STEP_PAUSE };
        let needs_approval = !principals.is_empty();
        Self { session, active, scenario, pause, requester, approvers, needs_approval }
    }

    pub(super) async fn announce(&self, text: &str, user: &SimUser, channel: &str) {
        let view = Some((user.id.clone(), channel.to_owned()));
        let status_line = StatusLine { running: Some(self.scenario.name), text: text.to_owned(), view };
        self.active.update_ui(|ui| ui.status_line = status_line);
        Clock::system().sleep(self.pause).await;
    }

    pub(super) fn requester(&self) -> User {
        self.active.person(&self.requester.id)
    }

    pub(super) async fn open_form(&self, email: &str) -> Result<(), ScenarioError> {
        let name = &self.requester.real_name;
        self.announce(&format!("{name} types /marketo-api-user {email}"), &self.requester, fixtures::OPS)
            .await;
        let reply = self.requester().types(fixtures::OPS, &format!("/marketo-api-user {email}")).await;
        reply.error.map_or(Ok(()), |error| Err(ScenarioError::Reply(error)))?;
        self.wait_until("the form does not show all fields", |player| {
            player.requester().open_view().is_some_and(|view| view.labels().contains(&"Role"))
        })
        .await
    }

    pub(super) async fn fill(&self, values: &[(&str, &str)]) -> Result<(), ScenarioError> {
        let requester = self.requester();
        for &(label, wanted) in values {
            let Some(view) = requester.open_view() else {
                return Err(ScenarioError::Unexpected("the form is gone"));
            };
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
                "external_select"
                    if wanted.is_empty() || requester.fills(&[(label, wanted)]).await.is_err() =>
                {
                    let offered = requester.asks_options(label, "").await?;
                    offered.texts().first().copied().unwrap_or_default().to_owned()
                }
                _ => wanted.to_owned(),
            };
            if !chosen.is_empty() {
                requester.fills(&[(label, &chosen)]).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn fill_form(&self, last: &str, reason: &str, end: &str) -> Result<(), ScenarioError> {
        let name = &self.requester.real_name;
        self.announce(&format!("{name} fills in the form"), &self.requester, fixtures::OPS).await;
        self.fill(&[("Marketo instance", "")]).await?;
        self.wait_until("roles do not appear", |player| {
            player.requester().open_view().is_some_and(|view| view.labels().contains(&"Role"))
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
        self.fill(&fields).await
    }

    pub(super) async fn submit(&self) -> Result<bool, ScenarioError> {
        self.announce(
            &format!("{} clicks Request", self.requester.real_name),
            &self.requester,
            fixtures::OPS,
        )
        .await;
        let submitted = self.requester().submits().await?;
        submitted.reply.error.map_or(Ok(submitted.closed), |error| Err(ScenarioError::Reply(error)))
    }

    pub(super) fn has_no_invite(&self) -> bool {
        self.active.marketos.iter().all(|(_, marketo)| marketo.invites() == 0)
    }

    /// The newest message in a channel that has this button.
    pub(super) fn card(&self, label: &str) -> Option<SimMessage> {
        let slack = &self.active.slack;
        let channels = slack.setup().channels;
        let messages = channels.iter().flat_map(|channel| slack.channel(&channel.id));
        let has_button = |message: &SimMessage| {
            let blocks = message.blocks.as_array().into_iter().flatten();
            blocks.flat_map(inputs::elements).any(|element| element["text"]["text"] == label)
        };
        messages.filter(has_button).max_by(|a, b| a.ts.cmp(&b.ts))
    }

    pub(super) async fn wait_until(
        &self,
        failure: &'static str,
        condition: impl Fn(&Self) -> bool,
    ) -> Result<(), ScenarioError> {
        for _ in 0..POLLS {
            if condition(self) {
                return Ok(());
            }
            Clock::system().sleep(POLL_INTERVAL).await;
        }
        Err(ScenarioError::Unexpected(failure))
    }

    /// The date `days` days from now.
    pub(super) fn date(&self, days: i32) -> String {
        let today = self.active.clock.now().to_zoned(TimeZone::UTC).date();
        today.saturating_add(days.days()).to_string()
    }
}
