//! The modals that are no form for a user: the two that stand in for it while Marketo is slow or away, and the one
//! that asks for the reason of a denial.

use slack_morphism::blocks::{
    SlackBlock, SlackBlockPlainTextInputElement, SlackInputBlock, SlackModalView, SlackView,
};

use super::{
    label,
    request_summary::{subject, user_of},
};
use crate::{
    domain::{request::Request, text::REASON_MAX},
    slack::{
        ids,
        rich_text::{InlineText, RichText},
    },
};

/// The title that the form and its stand-ins share.
pub(super) const TITLE: &str = "Marketo API user";

/// What is shown until the roles are known.
pub fn loading_modal(metadata: &str) -> SlackView {
    let blocks = vec![RichText::new().line(InlineText::of("Loading roles from Marketo…")).block()];
    let view = SlackModalView::new(label(TITLE), blocks)
        .with_close(label("Cancel"))
        .with_callback_id(ids::REQUEST_FORM.into())
        .with_private_metadata(metadata.to_owned());
    SlackView::Modal(view)
}

/// What is shown when the form cannot be; `text` says why and what to do.
pub fn unavailable_modal(text: &str) -> SlackView {
    let blocks = vec![RichText::new().line(InlineText::of(text)).block()];
    let view = SlackModalView::new(label(TITLE), blocks)
        .with_close(label("Close"))
        .with_callback_id(ids::REQUEST_FORM.into());
    SlackView::Modal(view)
}

/// The form for a denial.
pub fn deny_modal(request: &Request, metadata: &str) -> SlackView {
    let subject = subject(user_of(request)).text(", requested by ").person(&request.requester).text(".");
    let reason = SlackBlockPlainTextInputElement::new()
        .with_action_id(ids::VALUE.into())
        .with_multiline(true)
        .with_max_length(REASON_MAX as u64)
        .with_focus_on_load(true);
    let input: SlackBlock = SlackInputBlock::new(label("Reason"), reason.into())
        .with_block_id(ids::REASON.into())
        .with_hint(label("The requester reads it, and it stays on the card."))
        .with_optional(false)
        .into();
    let view = SlackModalView::new(label("Deny request"), vec![RichText::new().line(subject).block(), input])
        .with_submit(label("Deny"))
        .with_close(label("Cancel"))
        .with_callback_id(ids::DENY_FORM.into())
        .with_private_metadata(metadata.to_owned());
    SlackView::Modal(view)
}
