//! The small modals: the two that replace the request form while Marketo is slow or unavailable, and the one that asks
//! for the reason of a denial.

use slack_morphism::blocks::{
    SlackBlock, SlackBlockPlainTextInputElement, SlackInputBlock, SlackModalView, SlackView,
};

use crate::{
    domain::{request::Request, text::REASON_MAX},
    slack::{
        ids,
        messages::messages_of,
        rich_text::{InlineText, RichText},
        text::label,
    },
};

/// The title of the request form and of the modals that replace it.
pub(super) const TITLE: &str = "Marketo API user";

/// Shown until the roles are known; the request form replaces it.
pub fn loading_modal(metadata: &str) -> SlackView {
    let blocks = vec![RichText::new().line(InlineText::of("Loading roles from Marketo…")).block()];
    let view = SlackModalView::new(label(TITLE), blocks)
        .with_close(label("Cancel"))
        .with_callback_id(ids::REQUEST_FORM.into())
        .with_private_metadata(metadata.to_owned());
    SlackView::Modal(view)
}

/// Shown when the request form cannot be; `text` says why and what to do.
pub fn unavailable_modal(text: &str) -> SlackView {
    let blocks = vec![RichText::new().line(InlineText::of(text)).block()];
    let view = SlackModalView::new(label(TITLE), blocks)
        .with_close(label("Close"))
        .with_callback_id(ids::REQUEST_FORM.into());
    SlackView::Modal(view)
}

/// The modal **Deny request**.
pub fn deny_modal(request: &Request, metadata: &str) -> SlackView {
    let subject =
        messages_of(&request.change).subject().text(", requested by ").person(&request.requester).text(".");
    let reason = SlackBlockPlainTextInputElement::new()
        .with_action_id(ids::VALUE.into())
        .with_multiline(true)
        .with_max_length(REASON_MAX as u64)
        .with_focus_on_load(true);
    let input: SlackBlock = SlackInputBlock::new(label("Reason"), reason.into())
        .with_block_id(ids::REASON.into())
        .with_hint(label("The requester sees this, and it stays on the card."))
        .with_optional(false)
        .into();
    let view = SlackModalView::new(label("Deny request"), vec![RichText::new().line(subject).block(), input])
        .with_submit(label("Deny"))
        .with_close(label("Cancel"))
        .with_callback_id(ids::DENY_FORM.into())
        .with_private_metadata(metadata.to_owned());
    SlackView::Modal(view)
}
