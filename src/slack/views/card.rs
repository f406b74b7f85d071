//! The two messages that follow a request through its life: the card for the approvers and the direct message for
//! the requester. They differ in how they begin and in their buttons.

use slack_morphism::blocks::{
    SlackActionBlockElement, SlackActionsBlock, SlackBlock, SlackBlockButtonElement, SlackBlockButtonStyle,
};

use super::{
    Message, button,
    facts::{facts, subject, user_of},
    failure,
    status::{Reader, status},
};
use crate::{
    domain::{
        people::Principal,
        request::{Request, State},
    },
    slack::{ids, line::Line},
};

/// The card in the approval channel; it names the Marketo instance where there are several.
pub fn card(request: &Request, approvers: &[Principal], names_instance: bool) -> Message {
    let mut message = follow(request, approvers, Reader::Approvers, names_instance);
    let id = &request.id;
    let buttons = match &request.state {
        State::Pending => vec![
            button("Approve", ids::APPROVE, id, Some(SlackBlockButtonStyle::Primary)),
            button("Deny", ids::DENY, id, Some(SlackBlockButtonStyle::Danger)),
        ],
        State::Failed { approved, failure, .. }
            if failure::can_retry(request, failure, approved.is_some()) =>
        {
            vec![button("Retry", ids::RETRY, id, None)]
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
pub fn requester(request: &Request, approvers: &[Principal], names_instance: bool) -> Message {
    let mut message = follow(request, approvers, Reader::Requester, names_instance);
    let can_cancel = match &request.state {
        State::Pending => true,
        State::Applying { waiting, .. } => waiting.as_ref().is_some_and(|waiting| !waiting.may_be_applied),
        State::Done { .. }
        | State::Failed { .. }
        | State::Denied { .. }
        | State::Cancelled { .. }
        | State::TimedOut { .. } => false,
    };
    message.blocks.extend(actions(can_cancel.then(|| cancel(request).into()).into_iter().collect()));
    message
}

fn cancel(request: &Request) -> SlackBlockButtonElement {
    button("Cancel request", ids::CANCEL, &request.id, Some(SlackBlockButtonStyle::Danger))
}

fn follow(request: &Request, approvers: &[Principal], reader: Reader, names_instance: bool) -> Message {
    let status = status(request, approvers, reader);
    let mut facts = facts(request, names_instance);
    if reader == Reader::Approvers && request.state != State::Pending {
        facts = facts.line(Line::new().bold("Requested by: ").person(&request.requester));
    }
    Message { text: headline(request, reader), blocks: vec![status.block(), facts.block()] }
}

/// What a telephone shows: the state and whom it is about. It names no approver, whom the block mentions already.
fn headline(request: &Request, reader: Reader) -> String {
    let subject = subject(user_of(request));
    let line = match (&request.state, reader) {
        (State::Pending, Reader::Approvers) => {
            Line::new().person(&request.requester).text(" asks for a Marketo API user: ").join(&subject)
        }
        (State::Pending, Reader::Requester) => Line::of("Waits for approval: ").join(&subject),
        (State::Applying { .. }, _) => subject.text(" is being created in Marketo"),
        (State::Done { .. }, _) => subject.text(" is created in Marketo"),
        (State::Denied { .. }, _) => Line::of("Denied: Marketo API user ").join(&subject),
        (State::Cancelled { .. }, _) => Line::of("Cancelled: Marketo API user ").join(&subject),
        (State::TimedOut { .. }, _) => Line::of("Expired: Marketo API user ").join(&subject),
        (State::Failed { .. }, _) => Line::of("Failed: Marketo API user ").join(&subject),
    };
    line.mrkdwn()
}

fn actions(buttons: Vec<SlackActionBlockElement>) -> Option<SlackBlock> {
    let block = SlackActionsBlock::new(buttons).with_block_id(ids::BUTTONS.into());
    (!block.elements.is_empty()).then(|| block.into())
}
