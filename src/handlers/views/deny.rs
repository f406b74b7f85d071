//! Submission of the denial form. The form closes even if the denial is refused; the refusal is then an ephemeral message
//! in the card's channel.

use serde::Deserialize;

use super::rejection::Rejection;
use crate::{
    domain::{
        delivery::{AckRecord, DeliveryKey},
        event::Action,
        form::Field,
        people::{ChannelId, RequestId},
        text::{Reason, TextError},
    },
    handlers::{
        ack::{Ack, AckKind},
        dependencies::AppState,
    },
    slack::{
        form_errors,
        inbound::{BlockId, ViewInteraction},
        replies,
    },
    workflow::{ActionCommand, ActionOutcome, RefusedAction},
};

/// The `private_metadata` of a denial form.
#[derive(Deserialize)]
struct DenyMetadata {
    request: RequestId,
    channel: ChannelId,
    /// Whether it is stacked on a review form, which closes with it.
    #[serde(default)]
    is_in_review: bool,
}

/// Submits a denial.
pub(super) async fn submit(
    app: &AppState,
    submission: &ViewInteraction,
    key: &DeliveryKey,
) -> Result<Ack, Rejection> {
    let block = BlockId::input(Field::Reason, None);
    let Ok(DenyMetadata { request, channel, is_in_review }) =
        serde_json::from_str(&submission.view.private_metadata)
    else {
        return Err(Rejection::at_block("outdated", block, form_errors::FORM_OUTDATED));
    };
    let reason = match Reason::parse(submission.view.state.value(&block).unwrap_or_default()) {
        Ok(reason) => reason,
        Err(TextError::TooLong) => {
            return Err(Rejection::at_block("invalid", block, form_errors::reason_too_long()));
        }
        Err(TextError::Empty | TextError::Malformed) => {
            return Err(Rejection::at_block("invalid", block, form_errors::REASON_MISSING));
        }
    };
    let by = &submission.interaction.user;
    let (kind, ack) = if is_in_review {
        (AckKind::ClearViews, AckRecord::ClearViews)
    } else {
        (AckKind::Empty, AckRecord::Empty)
    };
    let command = ActionCommand {
        key: key.clone(),
        ack,
        request,
        by: by.clone(),
        action: Action::Deny { reason },
        answer_in: channel.clone(),
        answer_url: String::new(),
        clicked: None,
    };
    let close = |outcome| Ack { outcome, kind };
    let refusal = |refused: &RefusedAction| {
        Ack::field_errors("refused", [(block.clone(), replies::refusal_in_form(&refused.why))])
    };
    Ok(match app.run_action(command, |refused| refusal(refused).record()).await? {
        ActionOutcome::Accepted(_) => close("accepted"),
        ActionOutcome::Deferred => close("deferred"),
        ActionOutcome::Repeated(first) => Ack::repeated(first),
        ActionOutcome::Refused(refused) => refusal(&refused),
    })
}
