//! Why an action of one person was refused, and what to do. This module does not know when an action is refused.

use super::{ask, say};
use crate::{
    domain::{
        decide::Refusal,
        people::{Principal, UserId},
        policy::Violation,
    },
    slack::{
        messages::{Message, violated, without_requester},
        rich_text::InlineText,
    },
};

const OWN_REQUEST: &str = "This is your own request, so someone else has to decide. Ask ";
const NOT_APPROVER: &str = "Only approvers are allowed to do this. Ask ";
const ALREADY_DENIED: &str = "This request was already denied. Nothing changed.";
const NO_APPROVAL_NEEDED: &str =
    "This request needs no approval and is already in progress. Nothing changed.";
const CANNOT_CHECK: &str =
    "I couldn't check who the approvers are, so nothing changed. Try again in a minute.";
const NOT_REQUESTER: &str = "Only the person who sent this request is allowed to change or cancel it. An approver can deny it instead.";
const CHANGED: &str = "The request changed since you looked at it, so your click was not recorded. Look at the card again, then decide.";
const EXCEEDS_REQUEST: &str = "You can approve less than was requested, but not more. Nothing changed. The requester can edit the request.";
const OTHER_CHANNEL: &str =
    "Other people have to approve these values, in another channel. Cancel this request and send a new one.";
const CANCELLED: &str = "This request was already cancelled, so there is nothing left to decide.";
const IN_PROGRESS: &str = "The user is being created. Check back in a moment. Your click changed nothing.";
const MAY_BE_APPLIED: &str = "Marketo didn't respond to the last attempt and may already have the user, so this request cannot be cancelled. I'm looking for the user in Marketo and will update the message.";
const DONE: &str = "The user was already created in Marketo, so there is nothing left to cancel. A Marketo admin can delete it under Admin > Users & Roles.";
const TIMED_OUT: &str = "This request expired because nobody decided in time. If the user is still needed, someone has to request it again.";
const FAILED: &str =
    "This request failed, so there is nothing left to decide. The message explains why and what to do.";
const NOTHING_TO_RETRY: &str = "There is nothing to retry: the request hasn't failed, or another attempt would fail the same way. The message explains what to do.";
const EXPIRATION_PASSED: &str = "The last day of access has passed, so this request cannot be approved as it is. Click Review to choose a later date, or ask the requester to edit the request.";
const EXPIRED_BEFORE_RETRY: &str = "The last day of access has passed, so another attempt won't help. Ask the requester to send a new request with a later date.";
const ATTEMPTED_BEFORE: &str = "Marketo didn't respond to an earlier attempt and may already have the user, so this request cannot be edited. You can cancel it and send a new one.";
const ANOTHER_IS_OPEN: &str =
    "Another request for the same email is open. Decide that one first. Nothing changed here.";
const UNKNOWN_REQUEST: &str =
    "I don't know this request. It may belong to another installation of this bot. Send a new request.";

/// Why an action of `reader` was refused. Where it names the `approvers` to ask, it leaves out the reader.
pub fn refusal(refusal: &Refusal, approvers: &[Principal], reader: &UserId) -> Message {
    let approvers = without_requester(approvers, reader);
    match refusal {
        Refusal::OwnRequest => ask(OWN_REQUEST, &approvers),
        Refusal::NotApprover => ask(NOT_APPROVER, &approvers),
        Refusal::AlreadyApproved { by } if !by.is_empty() => {
            say(InlineText::of("This request was already approved by ").all_of(by).text(". Nothing changed."))
        }
        Refusal::AlreadyDenied { by } => {
            say(InlineText::of("This request was already denied by ").person(by).text(". Nothing changed."))
        }
        other => say(InlineText::of(sentence(other))),
    }
}

/// Why an action in a form was refused, as plain text beside a field, where nobody can be mentioned.
pub fn refusal_in_form(refusal: &Refusal) -> String {
    match refusal {
        Refusal::OwnRequest => "This is your own request, so someone else has to decide.".to_owned(),
        Refusal::NotApprover => "Only approvers are allowed to do this.".to_owned(),
        Refusal::AlreadyApproved { by } if !by.is_empty() => {
            "Someone else was faster: this request was already approved. Nothing changed. Close this form."
                .to_owned()
        }
        Refusal::AlreadyDenied { .. } => {
            "Someone else was faster: this request was already denied. Nothing changed. Close this form."
                .to_owned()
        }
        other => sentence(other),
    }
}

/// What does not depend on the reader.
fn sentence(refusal: &Refusal) -> String {
    let text = match refusal {
        Refusal::ApprovalAlreadyGiven { given, needed } => {
            return format!(
                "You already approved this request. It has {given} of {needed} approvals, and someone else has to \
                 give the next one."
            );
        }
        Refusal::PolicyViolated(violation) => return policy_violated(*violation),
        Refusal::OwnRequest => OWN_REQUEST,
        Refusal::NotApprover => NOT_APPROVER,
        Refusal::AlreadyApproved { .. } => NO_APPROVAL_NEEDED,
        Refusal::AlreadyDenied { .. } => ALREADY_DENIED,
        Refusal::CannotCheck => CANNOT_CHECK,
        Refusal::NotRequester => NOT_REQUESTER,
        Refusal::Changed => CHANGED,
        Refusal::ExceedsRequest => EXCEEDS_REQUEST,
        Refusal::OtherChannel => OTHER_CHANNEL,
        Refusal::Cancelled => CANCELLED,
        Refusal::InProgress => IN_PROGRESS,
        Refusal::MayBeApplied => MAY_BE_APPLIED,
        Refusal::Done => DONE,
        Refusal::TimedOut => TIMED_OUT,
        Refusal::Failed => FAILED,
        Refusal::NothingToRetry => NOTHING_TO_RETRY,
        Refusal::ExpirationPassed => EXPIRATION_PASSED,
        Refusal::ExpiredBeforeRetry => EXPIRED_BEFORE_RETRY,
        Refusal::AttemptedBefore => ATTEMPTED_BEFORE,
        Refusal::AnotherIsOpen => ANOTHER_IS_OPEN,
        Refusal::UnknownRequest => UNKNOWN_REQUEST,
    };
    text.to_owned()
}

fn policy_violated(violation: Violation) -> String {
    let why = violated(violation);
    format!(
        "The policy doesn't allow this request as it is: {why}. Nothing changed. Click Review to choose something else, or ask \
         the requester to edit the request."
    )
}
