//! Replies in the card's thread: the reminder, and what has happened to the request since the card was posted.

use super::{
    Message,
    change::messages_of,
    request_summary::{differences, reset_approvals},
};
use crate::{
    domain::{note::Note, policy::ApproverSet, request::Request},
    slack::rich_text::{InlineText, RichText},
};

/// The reminder; it mentions the `approvers` whose decision is missing.
pub fn reminder(request: &Request, approvers: &ApproverSet) -> Message {
    let subject = messages_of(&request.change).subject();
    let text = InlineText::of("Reminder: ").join(&subject).text(" is still waiting for a decision").mrkdwn();
    let line = subject
        .text(" is still waiting for a decision. Requested by ")
        .person(&request.requester)
        .text(" on ")
        .moment(request.created_at)
        .text(".");
    let body = RichText::new().line(line).line(call_for_decision(request, approvers));
    Message { text, blocks: vec![body.block()] }
}

/// What has happened to the request. After an escalation it mentions the `approvers` whose decision is missing.
pub fn note(request: &Request, note: &Note, approvers: &ApproverSet) -> Message {
    Message::of(&match note {
        Note::Approval { by, revision, given, needed } => {
            let line = InlineText::new().person(by).text(format!(" approved ({given} of {needed})."));
            let remark = request.revisions.iter().find(|candidate| {
                candidate.by == *by && candidate.revision == *revision && candidate.differences.is_empty()
            });
            let remark = remark.and_then(|revision| revision.note.as_ref());
            remark.iter().fold(RichText::new().line(line), |text, remark| text.quote(remark.as_str()))
        }
        Note::AskedAgain { .. } => RichText::new()
            .line(InlineText::of("The request is retried, but its approval no longer counts."))
            .line(call_for_decision(request, approvers)),
        Note::Escalated { .. } => RichText::new()
            .line(InlineText::of("Nobody has decided for a while, so I'm asking more people."))
            .line(call_for_decision(request, approvers)),
        Note::Revised { revision, reset_approvals } => revised(request, *revision, *reset_approvals),
    })
}

fn revised(request: &Request, revision: i64, count: u32) -> RichText {
    let revision = request
        .revisions
        .iter()
        .find(|candidate| candidate.revision == revision && !candidate.differences.is_empty());
    let Some(revision) = revision else {
        return RichText::new().line(InlineText::of("The request changed."));
    };
    let verb = if revision.by == request.requester {
        " changed the request:"
    } else {
        " approved the request with changes:"
    };
    let text = RichText::new().line(InlineText::new().person(&revision.by).text(verb));
    let text = differences(&revision.differences).into_iter().fold(text, RichText::line);
    let text = revision.note.iter().fold(text, |text, note| text.quote(note.as_str()));
    reset_approvals(count).into_iter().fold(text, RichText::line)
}

/// Mentions those whose decision is missing. The caller knows the members of groups and has removed the approvers that
/// have decided.
fn call_for_decision(request: &Request, approvers: &ApproverSet) -> InlineText {
    match approvers.clone().without_decided(request, |_| None).approvers.as_slice() {
        [] => InlineText::of(
            "Nobody else is allowed to approve this request. Ask this bot's admin to add an approver.",
        ),
        approvers => {
            InlineText::new().any_of(approvers).text(": please click Approve or Deny on the card above.")
        }
    }
}
