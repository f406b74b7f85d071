//! Buttons on cards, on direct messages and in modals. A button carries the request's id and revision, and nothing that
//! is trusted. What a form behind a button is made of, is not known here.

use axum::http::StatusCode;
use serde_json::json;

use super::{
    ANSWER_WITHIN, BEFORE_MODAL, Edge,
    answer::Answer,
    edits,
    reviews::{self, ReviewMetadata},
};
use crate::{
    domain::{
        event::Action,
        people::{ChannelId, RequestId, UserId},
        request::Request,
    },
    slack::{
        ids,
        inbound::{Action as BlockAction, Interaction},
        messages::Message,
        replies,
        views::{self, Modal},
    },
    workflow::{ActionCommand, ActionOutcome, StoreError},
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
    /// Whether it is in the form of a review, on top of which another form is put.
    is_in_review: bool,
}

pub(super) async fn take(edge: &Edge, interaction: &Interaction, is_first: bool) -> Answer {
    let ours = interaction.actions.iter().find_map(|action| press_of(interaction, action));
    let Some((press, button)) = ours else { return Answer::empty("not_handled") };
    let form = match press {
        Action::OpenDenial => Some("deny_form"),
        Action::OpenReview => Some("review_form"),
        Action::OpenEdit => Some("edit_form"),
        _ => None,
    };
    if let Some(form) = form {
        if is_first {
            edge.tasks.spawn(open_form(edge.clone(), button, press));
        }
        return Answer::empty(form);
    }
    match edge.press(button.pressed(press)).await {
        Ok(ActionOutcome::Accepted(_)) => Answer::empty("counted"),
        Ok(ActionOutcome::Deferred) => Answer::empty("deferred"),
        Ok(ActionOutcome::Repeated) => Answer::empty("repeated"),
        Ok(ActionOutcome::Refused(refused)) => {
            button.refused(edge, replies::refusal(&refused.why, &refused.approvers, &button.by));
            Answer::empty("refused")
        }
        Err(error) => {
            tracing::error!(request = %button.request, %error, "a press could not be kept");
            button.refused(edge, replies::try_again());
            // Not 200: that would promise that the press is kept.
            Answer::status("store_failed", StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

impl Edge {
    /// As [`crate::workflow::Workflow::handle_action`], in time for an answer. A press that is given up may count nevertheless.
    pub(super) async fn press(&self, pressed: ActionCommand) -> Result<ActionOutcome, StoreError> {
        let pressing = tokio::time::timeout(ANSWER_WITHIN, self.engine.handle_action(pressed));
        pressing.await.unwrap_or(Err(StoreError::TimedOut))
    }

    /// Asks Slack whether whoever pressed may decide on the request, if that is not known and as long as a modal can
    /// wait.
    async fn learn_deciders(&self, button: &Button) {
        let learn = async {
            if let Ok(Some(request)) = self.engine.store().request(&button.request).await {
                self.people.refresh_if_stale(&button.by, &self.engine.policy().deciders(&request)).await;
            }
        };
        if tokio::time::timeout(BEFORE_MODAL, learn).await.is_err() {
            tracing::warn!(request = %button.request, "it could not be found out in time who may decide");
        }
    }
}

fn press_of(interaction: &Interaction, action: &BlockAction) -> Option<(Action, Button)> {
    let button = Button::read(interaction, action);
    let press = match action.action_id.as_str() {
        ids::APPROVE => Action::approves(button.revision),
        ids::REVIEW => Action::OpenReview,
        ids::DENY | ids::DENY_IN_REVIEW => Action::OpenDenial,
        ids::EDIT => Action::OpenEdit,
        ids::CANCEL => Action::Cancel,
        ids::RETRY => Action::Retry,
        _ => return None,
    };
    Some((press, button))
}

impl Button {
    fn read(interaction: &Interaction, action: &BlockAction) -> Self {
        let Interaction { user, container, channel, trigger_id, .. } = interaction;
        let channel = if channel.id.is_empty() { &container.channel_id } else { &channel.id };
        // A button in a modal comes from no conversation; the card to which a review belongs stands in one.
        let is_in_review = action.action_id == ids::DENY_IN_REVIEW;
        let review: Option<ReviewMetadata> =
            is_in_review.then(|| serde_json::from_str(&interaction.view.private_metadata).ok()).flatten();
        let channel = review.map_or_else(|| ChannelId(channel.clone()), |review| review.channel);
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
            channel,
            key,
            trigger_id: trigger_id.clone(),
            response_url: interaction.response_url.clone(),
            is_in_review,
        }
    }

    fn pressed(&self, press: Action) -> ActionCommand {
        ActionCommand {
            key: self.key.clone(),
            request: self.request.clone(),
            by: self.by.clone(),
            action: press,
            answer_in: self.channel.clone(),
        }
    }

    /// The form behind this button.
    async fn form(&self, edge: &Edge, request: &Request, press: &Action) -> Modal {
        match press {
            Action::OpenReview => reviews::modal(edge, request, &self.channel).await,
            Action::OpenEdit => edits::modal(edge, request, &self.channel).await,
            _ => {
                let (id, channel) = (&request.id, &self.channel);
                let metadata =
                    json!({"v": 1, "request": id, "channel": channel, "is_in_review": self.is_in_review});
                views::deny_modal(request, &metadata.to_string())
            }
        }
    }

    fn refused(&self, edge: &Edge, message: Message) {
        edge.whisper(self.channel.as_str(), self.by.as_str(), &self.response_url, message);
    }
}

/// Opens the form behind a button, for whoever may use it.
async fn open_form(edge: Edge, button: Button, press: Action) {
    if press != Action::OpenEdit {
        edge.learn_deciders(&button).await;
    }
    let message = match edge.press(button.pressed(press.clone())).await {
        Ok(ActionOutcome::Accepted(request)) => {
            let view = button.form(&edge, &request, &press).await;
            let opened = if button.is_in_review {
                edge.slack.push_view(&button.trigger_id, &view).await
            } else {
                edge.slack.open_view(&button.trigger_id, &view).await
            };
            match opened {
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(request = %button.request, %error, "a form did not open");
                    replies::modal_failed()
                }
            }
        }
        Ok(ActionOutcome::Refused(refused)) => replies::refusal(&refused.why, &refused.approvers, &button.by),
        Ok(ActionOutcome::Deferred | ActionOutcome::Repeated) => return,
        Err(error) => {
            tracing::error!(request = %button.request, %error, "a press could not be looked at");
            replies::try_again()
        }
    };
    button.refused(&edge, message);
}
