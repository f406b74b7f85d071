//! The modal in which an approver reviews a request: every detail of it, what is sent to Marketo, and what can be
//! approved instead. It does not know whether a choice grants less than was requested.

mod create_user;

use jiff::civil::Date;
use slack_morphism::blocks::{
    SlackActionsBlock, SlackBlock, SlackBlockButtonStyle, SlackBlockPlainTextInputElement, SlackInputBlock,
    SlackModalView,
};

use super::{Modal, request_form::input};
use crate::{
    domain::{
        allowed_options::AllowedOptions,
        change::Change,
        policy::{ApproverSet, Requirement},
        request::{Request, State},
        text::REASON_MAX,
    },
    slack::{
        ids,
        messages::{approvals_line, button, fact, messages_of, reason, revisions},
        rich_text::RichText,
        text::label,
    },
};

/// The contents of a review.
#[derive(Clone, Copy, Debug)]
pub struct Review<'a> {
    /// The request.
    pub request: &'a Request,
    /// Who decides.
    pub approvers: &'a ApproverSet,
    /// What can be chosen; what was requested is added.
    pub options: &'a AllowedOptions,
    /// Whether there are several instances.
    pub names_instance: bool,
    /// Whether the requested last day of access has passed.
    pub has_ended: bool,
    /// The last date that can be chosen where none was requested, or the requested one has passed.
    pub last_day: Date,
    /// Comes back with the submission.
    pub metadata: &'a str,
}

/// The modal **Review request**.
pub fn review_modal(review: &Review<'_>) -> Modal {
    let mut blocks = vec![details(review).block()];
    blocks.extend(match &review.request.change {
        Change::CreateUser(user) => create_user::blocks(review, user),
    });
    blocks.push(note().into());
    blocks.push(deny(review.request));
    let view = SlackModalView::new(label("Review request"), blocks)
        .with_submit(label("Approve"))
        .with_close(label("Cancel"))
        .with_callback_id(ids::REVIEW_FORM.into())
        .with_private_metadata(review.metadata.to_owned());
    Modal::Modal(view)
}

/// The requester, the approvals, the requested values, their revisions and the reason.
fn details(review: &Review<'_>) -> RichText {
    let Review { request, approvers, .. } = review;
    let mut lines =
        vec![fact("Requested by").person(&request.requester).text(" on ").moment(request.created_at)];
    // A direct message has no name to show.
    if !request.origin.as_str().starts_with('D') {
        lines.push(fact("Requested in").channel(&request.origin));
    }
    if let State::Pending { approvals, .. } = &request.state
        && approvers.needed > 1
    {
        lines.push(approvals_line(approvers.needed, approvals));
    }
    lines.extend(messages_of(&request.change).summary(review.names_instance));
    lines.extend(revisions(request, true));
    reason(lines.into_iter().fold(RichText::new(), RichText::line), request)
}

fn note() -> SlackInputBlock {
    let element = SlackBlockPlainTextInputElement::new()
        .with_action_id(ids::VALUE.into())
        .with_multiline(true)
        .with_max_length(REASON_MAX as u64);
    let hint = "The requester sees this, and it stays on the card.";
    input(ids::NOTE.to_owned(), "Note", element, Requirement::Optional).with_hint(label(hint))
}

fn deny(request: &Request) -> SlackBlock {
    let deny = button("Deny", ids::DENY_IN_REVIEW, request, Some(SlackBlockButtonStyle::Danger));
    SlackActionsBlock::new(vec![deny.into()]).with_block_id(ids::BUTTONS.into()).into()
}
