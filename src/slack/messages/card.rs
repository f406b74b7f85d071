//! The two messages that follow a request through its life: the card for the approvers and the direct message to the
//! requester. They differ in their first line and in their buttons.

use slack_morphism::blocks::{
    SlackActionBlockElement, SlackActionsBlock, SlackBlock, SlackBlockButtonElement, SlackBlockButtonStyle,
    SlackBlockConfirmItem,
};

use super::{
    Message, button,
    change::messages_of,
    failure,
    reader::Reader,
    request_status::status,
    request_summary::{fact, summary},
};
use crate::{
    domain::{
        policy::ApproverSet,
        request::{Request, State},
    },
    slack::{ids, rich_text::InlineText, text::label},
};

/// The card in the approval channel. It names the Marketo instance where there are several.
pub fn card(request: &Request, approvers: &ApproverSet, names_instance: bool) -> Message {
    message(request, approvers, Reader::Approvers, names_instance)
}

/// The direct message to the requester. It names the Marketo instance where there are several.
pub fn requester(request: &Request, approvers: &ApproverSet, names_instance: bool) -> Message {
    message(request, approvers, Reader::Requester, names_instance)
}

/// What `reader` can do about the request in its state.
fn buttons(request: &Request, reader: Reader) -> Vec<SlackBlockButtonElement> {
    match (&request.state, reader) {
        (State::Pending { .. }, Reader::Approvers) => vec![
            button("Approve", ids::APPROVE, request, Some(SlackBlockButtonStyle::Primary)),
            button("Deny", ids::DENY, request, Some(SlackBlockButtonStyle::Danger)),
            button("Review", ids::REVIEW, request, None),
        ],
        (State::Pending { .. }, Reader::Requester) if request.attempted_at().is_some() => {
            vec![cancel_button(request)]
        }
        (State::Pending { .. }, Reader::Requester) => {
            vec![button("Edit", ids::EDIT, request, None), cancel_button(request)]
        }
        (State::Failed { approved, failure, .. }, _)
            if failure::can_retry(request, failure, approved.is_some(), reader) =>
        {
            vec![button("Retry", ids::RETRY, request, None)]
        }
        (State::Applying { waiting: Some(waiting), .. }, _) if !waiting.may_be_applied => {
            vec![cancel_button(request)]
        }
        (
            State::Applying { .. }
            | State::Done { .. }
            | State::Failed { .. }
            | State::Denied { .. }
            | State::Cancelled { .. }
            | State::TimedOut { .. },
            _,
        ) => Vec::new(),
    }
}

fn cancel_button(request: &Request) -> SlackBlockButtonElement {
    let confirm = SlackBlockConfirmItem::new(
        label("Cancel this request?"),
        label("Nothing will change in Marketo. This cannot be undone.").into(),
        label("Cancel request"),
        label("Keep it"),
    );
    button("Cancel request", ids::CANCEL, request, Some(SlackBlockButtonStyle::Danger))
        .with_confirm(confirm.with_style("danger".to_owned()))
}

/// The message without its buttons.
fn message(request: &Request, approvers: &ApproverSet, reader: Reader, names_instance: bool) -> Message {
    let status = status(request, Some(approvers), reader);
    let mut summary = summary(request, names_instance);
    if reader == Reader::Approvers && !matches!(request.state, State::Pending { .. }) {
        summary = summary.line(fact("Requested by").person(&request.requester));
    }
    let mut blocks = vec![status.block(), summary.block()];
    blocks.extend(actions(buttons(request, reader)));
    Message { text: headline(request, reader).mrkdwn(), blocks }
}

/// The notification: the state and the subject. It names no approver, since the block mentions them already.
fn headline(request: &Request, reader: Reader) -> InlineText {
    let change = messages_of(&request.change);
    match (&request.state, reader) {
        (State::Pending { .. }, Reader::Approvers) => change.requested_headline(&request.requester),
        (State::Pending { .. }, Reader::Requester) => {
            InlineText::of("Waiting for approval: ").join(&change.subject())
        }
        (State::Applying { .. }, _) => change.in_progress_headline(),
        (State::Done { .. }, _) => change.done_headline(),
        (State::Denied { .. }, _) => change.ended_headline("Denied"),
        (State::Cancelled { .. }, _) => change.ended_headline("Cancelled"),
        (State::TimedOut { .. }, _) => change.ended_headline("Expired"),
        (State::Failed { .. }, _) => change.ended_headline("Failed"),
    }
}

fn actions(buttons: Vec<SlackBlockButtonElement>) -> Option<SlackBlock> {
    let elements: Vec<SlackActionBlockElement> = buttons.into_iter().map(Into::into).collect();
    let has_buttons = !elements.is_empty();
    has_buttons.then(|| SlackActionsBlock::new(elements).with_block_id(ids::BUTTONS.into()).into())
}
