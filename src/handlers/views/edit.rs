//! The form in which a requester edits a pending request. An edited request has to meet what a new one does; whether the
//! requester may edit it is decided in the workflow.

use serde::Deserialize;
use serde_json::json;

use super::{change_form, form_state::FormState, rejection::Rejection};
use crate::{
    domain::{
        decide::{Refusal, Submission},
        delivery::{AckRecord, DeliveryKey},
        event::{Action, EditedRequest},
        form::Field,
        people::{ChannelId, RequestId},
        request::{Request, State},
    },
    handlers::{ack::Ack, dependencies::AppState},
    slack::{
        form_errors,
        inbound::{BlockId, ViewInteraction},
        replies,
        views::Modal,
    },
    workflow::{ActionCommand, ActionOutcome, RefusedAction},
};

/// The `private_metadata` of an edit form. `channel` has the same name as in the form of a new request, since an instance
/// select reads both.
#[derive(Deserialize)]
struct EditMetadata {
    request: RequestId,
    /// The revision that the form was filled in from.
    revision: i64,
    /// Where the command was typed.
    channel: ChannelId,
    /// Where refusals are posted.
    answer_in: ChannelId,
}

/// The form that edits `request`.
pub(in crate::handlers) async fn modal(app: &AppState, request: &Request, answer_in: &ChannelId) -> Modal {
    let Request { id, revision, origin, .. } = request;
    let metadata = json!({
        "v": 1, "request": id, "revision": revision, "channel": origin, "answer_in": answer_in
    });
    change_form::edit_modal(app, request, &metadata.to_string()).await
}

/// Submits an edit. The form closes when the edit is saved, or when the request can no longer be edited.
pub(super) async fn submit(
    app: &AppState,
    submission: &ViewInteraction,
    key: &DeliveryKey,
) -> Result<Ack, Rejection> {
    let metadata = serde_json::from_str(&submission.view.private_metadata);
    let Ok(EditMetadata { request, revision, channel, answer_in }) = metadata else {
        let email = BlockId::input(Field::Email, None);
        return Err(Rejection::at_block("outdated", email, form_errors::FORM_OUTDATED));
    };
    let current = app.workflow.request(&request).await?;
    let validated = change_form::edited(app, current.as_ref(), submission, channel).await;
    let edited = match (current, validated) {
        (_, Ok(Submission { change, reason, memberships, .. })) => {
            EditedRequest { revision, change, reason, memberships }
        }
        // If the form is outdated, the workflow refuses it for that and not for its field errors.
        (Some(Request { change, reason, memberships, state, revision: latest, .. }), Err(_))
            if latest != revision || !matches!(state, State::Pending { .. }) =>
        {
            EditedRequest { revision, change, reason, memberships }
        }
        (_, Err(rejection)) => return Err(rejection),
    };
    let by = &submission.interaction.user;
    let command = ActionCommand {
        key: key.clone(),
        ack: AckRecord::Empty,
        request,
        by: by.clone(),
        action: Action::Edit(Box::new(edited)),
        answer_in: answer_in.clone(),
        answer_url: String::new(),
        clicked: None,
    };
    let errors = |refused: &RefusedAction| field_errors(app, submission, refused);
    Ok(match app.run_action(command, |refused| errors(refused).record()).await? {
        ActionOutcome::Accepted(_) => Ack::empty("accepted"),
        ActionOutcome::Deferred => Ack::empty("deferred"),
        ActionOutcome::Repeated(first) => Ack::repeated(first),
        ActionOutcome::Refused(refused) => errors(&refused),
    })
}

/// The refusal as a field error.
fn field_errors(app: &AppState, submission: &ViewInteraction, refused: &RefusedAction) -> Ack {
    let (field, text) = match refused.why {
        Refusal::AnotherIsOpen => (Field::Email, form_errors::already_pending(app.instances.are_several())),
        Refusal::OtherChannel => (Field::Role, form_errors::OTHER_CHANNEL.to_owned()),
        Refusal::Changed => (Field::Email, form_errors::CHANGED.to_owned()),
        _ => (Field::Email, replies::refusal_in_form(&refused.why)),
    };
    let form = FormState::new(&submission.view.state, &app.instances);
    Ack::field_errors("refused", [(form.block_for(field), text)])
}
