//! Clicked buttons on cards, on direct messages and in modals. A button carries the request's id and revision, and nothing
//! that is trusted. What a form behind a button is made of, is not known here.

mod instance_select;

use serde_json::json;

use super::{
    ack::Ack,
    delivery::Delivery,
    dependencies::{AppState, BEFORE_MODAL},
    views::{
        edit,
        review::{self, ReviewMetadata},
    },
};
use crate::{
    domain::{
        delivery::{AckRecord, DeliveryKey},
        event::Action,
        people::{ChannelId, RequestId, UserId},
        request::Request,
    },
    slack::{
        ids,
        inbound::{Action as BlockAction, ActionId, BlockActions},
        messages::Message,
        replies,
        views::{self, Modal},
    },
    workflow::{ActionCommand, ActionOutcome},
};

/// A click on one of our buttons.
struct Button {
    request: RequestId,
    /// The revision of it that they saw.
    revision: i64,
    by: UserId,
    channel: ChannelId,
    key: DeliveryKey,
    trigger_id: String,
    response_url: String,
    /// Whether it is in the form of a review, on top of which another form is put.
    is_in_review: bool,
}

/// Takes clicked buttons, or an instance that was selected in a form.
pub(super) async fn handle(
    app: &AppState,
    actions: &BlockActions,
    key: Option<DeliveryKey>,
    delivery: Delivery,
) -> Ack {
    if let Some((form, select)) = actions.instance_select() {
        return instance_select::handle(app, actions, form, select, key, delivery);
    }
    let Some((press, button)) = actions.button().and_then(|action| press_of(actions, action)) else {
        return Ack::empty("not_handled");
    };
    let form = match press {
        Action::OpenDenial => Some("deny_form"),
        Action::OpenReview => Some("review_form"),
        Action::OpenEdit => Some("edit_form"),
        _ => None,
    };
    if let Some(form) = form {
        if delivery == Delivery::Repeated {
            return Ack::empty("repeated");
        }
        app.spawn(open_form(app.clone(), button, press));
        return Ack::empty(form);
    }
    match app.press(button.pressed(press), |_| None).await {
        Ok(ActionOutcome::Accepted(_)) => Ack::empty("accepted"),
        Ok(ActionOutcome::Deferred) => Ack::empty("deferred"),
        Ok(ActionOutcome::Repeated(first)) => Ack::repeated(first),
        Ok(ActionOutcome::Refused(refused)) => {
            button.refuse(app, replies::refusal(&refused.why, &refused.approvers, &button.by));
            Ack::empty("refused")
        }
        Err(error) => {
            tracing::error!(request = %button.request, %error, "a click could not be saved");
            button.refuse(app, replies::try_again());
            // Not an empty ack: that would promise that the click is saved.
            Ack::unavailable("store_failed", None)
        }
    }
}

/// Asks Slack whether whoever clicked may decide on the request, if that is not known and as long as a modal can wait.
async fn learn_deciders(app: &AppState, button: &Button) {
    let learn = async {
        if let Ok(Some(request)) = app.workflow.request(&button.request).await {
            app.people.refresh_if_stale(&button.by, &app.workflow.policy().approvers(&request)).await;
        }
    };
    if tokio::time::timeout(BEFORE_MODAL, learn).await.is_err() {
        tracing::warn!(request = %button.request, "it could not be found out in time who may decide");
    }
}

fn press_of(actions: &BlockActions, action: &BlockAction) -> Option<(Action, Button)> {
    let button = Button::read(actions, action);
    let press = match action.id {
        ActionId::Approve => Action::approves(button.revision),
        ActionId::Review => Action::OpenReview,
        ActionId::Deny | ActionId::DenyInReview => Action::OpenDenial,
        ActionId::Edit => Action::OpenEdit,
        ActionId::Cancel => Action::Cancel,
        ActionId::Retry => Action::Retry,
        ActionId::Input | ActionId::Unknown(_) => return None,
    };
    Some((press, button))
}

impl Button {
    fn read(actions: &BlockActions, action: &BlockAction) -> Self {
        let interaction = &actions.interaction;
        // A button in a modal comes from no conversation; the card to which a review belongs stands in one.
        let is_in_review = action.id == ActionId::DenyInReview;
        let form = actions.view.as_ref().filter(|_| is_in_review);
        let review: Option<ReviewMetadata> =
            form.and_then(|form| serde_json::from_str(&form.private_metadata).ok());
        let channel = review.map_or_else(|| interaction.channel.clone(), |review| review.channel);
        let (request, revision) = ids::read_button_value(&action.value);
        Self {
            request,
            revision,
            by: interaction.user.clone(),
            channel,
            key: actions.button_key(action),
            trigger_id: interaction.trigger_id.clone(),
            response_url: interaction.response_url.clone(),
            is_in_review,
        }
    }

    fn pressed(&self, press: Action) -> ActionCommand {
        ActionCommand {
            key: self.key.clone(),
            ack: AckRecord::Empty,
            request: self.request.clone(),
            by: self.by.clone(),
            action: press,
            answer_in: self.channel.clone(),
        }
    }

    /// The form behind this button.
    async fn form(&self, app: &AppState, request: &Request, press: &Action) -> Modal {
        match press {
            Action::OpenReview => review::modal(app, request, &self.channel).await,
            Action::OpenEdit => edit::modal(app, request, &self.channel).await,
            _ => {
                let (id, channel) = (&request.id, &self.channel);
                let metadata =
                    json!({"v": 1, "request": id, "channel": channel, "is_in_review": self.is_in_review});
                views::deny_modal(request, &metadata.to_string())
            }
        }
    }

    fn refuse(&self, app: &AppState, message: Message) {
        app.post_ephemeral(&self.channel, &self.by, &self.response_url, message);
    }
}

/// Opens the form behind a button, for whoever may use it.
async fn open_form(app: AppState, button: Button, press: Action) {
    if press != Action::OpenEdit {
        learn_deciders(&app, &button).await;
    }
    let message = match app.press(button.pressed(press.clone()), |_| None).await {
        Ok(ActionOutcome::Accepted(request)) => {
            let view = button.form(&app, &request, &press).await;
            let opened = if button.is_in_review {
                app.slack.push_view(&button.trigger_id, &view).await
            } else {
                app.slack.open_view(&button.trigger_id, &view).await
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
        Ok(ActionOutcome::Deferred | ActionOutcome::Repeated(_)) => return,
        Err(error) => {
            tracing::error!(request = %button.request, %error, "a click could not be looked at");
            replies::try_again()
        }
    };
    button.refuse(&app, message);
}
