//! Submission of the form for a new request.

use serde::Deserialize;

use super::{create_user, rejection::Rejection};
use crate::{
    domain::{delivery::DeliveryKey, form::Field, people::ChannelId},
    handlers::{ack::Ack, dependencies::AppState},
    slack::{
        form_errors,
        inbound::{BlockId, ViewInteraction},
    },
    workflow::SubmitOutcome,
};

/// The `private_metadata` of a request form.
#[derive(Deserialize)]
pub(in crate::handlers) struct FormMetadata {
    /// Where the command was typed.
    pub(in crate::handlers) channel: ChannelId,
}

/// Submits a new request.
pub(super) async fn submit(
    app: &AppState,
    submission: &ViewInteraction,
    key: &DeliveryKey,
) -> Result<Ack, Rejection> {
    let email = BlockId::input(Field::Email, None);
    let Ok(FormMetadata { channel }) = serde_json::from_str(&submission.view.private_metadata) else {
        return Err(Rejection::at_block("outdated", email, form_errors::FORM_OUTDATED));
    };
    let request = create_user::submission(app, submission, channel).await?;
    let already_pending = form_errors::already_pending(app.instances.are_several());
    let on_conflict = Ack::field_errors("pending", [(email, already_pending)]);
    let errors = on_conflict.record().unwrap_or_default();
    Ok(match app.workflow.submit(key, request, &errors).await? {
        SubmitOutcome::Accepted(id) => {
            tracing::Span::current().record("request", id.as_str());
            Ack::empty("accepted")
        }
        SubmitOutcome::Repeated(first) => Ack::repeated(first),
        SubmitOutcome::Conflict => on_conflict,
    })
}
