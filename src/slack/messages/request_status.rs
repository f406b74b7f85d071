//! The state of a request, as the first lines of its messages. The readers differ in who "you" is and in the buttons
//! they have. Only a finished request contains the word "created": people and tests find it by that word.

use super::{
    change::messages_of,
    failure,
    reader::Reader,
    request_summary::{fact, reset_approvals, shown_otherwise},
    without_requester,
};
use crate::{
    domain::{
        people::{Principal, UserId},
        policy::{ApproverSet, Violation},
        request::{ApprovalGiven, ApprovalLapse, Approved, Failure, Request, State, WaitCause, Waiting},
    },
    slack::rich_text::{InlineText, RichText},
};

/// The state of `request`. `approvers` are shown while it is pending.
pub(super) fn status(request: &Request, approvers: Option<&ApproverSet>, reader: Reader) -> RichText {
    let line = InlineText::new();
    let text = RichText::new();
    match &request.state {
        State::Pending { approvals, .. } => {
            let approvers = approvers.map(|approvers| (approvers, approvals.as_slice()));
            pending(request, approvers, reader)
        }
        State::Applying { approved, waiting } => {
            let in_progress = messages_of(&request.change).in_progress();
            let text = text.line(approved_by(line, approved).text(" ").bold(in_progress));
            waiting.iter().map(next_attempt).fold(text, RichText::line)
        }
        State::Done { approved, user, .. } => {
            let done = messages_of(&request.change).done();
            let line = approved_by(line.bold(done).text(" "), approved);
            let text = text.line(match reader {
                Reader::Approvers => line,
                Reader::Requester => line.text(" The announcement explains the next steps."),
            });
            shown_otherwise(&user.differences).into_iter().fold(text, RichText::line)
        }
        State::Denied { by, reason, .. } => {
            let line = line.bold("Denied").text(" by ").person(by).text(" for this reason:");
            let text = text.line(line).quote(reason.as_str());
            leftover(request).into_iter().fold(text, RichText::line)
        }
        State::Cancelled { by, .. } => {
            let by = by.as_ref().unwrap_or(&request.requester);
            let line = line.bold("Cancelled").text(" by ").person(by);
            match leftover(request) {
                Some(leftover) => text.line(line.text(".")).line(leftover),
                None => text.line(line.text(". Nothing changed in Marketo.")),
            }
        }
        State::TimedOut { .. } => {
            let line = line.bold("Expired.");
            let text = text.line(match reader {
                Reader::Approvers => line.text(
                    " Nobody decided in time. If the user is still needed, someone has to request it again.",
                ),
                Reader::Requester => {
                    line.text(" Nobody decided in time. If you still need the user, send a new request.")
                }
            });
            leftover(request).into_iter().fold(text, RichText::line)
        }
        State::Failed { approved, failure, .. } => failed(request, approved.as_ref(), failure, reader),
    }
}

fn pending(
    request: &Request,
    approvers: Option<(&ApproverSet, &[ApprovalGiven])>,
    reader: Reader,
) -> RichText {
    let change = messages_of(&request.change);
    let text = RichText::new().line(match reader {
        Reader::Approvers => change.requested(&request.requester),
        Reader::Requester => InlineText::new().bold(change.waiting_for_approval()),
    });
    let Some((approvers, approvals)) = approvers else { return text };
    let mut lines = vec![approvers_line(request, approvers)];
    if approvers.needed > 1 {
        lines.push(approvals_line(approvers.needed, approvals));
    }
    if let Some(rule) = &approvers.rule {
        lines.push(fact("Approval rule").text(format!("“{rule}”")));
    }
    if approvers.is_escalated {
        lines.push(InlineText::of(
            "Nobody has decided for a while, so more people are allowed to decide now.",
        ));
    }
    lines.extend(missing_groups(&approvers.missing_groups).filter(|_| reader == Reader::Approvers));
    lines.extend(asked_again(request));
    lines.extend(violations(request, &approvers.violations, reader));
    let last_change = request.revisions.iter().rfind(|revision| !revision.differences.is_empty());
    lines.extend(last_change.and_then(|revision| reset_approvals(revision.reset_approvals)));
    lines.into_iter().fold(text, RichText::line)
}

/// The policy names groups that do not exist.
fn missing_groups(groups: &[Principal]) -> Option<InlineText> {
    let ids: Vec<&str> = groups
        .iter()
        .filter_map(|group| match group {
            Principal::Group(group) => Some(group.as_str()),
            Principal::User(_) | Principal::Channel(_) => None,
        })
        .collect();
    let ids = (!ids.is_empty()).then(|| ids.join(", "))?;
    Some(fact("Missing user group").text(format!(
        "The configuration names {ids}, which doesn't exist, so it has no members. Ask this bot's admin to correct it."
    )))
}

