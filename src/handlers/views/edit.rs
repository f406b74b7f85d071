//! The form in which a requester changes a request that nobody has decided on: the form of a new request, filled in.
//! Whoever asks for something else has to meet what a new request has to; the rest is decided in the workflow.

use serde::Deserialize;
use serde_json::json;

use super::{form_state::FormState, rejection::Rejection, request::checked};
use crate::{
    directory::membership::Eligibility,
    domain::{
        allowed_options::AllowedOptions,
        change::Change,
        decide::{Refusal, Submission},
        delivery::{AckRecord, DeliveryKey},
        event::{Action, EditedRequest},
        form::{Field, FormInput, FormPreview},
        people::{ChannelId, RequestId},
        policy::RuleContext,
        request::{Request, State},
    },
    handlers::{
        ack::Ack,
        dependencies::{AppState, BEFORE_MODAL},
    },
    slack::{
        form_errors,
        inbound::{BlockId, ViewInteraction},
        replies,
        views::{self, Form, FormLabels, Modal, SelectOptions},
    },
    workflow::{ActionCommand, ActionOutcome, RefusedAction},
};

/// What the bot left in the form when it opened it. The channel in which the command was typed goes by the name that
/// it has in the form of a new request.
#[derive(Deserialize)]
struct EditMetadata {
    request: RequestId,
    /// The revision with which the form was filled in.
    revision: i64,
    /// Where the command was typed.
    channel: ChannelId,
    /// Where refusals are told.
    answer_in: ChannelId,
}

/// The form that changes `request`.
pub(in crate::handlers) async fn modal(app: &AppState, request: &Request, answer_in: &ChannelId) -> Modal {
    let Request { id, revision, requester, origin, .. } = request;
    let Change::CreateUser(user) = &request.change;
    let asker = tokio::time::timeout(BEFORE_MODAL, app.people.requester_now(requester)).await;
    let memberships = match asker {
        Ok(Eligibility::Yes(asker)) => asker.memberships,
        // Rights are checked when it is submitted.
        Ok(Eligibility::No(_) | Eligibility::Unknown) | Err(_) => request.memberships.clone(),
    };
    let names = app.instances.names();
    let known = app.instances.get(&user.instance).or_else(|| app.instances.iter().next());
    let (instance, catalog) = known.map_or(("", None), |instance| (instance.name(), instance.catalog()));
    let policy = app.workflow.policy();
    let offer = catalog.map(|catalog| AllowedOptions::of(policy, &catalog));
    let choices = match &offer {
        Some(offer) => SelectOptions::Offered(offer),
        None if !app.instances.are_several() => {
            return views::unavailable_modal(form_errors::MARKETO_UNAVAILABLE);
        }
        None => SelectOptions::Unavailable,
    };
    let asks = RuleContext { instance, requester, memberships: &memberships, channel: origin };
    let metadata = json!({
        "v": 1, "request": id, "revision": revision, "channel": origin, "answer_in": answer_in
    });
    views::request_modal(&Form {
        labels: FormLabels::EDIT,
        instances: &names,
        instance,
        options: choices,
        preview: &FormPreview::of(policy, &asks),
        initial: &FormInput::of(user, request.reason.as_ref()),
        takes_focus: false,
        metadata: &metadata.to_string(),
    })
}

/// Takes the form. It closes when the change is kept, or when there is nothing left to change.
pub(super) async fn submit(
    app: &AppState,
    submission: &ViewInteraction,
    key: &DeliveryKey,
) -> Result<Ack, Rejection> {
    let metadata = serde_json::from_str(&submission.view.private_metadata);
    let Ok(EditMetadata { request, revision, channel, answer_in }) = metadata else {
        let email = BlockId::input(Field::Email, None);
        return Err(Rejection::beside("outdated", email, form_errors::FORM_OUTDATED));
    };
    let current = app.workflow.request(&request).await?;
    let edited = match (current, checked(app, submission, channel).await) {
        (_, Ok(Submission { change, reason, memberships, .. })) => {
            EditedRequest { revision, change, reason, memberships }
        }
        // A form that comes too late is refused for that, whatever is in it.
        (Some(Request { change, reason, memberships, state, revision: now, .. }), Err(_))
            if now != revision || !matches!(state, State::Pending { .. }) =>
        {
            EditedRequest { revision, change, reason, memberships }
        }
        (_, Err(rejection)) => return Err(rejection),
    };
    let by = &submission.interaction.user;
    let pressed = ActionCommand {
        key: key.clone(),
        ack: AckRecord::Empty,
        request,
        by: by.clone(),
        action: Action::Edit(Box::new(edited)),
        answer_in: answer_in.clone(),
    };
    let errors = |refused: &RefusedAction| errors(app, submission, refused);
    Ok(match app.press(pressed, |refused| errors(refused)?.record()).await? {
        ActionOutcome::Accepted(_) => Ack::empty("accepted"),
        ActionOutcome::Deferred => Ack::empty("deferred"),
        ActionOutcome::Repeated(first) => Ack::repeated(first),
        ActionOutcome::Refused(refused) => errors(&refused).unwrap_or_else(|| {
            app.post_ephemeral(&answer_in, by, "", replies::refusal(&refused.why, &refused.approvers, by));
            Ack::empty("refused")
        }),
    })
}

/// What stands beside a field; nothing where nothing that could be typed there would help.
fn errors(app: &AppState, submission: &ViewInteraction, refused: &RefusedAction) -> Option<Ack> {
    let (field, text) = match refused.why {
        Refusal::AnotherIsOpen => (Field::Email, form_errors::already_pending(app.instances.are_several())),
        Refusal::OtherChannel => (Field::Role, form_errors::OTHER_CHANNEL.to_owned()),
        Refusal::Changed => (Field::Email, form_errors::CHANGED.to_owned()),
        _ => return None,
    };
    let form = FormState::new(&submission.view.state, &app.instances);
    Some(Ack::field_errors("refused", [(form.block_for(field), text)]))
}
