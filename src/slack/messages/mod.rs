//! Messages as pure functions over the domain's data: the card, the requester's direct message, announcements and
//! thread replies. Each shows the state at the moment of the call, so that a late or repeated delivery does no harm.
//!
//! None of them knows who will read it, whether it is shown for the first time, or how it gets to Slack. The generic
//! files never look inside a [`Change`](crate::domain::change::Change): what is specific to a kind of change is in the
//! kind's own file, behind `change::ChangeMessages`.

mod announcements;
mod card;
mod change;
mod create_user;
mod failure;
mod ledger_anchor;
mod reader;
mod request_status;
mod request_summary;
mod thread;

use std::fmt;

use serde::Serialize;
use slack_morphism::blocks::{SlackBlock, SlackBlockButtonElement, SlackBlockButtonStyle};

pub use announcements::{announcement, card_not_shown, outcome};
pub use card::{card, requester};
pub(super) use change::messages_of;
pub use ledger_anchor::ledger_anchor;
pub(super) use request_status::{approvals_line, violated};
pub(super) use request_summary::{fact, reason, revisions};
pub use thread::{note, reminder};

use super::{ids, rich_text::RichText, text::label};
use crate::domain::{
    people::{Principal, UserId},
    request::Request,
};

/// A message: the text of its notification, which screen readers read as well, and its blocks.
#[derive(Clone, PartialEq, Serialize)]
pub struct Message {
    /// One line of escaped `mrkdwn`, at most 3000 characters.
    pub text: String,
    /// The blocks, at most 50.
    pub blocks: Vec<SlackBlock>,
}

/// Shows the size only: messages contain email addresses, names and reasons, which stay out of logs.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} blocks)", self.blocks.len())
    }
}

impl Message {
    /// A message of one block whose notification says the same.
    pub(super) fn of(text: &RichText) -> Self {
        Self { text: text.text(), blocks: vec![text.block()] }
    }
}

/// A button that carries the request's id and revision and nothing else.
pub(super) fn button(
    text: &str,
    action_id: &str,
    request: &Request,
    style: Option<SlackBlockButtonStyle>,
) -> SlackBlockButtonElement {
    SlackBlockButtonElement::new(label(text))
        .with_action_id(action_id.into())
        .with_value(ids::button_value(request))
        .opt_style(style)
}

/// The approvers without the requester, who never decides on their own request.
pub(super) fn without_requester(approvers: &[Principal], requester: &UserId) -> Vec<Principal> {
    let is_requester =
        |principal: &&Principal| matches!(principal, Principal::User(user) if user == requester);
    approvers.iter().filter(|principal| !is_requester(principal)).cloned().collect()
}