/// Why the approvers are asked again.
fn asked_again(request: &Request) -> Option<InlineText> {
    let why = match request.asked_again.as_ref()?.lapse {
        ApprovalLapse::TooOld => "An earlier attempt failed, and its approval is too old for another one.",
        ApprovalLapse::PolicyChanged => {
            "An earlier attempt failed, and its approval no longer counts because the policy has changed."
        }
    };
    let line = InlineText::of(why);
    Some(match request.attempted_at() {
        Some(_) => line
            .text(" Marketo may already have the user. I look for it first and never create a second one."),
        None => line,
    })
}

/// What the policy does not allow any more, and who can do something about it.
fn violations(request: &Request, violations: &[Violation], reader: Reader) -> Option<InlineText> {
    let what = violations.iter().map(|violation| violated(*violation)).collect::<Vec<_>>().join(", ");
    let can_edit = request.attempted_at().is_none();
    let to_do = match reader {
        Reader::Approvers if can_edit => {
            "Click Review to choose something else, or ask the requester to edit the request."
        }
        Reader::Approvers => "Click Review to choose something else, or deny the request.",
        Reader::Requester if can_edit => {
            "Click Edit to change the request, or ask an approver to choose something else."
        }
        Reader::Requester => "Ask an approver to choose something else, or cancel the request.",
    };
    (!violations.is_empty()).then(|| fact("Not allowed any more").text(format!("{what}. {to_do}")))
}

/// An earlier attempt may have created the user although the request ended otherwise.
fn leftover(request: &Request) -> Option<InlineText> {
    request.attempted_at().map(|_| {
        InlineText::of(
            "Marketo didn't respond to an earlier attempt, so it may have the user. A Marketo admin can check under \
             Admin > Users & Roles.",
        )
    })
}

fn approvers_line(request: &Request, approvers: &ApproverSet) -> InlineText {
    let mut others = without_requester(&approvers.approvers, &request.requester);
    // The requester's other id.
    others.retain(|other| !matches!(other, Principal::User(_)) || !request.memberships.contains(other));
    match others.as_slice() {
        [] => InlineText::of(
            "Nobody else is allowed to approve this request. Ask this bot's admin to add an approver.",
        ),
        approvers => fact("Approvers").any_of(approvers),
    }
}

/// "Approvals: 1 of 2, by @a".
pub(in crate::slack) fn approvals_line(needed: u32, approvals: &[ApprovalGiven]) -> InlineText {
    let by: Vec<UserId> = approvals.iter().map(|approval| approval.by.clone()).collect();
    let line = fact("Approvals").text(format!("{} of {needed}", by.len()));
    if by.is_empty() { line } else { line.text(", by ").all_of(&by) }
}

fn failed(request: &Request, approved: Option<&Approved>, failure: &Failure, reader: Reader) -> RichText {
    let explanation = failure::texts(&request.change, failure).explanation;
    let line = InlineText::new().bold("Failed.").text(" ").text(explanation);
    let line = match (approved, reader) {
        (Some(approved), Reader::Approvers) => approved_by(line.text(" "), approved),
        (None, _) | (_, Reader::Requester) => line,
    };
    RichText::new().line(line).join(failure::advice(request, failure, reader))
}

fn approved_by(line: InlineText, approved: &Approved) -> InlineText {
    match approved.by.as_slice() {
        [] => line.text("No approval was needed."),
        by => line.text("Approved by ").all_of(by).text("."),
    }
}

fn next_attempt(waiting: &Waiting) -> InlineText {
    InlineText::of(match waiting.cause {
        WaitCause::Quota => "Marketo's daily API quota is used up. I'll try again on ",
        WaitCause::Unavailable => "Marketo is too busy or isn't responding right now. I'll try again on ",
    })
    .moment(waiting.until)
    .text(".")
}

/// What the policy does not allow in a request, as a clause.
pub(in crate::slack) fn violated(violation: Violation) -> String {
    match violation {
        Violation::RoleNotOffered => "its role is no longer offered".to_owned(),
        Violation::WorkspaceNotOffered => "its workspace is no longer offered".to_owned(),
        Violation::DomainNotAllowed => "the domain of its email is no longer allowed".to_owned(),
        Violation::ReasonMissing => "a reason is required".to_owned(),
        Violation::ExpirationMissing => "the last day of access is required".to_owned(),
        Violation::AccessTooLong { last } => format!("access can last until {last} at the latest"),
    }
}
