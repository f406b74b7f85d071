//! The two messages that follow a request through its life: the card for the approvers and the direct message for
//! the requester. They differ in how they begin and in their buttons.

use slack_morphism::blocks::{
    SlackActionBlockElement, SlackActionsBlock, SlackBlock, SlackBlockButtonElement, SlackBlockButtonStyle,
    SlackBlockConfirmItem,
};

use super::{
    Message, button, failure, label,
    request_status::{Reader, status},
    request_summary::{facts, subject, user_of},
};
use crate::{
    domain::{
        policy::ApproverSet,
        request::{Request, State},
    },
    slack::{ids, rich_text::InlineText},
};

/// The card in the approval channel; it names the Marketo instance where there are several.
pub fn card(request: &Request, panel: &ApproverSet, names_instance: bool) -> Message {
    let mut message = follow(request, panel, Reader::Approvers, names_instance);
    let buttons = match &request.state {
        State::Pending { .. } => vec![
            button("Approve", ids::APPROVE, request, Some(SlackBlockButtonStyle::Primary)),
            button("Deny", ids::DENY, request, Some(SlackBlockButtonStyle::Danger)),
            button("Review", ids::REVIEW, request, None),
        ],
        State::Failed { approved, failure, .. }
            if failure::can_retry(request, failure, approved.is_some()) =>
        {
            vec![button("Retry", ids::RETRY, request, None)]
        }
        State::Applying { waiting: Some(waiting), .. } if !waiting.may_be_applied => vec![cancel(request)],
        State::Applying { .. }
        | State::Done { .. }
        | State::Failed { .. }
        | State::Denied { .. }
        | State::Cancelled { .. }
        | State::TimedOut { .. } => Vec::new(),
    };
    message.blocks.extend(actions(buttons.into_iter().map(Into::into).collect()));
    message
}

/// The direct message to the requester; it names the Marketo instance where there are several.
pub fn requester(request: &Request, panel: &ApproverSet, names_instance: bool) -> Message {
    let mut message = follow(request, panel, Reader::Requester, names_instance);
    let buttons = match &request.state {
        State::Pending { .. } => vec![button("Edit", ids::EDIT, request, None), cancel(request)],
        State::Applying { waiting: Some(waiting), .. } if !waiting.may_be_applied => vec![cancel(request)],
        State::Applying { .. }
        | State::Done { .. }
        | State::Failed { .. }
        | State::Denied { .. }
        | State::Cancelled { .. }
        | State::TimedOut { .. } => Vec::new(),
    };
    message.blocks.extend(actions(buttons.into_iter().map(Into::into).collect()));
    message
}

fn cancel(request: &Request) -> SlackBlockButtonElement {
    let asks = SlackBlockConfirmItem::new(
        label("Cancel this request?"),
        label("Nothing will happen in Marketo. This cannot be undone.").into(),
        label("Cancel request"),
        label("Keep it"),
    );
    button("Cancel request", ids::CANCEL, request, Some(SlackBlockButtonStyle::Danger))
        .with_confirm(asks.with_style("danger".to_owned()))
}

fn follow(request: &Request, panel: &ApproverSet, reader: Reader, names_instance: bool) -> Message {
    let status = status(request, Some(panel), reader);
    let mut facts = facts(request, names_instance);
    if reader == Reader::Approvers && !matches!(request.state, State::Pending { .. }) {
        facts = facts.line(InlineText::new().bold("Requested by: ").person(&request.requester));
    }
    Message { text: headline(request, reader), blocks: vec![status.block(), facts.block()] }
}

/// What a telephone shows: the state and whom it is about. It names no approver, whom the block mentions already.
fn headline(request: &Request, reader: Reader) -> String {
    let subject = subject(user_of(request));
    let line = match (&request.state, reader) {
        (State::Pending { .. }, Reader::Approvers) => {
            InlineText::new().person(&request.requester).text(" asks for a Marketo API user: ").join(&subject)
        }
        (State::Pending { .. }, Reader::Requester) => InlineText::of("Waits for approval: ").join(&subject),
        (State::Applying { .. }, _) => subject.text(" is being created in Marketo"),
        (State::Done { .. }, _) => subject.text(" is created in Marketo"),
        (State::Denied { .. }, _) => InlineText::of("Denied: Marketo API user ").join(&subject),
        (State::Cancelled { .. }, _) => InlineText::of("Cancelled: Marketo API user ").join(&subject),
        (State::TimedOut { .. }, _) => InlineText::of("Expired: Marketo API user ").join(&subject),
        (State::Failed { .. }, _) => InlineText::of("Failed: Marketo API user ").join(&subject),
    };
    line.mrkdwn()
}

fn actions(buttons: Vec<SlackActionBlockElement>) -> Option<SlackBlock> {
    let block = SlackActionsBlock::new(buttons).with_block_id(ids::BUTTONS.into());
    (!block.elements.is_empty()).then(|| block.into())
}
