//! What a failure means and what to do about it, in words for people who have never seen the inside of the bot.

use crate::{
    domain::request::{Failure, FailureKind, Request},
    slack::rich_text::{InlineText, RichText},
};

/// What went wrong.
pub(super) fn explanation(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Taken => "Somebody else added a Marketo user with this e-mail in the meantime.",
        FailureKind::TakenElsewhere => {
            "Another Marketo instance has a user with this e-mail, and Marketo wants an e-mail to be unique across \
             all instances, sandboxes included."
        }
        FailureKind::InstanceGone => "The bot no longer serves the Marketo instance that was asked for.",
        FailureKind::Mismatch => {
            "Marketo now has a user with this e-mail, but it differs from what was approved."
        }
        FailureKind::AccessDenied => "Marketo does not let the bot manage users.",
        FailureKind::Credentials => "Marketo does not accept the bot's Client Id and Client Secret.",
        FailureKind::Configuration => "The bot does not find this Marketo instance at its address.",
        FailureKind::Rejected => "Marketo refused these values.",
        FailureKind::Unavailable => {
            "Marketo could not be reached, or stayed too busy, until the bot gave up."
        }
        FailureKind::CardUndeliverable => {
            "The bot could not post to the approval channel, so nobody was able to decide."
        }
        FailureKind::ExpirationPassed => "The last day of access was over before Marketo had the user.",
    }
}

/// What to do about it, up to the last step, which depends on the reader.
fn remedy(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Taken => {
            "Use that user if it is the right one. Otherwise send a new request with another e-mail."
        }
        FailureKind::TakenElsewhere => {
            "Send a new request with another e-mail: it need not be a real mailbox."
        }
        FailureKind::InstanceGone => {
            "Ask whoever runs this bot to bring the instance back into its configuration, or send a new request for \
             another instance."
        }
        FailureKind::Mismatch => {
            "Ask a Marketo admin to look at the user under Admin > Users & Roles and to correct or delete it."
        }
        FailureKind::AccessDenied => {
            "Ask a Marketo admin to give the role of the bot's API user the permissions Access User Management Api \
             and Access Users, and to check the list of allowed IP addresses."
        }
        FailureKind::Credentials => {
            "Ask whoever runs this bot to enter the Client Id and Client Secret of its LaunchPoint service again."
        }
        FailureKind::Configuration => {
            "Ask whoever runs this bot to check the base URL of the Marketo instance."
        }
        FailureKind::Rejected => "Send a new request with corrected values.",
        FailureKind::Unavailable => "Wait until Marketo answers again.",
        FailureKind::CardUndeliverable => "Invite the bot to the approval channel, then send a new request.",
        FailureKind::ExpirationPassed => "Send a new request with a later day.",
    }
}

/// Whether the card of this failed request has the button **Retry**.
pub(super) fn can_retry(request: &Request, failure: &Failure, is_approved: bool) -> bool {
    is_approved && failure.kind.is_retryable() && request.approval_channel.is_some()
}

/// The remedy and whose words led to it. `then` is the reader's last step where the cause can be mended.
pub(super) fn advice(paragraphs: RichText, failure: &Failure, then: &InlineText) -> RichText {
    let mut next = InlineText::new().bold("What to do: ").text(remedy(failure.kind));
    if failure.kind.is_retryable() {
        next = next.text(" ").join(then);
    }
    let mut paragraphs = paragraphs.line(next);
    if failure.kind.is_retryable() && failure.attempted_at.is_some() {
        let doubt = "Marketo may have the user already. Trying again looks for it first and never makes a second one.";
        paragraphs = paragraphs.line(InlineText::of(doubt));
    }
    if failure.detail.trim().is_empty() {
        return paragraphs;
    }
    let whose = match failure.kind {
        FailureKind::CardUndeliverable => "Slack's answer: ",
        FailureKind::TakenElsewhere => "The user is on: ",
        FailureKind::InstanceGone => "Not in the configuration: ",
        FailureKind::Mismatch | FailureKind::Taken | FailureKind::ExpirationPassed => "Details: ",
        FailureKind::AccessDenied
        | FailureKind::Credentials
        | FailureKind::Configuration
        | FailureKind::Rejected
        | FailureKind::Unavailable => "Marketo's answer: ",
    };
    paragraphs.line(InlineText::new().bold(whose).text(&failure.detail))
}
