//! Modals and messages as pure functions over the domain's data. Each shows the state of the moment it is called
//! with, so that a late or repeated delivery does no harm. None of them knows who will read it, whether it is the
//! first or the tenth showing, or how it gets to Slack.

mod anchor;
mod announcements;
mod card;
mod failure;
mod form;
mod modals;
mod request_status;
mod request_summary;
mod review;
mod thread;

use std::fmt;

use serde::Serialize;
use slack_morphism::blocks::{
    SlackBlock, SlackBlockButtonElement, SlackBlockButtonStyle, SlackBlockPlainTextOnly, SlackView,
};

pub use anchor::anchor;
pub use announcements::{created, outcome};
pub use card::{card, requester};
pub use form::{Form, FormLabels, SelectOptions, options, request_modal};
pub use modals::{deny_modal, loading_modal, unavailable_modal};
pub(super) use request_summary::user_of;
pub use review::{Review, review_modal};
pub use thread::{note, reminder};

use super::{ids, rich_text::RichText, text};
use crate::domain::{
    people::{Principal, UserId},
    request::Request,
};

/// A modal.
pub type Modal = SlackView;

/// A message: what a notification and a screen reader say, and what is seen.
#[derive(Clone, PartialEq, Serialize)]
pub struct Message {
    /// One line, escaped.
    pub text: String,
    /// The blocks.
    pub blocks: Vec<SlackBlock>,
}

/// Messages hold e-mail addresses, names and reasons, which stay out of logs.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} blocks)", self.blocks.len())
    }
}

impl Message {
    /// A message whose text says the same as its one block.
    pub(super) fn of(paragraphs: &RichText) -> Self {
        Self { text: paragraphs.text(), blocks: vec![paragraphs.block()] }
    }
}

/// A fixed text of ours, as a title or a label.
fn label(text: &str) -> SlackBlockPlainTextOnly {
    text::plain(text, 2000).into()
}

/// A button that carries the request's id and revision and nothing else.
fn button(
    text: &str,
    action: &str,
    request: &Request,
    style: Option<SlackBlockButtonStyle>,
) -> SlackBlockButtonElement {
    SlackBlockButtonElement::new(label(text))
        .with_action_id(action.into())
        .with_value(ids::button_value(request))
        .opt_style(style)
}

/// The approvers without the requester, who never decides on a request of their own.
pub(super) fn others(approvers: &[Principal], requester: &UserId) -> Vec<Principal> {
    let is_own = |principal: &&Principal| !matches!(principal, Principal::User(user) if user == requester);
    approvers.iter().filter(is_own).cloned().collect()
}
