//! Submitted modals. A form closes only when its action is saved, or when nothing is left to do. It stays open with field
//! errors if another attempt may help. Either way the delivery is recorded with its ack, so that a repeat gets the same
//! one. If the database is down, nothing is recorded and the ack promises nothing.

mod change_form;
mod create_user;
mod deny;
pub(super) mod edit;
pub(super) mod form_state;
mod rejection;
pub(super) mod request;
pub(super) mod review;

use self::rejection::Rejection;
use super::{
    ack::Ack,
    dependencies::{ACK_TIMEOUT, AppState},
};
use crate::{
    domain::{
        delivery::{AckRecord, DeliveryKey},
        form::Field,
    },
    slack::{
        form_errors,
        inbound::{BlockId, CallbackId, ViewInteraction},
    },
    workflow::StoreError,
};

/// Handles a submitted modal. A timed-out submission may still commit; a repeat of it is then acked as accepted.
pub(super) async fn handle(app: &AppState, submission: &ViewInteraction, key: DeliveryKey) -> Ack {
    // Where an error is shown that belongs to no field.
    let block = match submission.view.callback_id {
        CallbackId::RequestForm | CallbackId::EditForm => BlockId::input(Field::Email, None),
        CallbackId::ReviewForm => BlockId::Note,
        CallbackId::DenyForm => BlockId::input(Field::Reason, None),
        CallbackId::Unknown(_) | CallbackId::Absent => return Ack::empty("not_handled"),
    };
    let submitting = tokio::time::timeout(ACK_TIMEOUT, submit(app, submission, &key));
    match submitting.await.unwrap_or(Err(StoreError::TimedOut)) {
        Ok(ack) => ack,
        Err(error) => {
            tracing::error!(%error, "form not saved");
            Ack::field_errors("store_failed", [(block, form_errors::NOTHING_STORED.to_owned())])
        }
    }
}

async fn submit(app: &AppState, submission: &ViewInteraction, key: &DeliveryKey) -> Result<Ack, StoreError> {
    let submitted = match submission.view.callback_id {
        CallbackId::RequestForm => request::submit(app, submission, key).await,
        CallbackId::EditForm => edit::submit(app, submission, key).await,
        CallbackId::ReviewForm => review::submit(app, submission, key).await,
        CallbackId::DenyForm => deny::submit(app, submission, key).await,
        CallbackId::Unknown(_) | CallbackId::Absent => return Ok(Ack::empty("not_handled")),
    };
    match submitted {
        Ok(ack) => Ok(ack),
        Err(Rejection::Invalid(errors)) => Ok(reject(app, key, errors).await),
        Err(Rejection::Store(error)) => Err(error),
    }
}

/// Records the errors of an invalid form. If the database is down, they are shown all the same, and a repeat is validated
/// again.
async fn reject(app: &AppState, key: &DeliveryKey, errors: Ack) -> Ack {
    let record = errors.record().unwrap_or_default();
    debug_assert!(record != AckRecord::Empty, "a rejected form has errors");
    match app.workflow.record_refusal(key, &record).await {
        Ok(None) => errors,
        Ok(Some(first)) => Ack::repeated(first),
        Err(error) => {
            tracing::warn!(%error, "form errors not recorded");
            errors
        }
    }
}
