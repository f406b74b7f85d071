//! The submitted form of a denial. It closes whether the denial counts or not: whoever denied in vain is told why beside
//! the card.

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
    workflow::{ActionCommand, ActionOutcome},
};

/// What the bot left in the form when it opened it.
#[derive(Deserialize)]
struct DenyMetadata {
    request: RequestId,
    channel: ChannelId,
    /// Whether it stands on top of the form of a review, which closes with it.
    #[serde(default)]
    is_in_review: bool,
}

/// Takes the form.
pub(super) async fn submit(
    app: &AppState,
    submission: &ViewInteraction,
    key: &DeliveryKey,
) -> Result<Ack, Rejection> {
    let block = BlockId::input(Field::Reason, None);
    let Ok(DenyMetadata { request, channel, is_in_review }) =
        serde_json::from_str(&submission.view.private_metadata)
    else {
        return Err(Rejection::beside("outdated", block, form_errors::FORM_OUTDATED));
    };
    let reason = match Reason::parse(submission.view.state.value(&block).unwrap_or_default()) {
        Ok(reason) => reason,
        Err(TextError::TooLong) => {
            return Err(Rejection::beside("invalid", block, form_errors::reason_too_long()));
        }
        Err(TextError::Empty | TextError::Malformed) => {
            return Err(Rejection::beside("invalid", block, form_errors::REASON_MISSING));
        }
    };
    let by = &submission.interaction.user;
    let (kind, ack) = if is_in_review {
        (AckKind::ClearViews, AckRecord::ClearViews)
    } else {
        (AckKind::Empty, AckRecord::Empty)
    };
    let pressed = ActionCommand {
        key: key.clone(),
        ack,
        request,
        by: by.clone(),
        action: Action::Deny { reason },
        answer_in: channel.clone(),
    };
    let closes = |outcome| Ack { outcome, kind };
    Ok(match app.press(pressed, |_| None).await? {
        ActionOutcome::Accepted(_) => closes("accepted"),
        ActionOutcome::Deferred => closes("deferred"),
        ActionOutcome::Repeated(first) => Ack::repeated(first),
        ActionOutcome::Refused(refused) => {
            app.post_ephemeral(&channel, by, "", replies::refusal(&refused.why, &refused.approvers, by));
            closes("refused")
        }
    })
}
