//! What every kind of change says about itself. A new kind of change does not compile until [`messages_of`] names it
//! and its file answers each question of [`ChangeMessages`].

use super::Message;
use crate::{
    domain::{change::Change, people::UserId, request::Request},
    slack::rich_text::InlineText,
};

/// What a failure is called and what to do about it, in complete sentences.
pub(in crate::slack) struct FailureTexts {
    /// What went wrong.
    pub explanation: &'static str,
    /// What to do, up to the last step, which depends on the reader.
    pub remedy: String,
}

impl FailureTexts {
    pub(super) fn new(explanation: &'static str, remedy: &str) -> Self {
        Self { explanation, remedy: remedy.to_owned() }
    }
}

/// The texts of one kind of change. All but the fragments named as such are complete sentences.
pub(in crate::slack) trait ChangeMessages {
    /// A fragment that identifies the API user: name and email.
    fn subject(&self) -> InlineText;

    /// The requested values, one labeled line each. `names_instance`: whether the Marketo instance is one of them.
    fn summary(&self, names_instance: bool) -> Vec<InlineText>;

    /// A fragment that identifies the request in a list.
    fn list_entry(&self, names_instance: bool) -> InlineText;

    /// "@requester requests …", on the card.
    fn requested(&self, requester: &UserId) -> InlineText;

    /// The same with the subject, in a notification.
    fn requested_headline(&self, requester: &UserId) -> InlineText;

    /// What the requester reads while nobody has decided.
    fn waiting_for_approval(&self) -> &'static str;

    /// Approved, but not executed yet. Contains "is being …".
    fn in_progress(&self) -> &'static str;

    /// The same about the subject, in a notification.
    fn in_progress_headline(&self) -> InlineText;

    /// Executed.
    fn done(&self) -> &'static str;

    /// The same about the subject, in a notification.
    fn done_headline(&self) -> InlineText;

    /// Ended otherwise, in a notification; `outcome` is a word such as "Denied".
    fn ended_headline(&self, outcome: &str) -> InlineText;

    /// The new message where the command was typed, for a `request` that is done.
    fn announcement(&self, request: &Request, names_instance: bool) -> Message;

    /// Somebody else got there first.
    fn already_exists(&self) -> FailureTexts;

    /// Another user logs in with the email.
    fn login_exists(&self) -> FailureTexts;

    /// Another instance has the user.
    fn exists_elsewhere(&self) -> FailureTexts;

    /// Marketo shows something other than what was approved.
    fn differs_from_approved(&self) -> FailureTexts;

    /// The access would have ended before the change was executed.
    fn too_late(&self) -> FailureTexts;
}

/// The texts of this change.
pub(in crate::slack) fn messages_of(change: &Change) -> &dyn ChangeMessages {
    match change {
        Change::CreateUser(user) => user,
    }
}
