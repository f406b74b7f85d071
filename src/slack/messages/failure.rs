//! What a failure means and what to do about it, for people who have never seen the inside of the bot.

use super::{
    change::{FailureTexts, messages_of},
    reader::Reader,
};
use crate::{
    domain::{
        change::Change,
        request::{Failure, FailureKind, Request},
    },
    slack::rich_text::{InlineText, RichText},
};

/// The texts for this kind of failure of this change.
pub(super) fn texts(change: &Change, kind: FailureKind) -> FailureTexts {
    let (explanation, remedy) = match kind {
        FailureKind::Taken => return messages_of(change).already_exists(),
        FailureKind::TakenElsewhere => return messages_of(change).exists_elsewhere(),
        FailureKind::Mismatch => return messages_of(change).differs_from_approved(),
        FailureKind::ExpirationPassed => return messages_of(change).too_late(),
        FailureKind::InstanceGone => (
            "I no longer manage the requested Marketo instance.",
            "Send a new request for another instance, or ask this bot's admin to add this one back to the configuration.",
        ),
        FailureKind::AccessDenied => (
            "Marketo doesn't let me manage users.",
            "Ask a Marketo admin to give the role of my API user the permissions Access User Management Api and Access \
             Users, and to check the list of allowed IP addresses.",
        ),
        FailureKind::Credentials => (
            "Marketo doesn't accept my Client Id and Client Secret.",
            "Ask this bot's admin to enter the Client Id and Client Secret of its LaunchPoint service again.",
        ),
        FailureKind::Configuration => (
            "I can't find this Marketo instance at its configured address.",
            "Ask this bot's admin to check the base URL of the Marketo instance.",
        ),
        FailureKind::Rejected => {
            ("Marketo rejected these values.", "Send a new request with corrected values.")
        }
        FailureKind::Unavailable => (
            "Marketo was unreachable or too busy for so long that I stopped trying.",
            "Wait until Marketo responds again.",
        ),
        FailureKind::CardUndeliverable => (
            "I couldn't post to the approval channel, so nobody was able to decide.",
            "Invite me to the approval channel, then send a new request.",
        ),
    };
    FailureTexts { explanation, remedy }
}

/// Whether the message of this failed request for `reader` has the button **Retry**: the card, or the requester's message if
/// there is no card.
pub(super) fn can_retry(request: &Request, failure: &Failure, is_approved: bool, reader: Reader) -> bool {
    let place = if request.approval_channel.is_some() { Reader::Approvers } else { Reader::Requester };
    is_approved && failure.kind.is_retryable() && reader == place
}

/// What to do, and the vendor's own words: a line each.
pub(super) fn advice(request: &Request, failure: &Failure, reader: Reader) -> RichText {
    let mut what_to_do =
        InlineText::new().bold("What to do: ").text(texts(&request.change, failure.kind).remedy);
    if failure.kind.is_retryable() {
        what_to_do = what_to_do.text(" ").text(last_step(request, reader));
    }
    let mut advice = RichText::new().line(what_to_do);
    if failure.kind.is_retryable() && failure.attempted_at.is_some() {
        advice = advice.line(InlineText::of(
            "Marketo may already have the user. A retry looks for it first and never creates a second one.",
        ));
    }
    if !failure.detail.trim().is_empty() {
        advice = advice.line(InlineText::new().bold(detail_label(failure.kind)).text(&failure.detail));
    }
    advice
}

/// The last step once the cause of the failure is fixed.
fn last_step(request: &Request, reader: Reader) -> &'static str {
    match (request.approval_channel.is_some(), reader) {
        (true, Reader::Approvers) => "Then click Retry.",
        (true, Reader::Requester) => "Then an approver can click Retry on the card.",
        (false, _) => "Then click Retry in my message about this request.",
    }
}

/// Says whose words the detail quotes, or what it names.
fn detail_label(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::CardUndeliverable => "Slack's response: ",
        FailureKind::TakenElsewhere => "Instance that has the user: ",
        FailureKind::InstanceGone => "Missing from the configuration: ",
        FailureKind::Mismatch | FailureKind::Taken | FailureKind::ExpirationPassed => "Details: ",
        FailureKind::AccessDenied
        | FailureKind::Credentials
        | FailureKind::Configuration
        | FailureKind::Rejected
        | FailureKind::Unavailable => "Marketo's response: ",
    }
}
