//! Submitted modals. A form closes only when what it asks for is saved, or when nothing is left to do; it stays open with
//! errors beside its fields where another try may help. Either way the delivery is recorded with its ack, so that a repeat
//! gets the same one. Where the database is away nothing is promised and nothing is recorded.

mod deny;
pub(super) mod edit;
pub(super) mod form_state;
mod rejection;
pub(super) mod request;
pub(super) mod review;

use self::rejection::Rejection;
use super::{
    ack::Ack,
    dependencies::{ACK_WITHIN, AppState},
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

/// Takes a submitted modal. One that times out may still be saved; a repeat of it is then acked as accepted.
pub(super) async fn handle(app: &AppState, submission: &ViewInteraction, key: DeliveryKey) -> Ack {
    // Where an error is shown that is of no field.
    let block = match submission.view.callback_id {
        CallbackId::RequestForm | CallbackId::EditForm => BlockId::input(Field::Email, None),
        CallbackId::ReviewForm => BlockId::Note,
        CallbackId::DenyForm => BlockId::input(Field::Reason, None),
        CallbackId::Unknown(_) | CallbackId::Absent => return Ack::empty("not_handled"),
    };
    let taking = tokio::time::timeout(ACK_WITHIN, take(app, submission, &key));
    match taking.await.unwrap_or(Err(StoreError::TimedOut)) {
        Ok(ack) => ack,
        Err(error) => {
            tracing::error!(%error, "a form could not be saved");
            Ack::field_errors("store_failed", [(block, form_errors::NOTHING_STORED.to_owned())])
        }
    }
}

async fn take(app: &AppState, submission: &ViewInteraction, key: &DeliveryKey) -> Result<Ack, StoreError> {
    let taken = match submission.view.callback_id {
        CallbackId::RequestForm => request::submit(app, submission, key).await,
        CallbackId::EditForm => edit::submit(app, submission, key).await,
        CallbackId::ReviewForm => review::submit(app, submission, key).await,
        CallbackId::DenyForm => deny::submit(app, submission, key).await,
        CallbackId::Unknown(_) | CallbackId::Absent => return Ok(Ack::empty("not_handled")),
    };
    match taken {
        Ok(ack) => Ok(ack),
        Err(Rejection::Invalid(errors)) => Ok(reject(app, key, errors).await),
        Err(Rejection::Store(error)) => Err(error),
    }
}

/// Records the errors of a form of which nothing was taken. They hold whether or not they are recorded: where the database
/// is away, a repeat is judged anew.
async fn reject(app: &AppState, key: &DeliveryKey, errors: Ack) -> Ack {
    let record = errors.record().unwrap_or_default();
    debug_assert!(record != AckRecord::Empty, "a form that stays open says why");
    match app.workflow.record_refusal(key, &record).await {
        Ok(None) => errors,
        Ok(Some(first)) => Ack::repeated(first),
        Err(error) => {
            tracing::warn!(%error, "the errors of a form are not recorded");
            errors
        }
    }
}
