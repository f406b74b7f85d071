//! The replies in a card's thread: the reminder, and what has happened to the request since the card was posted.

use super::{
    Message,
    facts::{differences, no_longer_count, subject, user_of},
};
use crate::{
    domain::{effect::Note, policy::Panel, request::Request},
    slack::line::{Line, Paragraphs},
};

/// The reply to those who may still decide.
pub fn reminder(request: &Request, panel: &Panel) -> Message {
    let waits = subject(user_of(request)).text(" still waits for a decision");
    let text = Line::of("Reminder: ").join(&waits).mrkdwn();
    let call = call(request, panel);
    let since = waits
        .text(", requested by ")
        .person(&request.requester)
        .text(" on ")
        .moment(request.created_at)
        .text(".");
    let blocks = vec![Paragraphs::new().line(since).line(call).block()];
    Message { text, blocks }
}

/// What has happened.
pub fn note(request: &Request, note: &Note, panel: &Panel) -> Message {
    let paragraphs = Paragraphs::new();
    Message::of(&match note {
        Note::Approval { by, revision, given, needed } => {
            let approved = Line::new().person(by).text(format!(" approved ({given} of {needed})."));
            let said = request.amendments.iter().find(|amendment| {
                amendment.by == *by && amendment.revision == *revision && amendment.differences.is_empty()
            });
            let said = said.and_then(|amendment| amendment.note.as_ref());
            said.iter().fold(paragraphs.line(approved), |all, note| all.quote(note.as_str()))
        }
        Note::Escalated => paragraphs
            .line(Line::of("Nobody has decided for a while, so more people are asked."))
            .line(call(request, panel)),
        Note::Amended { revision, lapsed } => {
            let amendment = request
                .amendments
                .iter()
                .find(|amendment| amendment.revision == *revision && !amendment.differences.is_empty());
            let Some(amendment) = amendment else {
                return Message::of(&paragraphs.line(Line::of("The request was changed.")));
            };
            let is_own = amendment.by == request.requester;
            let verb = if is_own { " changed the request:" } else { " approved it with changes:" };
            let mut paragraphs = paragraphs.line(Line::new().person(&amendment.by).text(verb));
            for line in differences(&amendment.differences) {
                paragraphs = paragraphs.line(line);
            }
            if let Some(note) = &amendment.note {
                paragraphs = paragraphs.quote(note.as_str());
            }
            no_longer_count(*lapsed).into_iter().fold(paragraphs, Paragraphs::line)
        }
    })
}

/// Calls on those whose word is missing. Who of a group has given it, only whoever made the panel can know.
fn call(request: &Request, panel: &Panel) -> Line {
    match panel.clone().still_asked(request, |_| None).deciders.as_slice() {
        [] => Line::of(
            "Nobody else may approve this request. Ask whoever runs this bot to name another approver.",
        ),
        others => Line::new().any_of(others).text(": please press Approve or Deny on the card above."),
    }
}
