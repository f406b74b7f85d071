//! How far a request has come, in words. One `match` for all readers; what differs between them is who "you" is
//! and which button is at hand. Only a finished request speaks of "created": people and tests find it by that word.

use super::{failure, others, request_summary::no_longer_count};
use crate::{
    domain::{
        people::UserId,
        policy::ApproverSet,
        request::{ApprovalGiven, Approved, Failure, Request, State, WaitCause, Waiting},
    },
    slack::rich_text::{InlineText, RichText},
};

/// Who reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Whoever is in the approval channel.
    Approvers,
    /// Who asked.
    Requester,
}

/// The state of `request`; `panel` is who decides, where that matters.
pub(super) fn status(request: &Request, panel: Option<&ApproverSet>, reader: Reader) -> RichText {
    let paragraphs = RichText::new();
    let line = InlineText::new();
    match &request.state {
        State::Pending { approvals, is_escalated } => {
            let asks = match reader {
                Reader::Approvers => line.person(&request.requester).bold(" asks for a Marketo API user."),
                Reader::Requester => line.bold("Your request for a Marketo API user waits for approval."),
            };
            let paragraphs = paragraphs.line(asks);
            panel.iter().fold(paragraphs, |paragraphs, panel| {
                let paragraphs = paragraphs.line(may_approve(request, panel));
                let paragraphs = agreed(paragraphs, panel, approvals, *is_escalated, reader);
                let changed = request.revisions.iter().rfind(|change| !change.differences.is_empty());
                let lapsed = changed.and_then(|change| no_longer_count(change.reset_approvals));
                lapsed.into_iter().fold(paragraphs, RichText::line)
            })
        }
        State::Applying { approved, waiting } => {
            let approval = approval(line, approved).text(" ").bold("The user is being created in Marketo.");
            let paragraphs = paragraphs.line(approval);
            waiting.iter().fold(paragraphs, |paragraphs, waiting| paragraphs.line(waits(waiting)))
        }
        State::Done { approved, .. } => {
            let line = approval(line.bold("The user is created in Marketo.").text(" "), approved);
            paragraphs.line(match reader {
                Reader::Approvers => line,
                Reader::Requester => line.text(" The message about it says what to do next."),
            })
        }
        State::Denied { by, reason, .. } => {
            let line = line.bold("Denied").text(" by ").person(by).text(", who says:");
            paragraphs.line(line).quote(reason.as_str())
        }
        State::Cancelled { by, .. } => {
            let by = by.as_ref().unwrap_or(&request.requester);
            let line = line.bold("Cancelled").text(" by ").person(by);
            paragraphs.line(line.text(". Nothing was changed in Marketo."))
        }
        State::TimedOut { .. } => {
            let line = line.bold("Expired.").text(" Nobody decided in time.");
            paragraphs.line(match reader {
                Reader::Approvers => line.text(" If the user is still needed, a new request has to be sent."),
                Reader::Requester => line.text(" If you still need the user, send a new request."),
            })
        }
        State::Failed { approved, failure, .. } => {
            let line = line.bold("Failed.").text(format!(" {}", failure::explanation(failure.kind)));
            let line = match (approved, reader) {
                (Some(approved), Reader::Approvers) => approval(line.text(" "), approved),
                _ => line,
            };
            let then = then(request, failure, approved.is_some(), reader);
            failure::advice(paragraphs.line(line), failure, &then)
        }
    }
}

fn may_approve(request: &Request, panel: &ApproverSet) -> InlineText {
    let others = others(&panel.approvers, &request.requester);
    if others.is_empty() {
        return InlineText::of(
            "Nobody else may approve it. Ask whoever runs this bot to name another approver.",
        );
    }
    InlineText::new().bold("May approve: ").any_of(&others)
}

/// Who has agreed, why these people are asked, and how many have to agree: where it is not just one of them.
fn agreed(
    paragraphs: RichText,
    panel: &ApproverSet,
    approvals: &[ApprovalGiven],
    is_escalated: bool,
    reader: Reader,
) -> RichText {
    let mut paragraphs = paragraphs;
    if panel.needed > 1 {
        let line =
            InlineText::new().bold("Approvals: ").text(format!("{} of {}", approvals.len(), panel.needed));
        let by: Vec<UserId> = approvals.iter().map(|agreement| agreement.by.clone()).collect();
        let by = if by.is_empty() { line } else { line.text(", by ").all_of(&by) };
        paragraphs = paragraphs.line(by);
    }
    if let Some(rule) = &panel.rule {
        let why = match reader {
            Reader::Approvers => "Why you are asked: ",
            Reader::Requester => "Why they are asked: ",
        };
        paragraphs = paragraphs.line(InlineText::new().bold(why).text(format!("rule “{rule}”")));
    }
    if is_escalated {
        paragraphs =
            paragraphs.line(InlineText::of("Nobody decided for a while, so more people may decide now."));
    }
    paragraphs
}

fn approval(line: InlineText, approved: &Approved) -> InlineText {
    match approved.by.as_slice() {
        [] => line.text("No approval was needed."),
        by => line.text("Approved by ").all_of(by).text("."),
    }
}

fn waits(waiting: &Waiting) -> InlineText {
    let cause = match waiting.cause {
        WaitCause::Quota => "Marketo takes no more calls today.",
        WaitCause::Unavailable => "Marketo is too busy or does not answer right now.",
    };
    InlineText::of(format!("{cause} The bot tries again by itself on ")).moment(waiting.until).text(".")
}

/// The last step once the cause of a failure is mended.
fn then(request: &Request, failure: &Failure, is_approved: bool, reader: Reader) -> InlineText {
    match (failure::can_retry(request, failure, is_approved), reader) {
        (true, Reader::Approvers) => InlineText::of("Then press Retry."),
        (true, Reader::Requester) => InlineText::of("Then an approver can press Retry on the card."),
        (false, _) => InlineText::of("Then send the request again."),
    }
}
