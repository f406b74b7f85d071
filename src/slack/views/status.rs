//! How far a request has come, in words. One `match` for all readers; what differs between them is who "you" is
//! and which button is at hand. Only a finished request speaks of "created": people and tests find it by that word.

use super::{failure, others};
use crate::{
    domain::{
        people::Principal,
        request::{Approved, Failure, Request, State, WaitCause, Waiting},
    },
    slack::line::{Line, Paragraphs},
};

/// Who reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Whoever is in the approval channel.
    Approvers,
    /// Who asked.
    Requester,
}

/// The state of `request`.
pub(super) fn status(request: &Request, approvers: &[Principal], reader: Reader) -> Paragraphs {
    let paragraphs = Paragraphs::new();
    let line = Line::new();
    match &request.state {
        State::Pending => {
            let asks = match reader {
                Reader::Approvers => line.person(&request.requester).bold(" asks for a Marketo API user."),
                Reader::Requester => line.bold("Your request for a Marketo API user waits for approval."),
            };
            paragraphs.line(asks).line(may_approve(request, approvers))
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
            let line = line.bold("Failed.").text(format!(" {}", failure::meaning(failure.kind)));
            let line = match (approved, reader) {
                (Some(approved), Reader::Approvers) => approval(line.text(" "), approved),
                _ => line,
            };
            let then = then(request, failure, approved.is_some(), reader);
            failure::advice(paragraphs.line(line), failure, &then)
        }
    }
}

fn may_approve(request: &Request, approvers: &[Principal]) -> Line {
    let others = others(approvers, &request.requester);
    if others.is_empty() {
        return Line::of("Nobody else may approve it. Ask whoever runs this bot to name another approver.");
    }
    Line::new().bold("May approve: ").any_of(&others)
}

fn approval(line: Line, approved: &Approved) -> Line {
    match &approved.by {
        Some(by) => line.text("Approved by ").person(by).text("."),
        None => line.text("No approval was needed."),
    }
}

fn waits(waiting: &Waiting) -> Line {
    let cause = match waiting.cause {
        WaitCause::Quota => "Marketo takes no more calls today.",
        WaitCause::Unavailable => "Marketo is too busy or does not answer right now.",
    };
    Line::of(format!("{cause} The bot tries again by itself on ")).moment(waiting.until).text(".")
}

/// The last step once the cause of a failure is mended.
fn then(request: &Request, failure: &Failure, is_approved: bool, reader: Reader) -> Line {
    match (failure::can_retry(request, failure, is_approved), reader) {
        (true, Reader::Approvers) => Line::of("Then press Retry."),
        (true, Reader::Requester) => Line::of("Then an approver can press Retry on the card."),
        (false, _) => Line::of("Then send the request again."),
    }
}
