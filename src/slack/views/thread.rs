//! The replies in a card's thread: the reminder, and what has happened to the request since the card was posted.

use super::{
    Message,
    request_summary::{differences, no_longer_count, subject, user_of},
};
use crate::{
    domain::{effect::Note, policy::ApproverSet, request::Request},
    slack::rich_text::{InlineText, RichText},
};

/// The reply to those who may still decide.
pub fn reminder(request: &Request, panel: &ApproverSet) -> Message {
    let waits = subject(user_of(request)).text(" still waits for a decision");
    let text = InlineText::of("Reminder: ").join(&waits).mrkdwn();
    let call = call(request, panel);
    let since = waits
        .text(", requested by ")
        .person(&request.requester)
        .text(" on ")
        .moment(request.created_at)
        .text(".");
    let blocks = vec![RichText::new().line(since).line(call).block()];
    Message { text, blocks }
}

/// What has happened.
pub fn note(request: &Request, note: &Note, panel: &ApproverSet) -> Message {
    let paragraphs = RichText::new();
    Message::of(&match note {
        Note::Approval { by, revision, given, needed } => {
            let approved = InlineText::new().person(by).text(format!(" approved ({given} of {needed})."));
            let said = request.revisions.iter().find(|amendment| {
                amendment.by == *by && amendment.revision == *revision && amendment.differences.is_empty()
            });
            let said = said.and_then(|amendment| amendment.note.as_ref());
            said.iter().fold(paragraphs.line(approved), |all, note| all.quote(note.as_str()))
        }
        Note::Escalated => paragraphs
            .line(InlineText::of("Nobody has decided for a while, so more people are asked."))
            .line(call(request, panel)),
        Note::Revised { revision, reset_approvals } => {
            let amendment = request
                .revisions
                .iter()
                .find(|amendment| amendment.revision == *revision && !amendment.differences.is_empty());
            let Some(amendment) = amendment else {
                return Message::of(&paragraphs.line(InlineText::of("The request was changed.")));
            };
            let is_own = amendment.by == request.requester;
            let verb = if is_own { " changed the request:" } else { " approved it with changes:" };
            let mut paragraphs = paragraphs.line(InlineText::new().person(&amendment.by).text(verb));
            for line in differences(&amendment.differences) {
                paragraphs = paragraphs.line(line);
            }
            if let Some(note) = &amendment.note {
                paragraphs = paragraphs.quote(note.as_str());
            }
            no_longer_count(*reset_approvals).into_iter().fold(paragraphs, RichText::line)
        }
    })
}

/// Calls on those whose word is missing. Who of a group has given it, only whoever made the panel can know.
fn call(request: &Request, panel: &ApproverSet) -> InlineText {
    match panel.clone().without_decided(request, |_| None).approvers.as_slice() {
        [] => InlineText::of(
            "Nobody else may approve this request. Ask whoever runs this bot to name another approver.",
        ),
        others => InlineText::new().any_of(others).text(": please press Approve or Deny on the card above."),
    }
}
