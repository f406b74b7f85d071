//! Clicks on buttons of cards, direct messages and modals. The value of a button is the request's id and revision, and grants
//! no right. It must not know the content of the forms that buttons open.

mod instance_select;

use serde_json::json;

use super::{
    ack::Ack,
    delivery::Delivery,
    dependencies::{AppState, PRE_MODAL_TIMEOUT},
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

/// A click on one of the bot's buttons.
struct Click {
    request: RequestId,
    /// The revision that the message showed.
    revision: i64,
    by: UserId,
    channel: ChannelId,
    key: DeliveryKey,
    trigger_id: String,
    response_url: String,
    /// The message with the button; `None` in a form.
    message: Option<(ChannelId, String)>,
    /// Whether the button is in a review form, on which another form is stacked.
    is_in_review: bool,
}

/// Handles a clicked button or an instance select.
pub(super) async fn handle(
    app: &AppState,
    actions: &BlockActions,
    key: Option<DeliveryKey>,
    delivery: Delivery,
) -> Ack {
    if let Some((form, select)) = actions.instance_select() {
        return instance_select::handle(app, actions, form, select, key, delivery);
    }
    let Some((action, click)) = actions.button().and_then(|button| parse_click(actions, button)) else {
        return Ack::empty("not_handled");
    };
    let form = match action {
        Action::OpenDenial => Some("deny_form"),
        Action::OpenReview => Some("review_form"),
        Action::OpenEdit => Some("edit_form"),
        _ => None,
    };
    if let Some(form) = form {
        if delivery == Delivery::Repeated {
            return Ack::empty("repeated");
        }
        app.spawn(open_form(app.clone(), click, action));
        return Ack::empty(form);
    }
    match app.run_action(click.command(action), |_| None).await {
        Ok(ActionOutcome::Accepted(_)) => Ack::empty("accepted"),
        Ok(ActionOutcome::Deferred) => Ack::empty("deferred"),
        Ok(ActionOutcome::Repeated(first)) => Ack::repeated(first),
        Ok(ActionOutcome::Refused(refused)) => {
            click.post_ephemeral(app, replies::refusal(&refused.why, &refused.approvers, &click.by));
            Ack::empty("refused")
        }
        Err(error) => {
            tracing::error!(request = %click.request, %error, "action not saved");
            click.post_ephemeral(app, replies::try_again());
            // Not an empty ack, which would promise that the action is saved.
            Ack::unavailable("store_failed", None)
        }
    }
}

/// Refreshes whether the user is among the request's approvers, as long as a modal can wait.
async fn refresh_approvers(app: &AppState, click: &Click) {
    let refresh = async {
        if let Ok(Some(request)) = app.workflow.request(&click.request).await {
            let approvers = app.workflow.policy().approvers(app.clock.now(), &request);
            app.membership.refresh_if_stale(&click.by, &approvers).await;
        }
    };
    if tokio::time::timeout(PRE_MODAL_TIMEOUT, refresh).await.is_err() {
        tracing::warn!(request = %click.request, "refreshing approvers timed out");
    }
}

fn parse_click(actions: &BlockActions, button: &BlockAction) -> Option<(Action, Click)> {
    let click = Click::new(actions, button);
    let action = match button.id {
        ActionId::Approve => Action::approves(click.revision),
        ActionId::Review => Action::OpenReview,
        ActionId::Deny | ActionId::DenyInReview => Action::OpenDenial,
        ActionId::Edit => Action::OpenEdit,
        ActionId::Cancel => Action::Cancel,
        ActionId::Retry => Action::Retry,
        ActionId::Input | ActionId::Unknown(_) => return None,
    };
    Some((action, click))
}

impl Click {
    fn new(actions: &BlockActions, button: &BlockAction) -> Self {
        let interaction = &actions.interaction;
        // A click in a modal has no channel; a review form keeps that of its card in its metadata.
        let is_in_review = button.id == ActionId::DenyInReview;
        let form = actions.view.as_ref().filter(|_| is_in_review);
        let review: Option<ReviewMetadata> =
            form.and_then(|form| serde_json::from_str(&form.private_metadata).ok());
        let channel = review.map_or_else(|| interaction.channel.clone(), |review| review.channel);
        let (request, revision) = ids::read_button_value(&button.value);
        let is_in_message = !actions.message_ts.is_empty() && !interaction.channel.as_str().is_empty();
        let message = is_in_message.then(|| (interaction.channel.clone(), actions.message_ts.clone()));
        Self {
            request,
            revision,
            by: interaction.user.clone(),
            channel,
            key: actions.button_key(button),
            trigger_id: interaction.trigger_id.clone(),
            response_url: interaction.response_url.clone(),
            message,
            is_in_review,
        }
    }

    fn command(&self, action: Action) -> ActionCommand {
        ActionCommand {
            key: self.key.clone(),
            ack: AckRecord::Empty,
            request: self.request.clone(),
            by: self.by.clone(),
            action,
            answer_in: self.channel.clone(),
            answer_url: self.response_url.clone(),
            clicked: self.message.clone(),
        }
    }

    /// The form that `action` opens.
    async fn form(&self, app: &AppState, request: &Request, action: &Action) -> Modal {
        match action {
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

    fn post_ephemeral(&self, app: &AppState, message: Message) {
        app.post_ephemeral(&self.channel, &self.by, &self.response_url, message);
    }
}

/// Opens the form of a button if the workflow allows the action.
async fn open_form(app: AppState, click: Click, action: Action) {
    if action != Action::OpenEdit {
        refresh_approvers(&app, &click).await;
    }
    let message = match app.run_action(click.command(action.clone()), |_| None).await {
        Ok(ActionOutcome::Accepted(request)) => {
            let view = click.form(&app, &request, &action).await;
            let opened = if click.is_in_review {
                app.slack.push_view(&click.trigger_id, &view).await
            } else {
                app.slack.open_view(&click.trigger_id, &view).await
            };
            match opened {
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(request = %click.request, %error, "form not opened");
                    replies::modal_failed()
                }
            }
        }
        Ok(ActionOutcome::Refused(refused)) => replies::refusal(&refused.why, &refused.approvers, &click.by),
        Ok(ActionOutcome::Deferred | ActionOutcome::Repeated(_)) => return,
        Err(error) => {
            tracing::error!(request = %click.request, %error, "action not checked");
            replies::try_again()
        }
    };
    click.post_ephemeral(&app, message);
}
