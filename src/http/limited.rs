//! What is done about those who do too much at once: they are told so in words, and nothing is carried out. It decides
//! by how often a person and a workspace came, never by what they ask for.

use axum::http::StatusCode;

use super::{
    Edge,
    answer::Answer,
    body::Signed,
    rates::{Rate, Reached},
};
use crate::{
    config::Limits,
    slack::{
        form_errors, ids,
        inbound::{Interaction, SlashCommand},
        replies,
    },
};

const LIMITED: &str = "limited";

/// What each person and each workspace may have done.
#[derive(Debug)]
pub(super) struct Shares {
    of_person: Rate,
    of_team: Rate,
}

impl Shares {
    pub(super) fn new(limits: &Limits) -> Self {
        let (of_person, of_team) = (limits.per_user_per_minute, limits.per_team_per_minute);
        Self { of_person: Rate::new(of_person), of_team: Rate::new(of_team) }
    }
}

impl Edge {
    /// Takes what a person does from their share and their workspace's. What came before is not taken twice.
    fn spend(&self, signed: &Signed, person: &str, teams: &[&str]) -> Result<(), Reached> {
        if !signed.is_first {
            return Ok(());
        }
        let (now, shares) = (self.clock.millis(), &self.0.shares);
        let team = teams.iter().find(|team| !team.is_empty()).copied().unwrap_or_default();
        let spent = shares.of_person.spend(person, now).and_then(|()| shares.of_team.spend(team, now));
        if spent.is_err() {
            self.0.replays.refuse(&signed.fingerprint);
        }
        spent
    }

    /// The answer to a command of somebody who types too many.
    pub(super) fn limited_command(&self, signed: &Signed, command: &SlashCommand<'_>) -> Option<Answer> {
        let teams = [command.team_id.as_ref(), command.enterprise_id.as_ref()];
        self.spend(signed, &command.user_id, &teams).err()?;
        Some(Answer::told(LIMITED, &replies::too_many()))
    }

    /// The answer to an interaction of somebody who does too much. A form stays open and says so; for a press it is not
    /// 200, which would promise that the press is kept, and the person is told once a minute.
    pub(super) fn limited_interaction(&self, signed: &Signed, interaction: &Interaction) -> Option<Answer> {
        let Interaction { user, team, view, enterprise, channel, container, response_url, .. } = interaction;
        let is_form = match interaction.kind.as_str() {
            "view_submission" => true,
            "block_actions" => false,
            _ => return None,
        };
        let teams = [&view.app_installed_team_id, &team.id, &user.team_id, &view.team_id, &enterprise.id];
        let reached = self.spend(signed, &user.id, &teams.map(String::as_str)).err()?;
        if is_form && let Some(block) = field_of(interaction) {
            return Some(Answer::field_errors(LIMITED, [(block, form_errors::TOO_MANY.to_owned())]));
        }
        let channel = if channel.id.is_empty() { &container.channel_id } else { &channel.id };
        if reached.is_news && !channel.is_empty() {
            self.whisper(channel, &user.id, response_url, replies::too_many());
        }
        Some(Answer::later(LIMITED, StatusCode::TOO_MANY_REQUESTS, reached.wait))
    }
}

/// A field of a submitted form beside which something can be said: that for the e-mail, where there is one.
fn field_of(interaction: &Interaction) -> Option<String> {
    let mut blocks: Vec<&str> = interaction.view.state.blocks().collect();
    blocks.sort_by_key(|block| *block != ids::EMAIL);
    blocks.first().map(|block| (*block).to_owned())
}
