//! Buttons on cards and direct messages. A button carries the request's id and nothing else that is trusted.

use axum::http::StatusCode;
use serde_json::json;

use super::{ANSWER_WITHIN, BEFORE_MODAL, Edge, answer::Answer};
use crate::{
    domain::{
        event::Press,
        people::{ChannelId, RequestId, UserId},
    },
    engine::{Outcome, Pressed, StoreError},
    slack::{
        ids,
        inbound::{Action, Interaction},
        views::{self, Message},
        words,
    },
};

/// A press of one of our buttons.
struct Button {
    request: RequestId,
    /// The revision of it that they saw.
    revision: i64,
    by: UserId,
    channel: ChannelId,
    key: String,
    trigger_id: String,
    response_url: String,
}

pub(super) async fn take(edge: &Edge, interaction: &Interaction, is_first: bool) -> Answer {
    let ours = interaction.actions.iter().find_map(|action| press_of(interaction, action));
    let Some((press, button)) = ours else { return Answer::empty("not_handled") };
    if press == Press::AskToDeny {
        if is_first {
            edge.tasks.spawn(open_denial(edge.clone(), button));
        }
        return Answer::empty("deny_form");
    }
    match edge.press(button.pressed(press)).await {
        Ok(Outcome::Counted(_)) => Answer::empty("counted"),
        Ok(Outcome::Deferred) => Answer::empty("deferred"),
        Ok(Outcome::Repeated) => Answer::empty("repeated"),
        Ok(Outcome::Refused(refused)) => {
            button.refused(edge, words::refusal(&refused.why, &refused.deciders, &button.by));
            Answer::empty("refused")
        }
        Err(error) => {
            tracing::error!(request = %button.request, %error, "a press could not be kept");
            button.refused(edge, words::try_again());
            // Not 200: that would promise that the press is kept.
            Answer::status("store_failed", StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

impl Edge {
    /// As [`crate::engine::Engine::press`], in time for an answer. A press that is given up may count nevertheless.
    pub(super) async fn press(&self, pressed: Pressed) -> Result<Outcome, StoreError> {
        let pressing = tokio::time::timeout(ANSWER_WITHIN, self.engine.press(pressed));
        pressing.await.unwrap_or(Err(StoreError::TimedOut))
    }

    /// Asks Slack whether whoever pressed may decide on the request, if that is not known and as long as a modal can
    /// wait.
    async fn learn_deciders(&self, button: &Button) {
        let learn = async {
            if let Ok(Some(request)) = self.engine.store().request(&button.request).await {
                self.people.learn(&button.by, &self.engine.policy().deciders(&request)).await;
            }
        };
        if tokio::time::timeout(BEFORE_MODAL, learn).await.is_err() {
            tracing::warn!(request = %button.request, "it could not be found out in time who may decide");
        }
    }
}

fn press_of(interaction: &Interaction, action: &Action) -> Option<(Press, Button)> {
    let button = Button::read(interaction, action);
    let press = match action.action_id.as_str() {
        ids::APPROVE => Press::approves(button.revision),
        ids::DENY => Press::AskToDeny,
        ids::CANCEL => Press::Cancel,
        ids::RETRY => Press::Retry,
        _ => return None,
    };
    Some((press, button))
}

impl Button {
    fn read(interaction: &Interaction, action: &Action) -> Self {
        let Interaction { user, container, channel, trigger_id, .. } = interaction;
        let channel = if channel.id.is_empty() { &container.channel_id } else { &channel.id };
        // A step of a workflow may press without a trigger; the time of the press is unique as well.
        let key = if trigger_id.is_empty() {
            format!("press:{}:{}:{}", container.message_ts, action.action_ts, user.id)
        } else {
            format!("press:{trigger_id}")
        };
        let (request, revision) = ids::read_button_value(&action.value);
        Self {
            request,
            revision,
            by: UserId(user.id.clone()),
            channel: ChannelId(channel.clone()),
            key,
            trigger_id: trigger_id.clone(),
            response_url: interaction.response_url.clone(),
        }
    }

    fn pressed(&self, press: Press) -> Pressed {
        Pressed {
            key: self.key.clone(),
            request: self.request.clone(),
            by: self.by.clone(),
            press,
            answer_in: self.channel.clone(),
        }
    }

    fn refused(&self, edge: &Edge, message: Message) {
        edge.whisper(self.channel.as_str(), self.by.as_str(), &self.response_url, message);
    }
}

/// Opens the form for a denial, for whoever may deny.
async fn open_denial(edge: Edge, button: Button) {
    edge.learn_deciders(&button).await;
    let message = match edge.press(button.pressed(Press::AskToDeny)).await {
        Ok(Outcome::Counted(request)) => {
            let metadata = json!({"v": 1, "request": button.request, "channel": button.channel}).to_string();
            let view = views::deny_modal(&request, &metadata);
            match edge.slack.open_view(&button.trigger_id, &view).await {
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(request = %button.request, %error, "the form for a denial did not open");
                    words::no_modal()
                }
            }
        }
        Ok(Outcome::Refused(refused)) => words::refusal(&refused.why, &refused.deciders, &button.by),
        Ok(Outcome::Deferred | Outcome::Repeated) => return,
        Err(error) => {
            tracing::error!(request = %button.request, %error, "a press could not be looked at");
            words::try_again()
        }
    };
    button.refused(&edge, message);
}
