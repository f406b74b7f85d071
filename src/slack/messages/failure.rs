//! What a failure means and what to do about it, for people who have never seen the inside of the bot.

use super::{
    change::{FailureTexts, messages_of},
    reader::Reader,
    request_summary::shown_otherwise,
};
use crate::{
    domain::{
        change::Change,
        problem::MarketoProblem,
        request::{Failure, FailureKind, Request},
    },
    slack::{
        remedies::remedy,
        rich_text::{InlineText, RichText},
    },
};

/// The texts for this failure of this change.
pub(super) fn texts(change: &Change, failure: &Failure) -> FailureTexts {
    let problem = match failure.kind {
        FailureKind::Taken => return messages_of(change).already_exists(),
        FailureKind::LoginTaken => return messages_of(change).login_exists(),
        FailureKind::TakenElsewhere => return messages_of(change).exists_elsewhere(),
        FailureKind::Mismatch => return messages_of(change).differs_from_approved(),
        FailureKind::ExpirationPassed => return messages_of(change).too_late(),
        FailureKind::InstanceGone => {
            return FailureTexts::new(
                "I no longer manage the requested Marketo instance.",
                "Send a new request for another instance, or ask this bot's admin to add this one back to the \
                 configuration.",
            );
        }
        FailureKind::Rejected => {
            return FailureTexts::new(
                "Marketo rejected these values.",
                "Send a new request with corrected values.",
            );
        }
        FailureKind::CardUndeliverable => {
            return FailureTexts::new(
                "I couldn't post to the approval channel, so nobody was able to decide.",
                &format!("{}, then send a new request.", posting_remedy(&failure.detail)),
            );
        }
        FailureKind::AccessDenied => MarketoProblem::AccessDenied,
        FailureKind::Credentials => MarketoProblem::Credentials,
        FailureKind::Configuration => MarketoProblem::Address,
        FailureKind::Unavailable => MarketoProblem::Unavailable,
        FailureKind::Declined => MarketoProblem::Unexplained,
    };
    let remedy = remedy(problem);
    FailureTexts { explanation: remedy.explanation, remedy: remedy.request() }
}

/// What to do so that the bot can post, by Slack's error code: an imperative clause.
pub(super) fn posting_remedy(code: &str) -> &'static str {
    match code {
        "is_archived" => "Ask someone to unarchive the approval channel",
        "not_in_channel" | "channel_not_found" => "Invite me to the approval channel",
        "user_disabled" | "user_not_found" | "cannot_dm_bot" | "account_inactive" => {
            "Ask this bot's admin for an approval channel: the person in this conversation is deactivated or a bot"
        }
        "messages_tab_disabled" => "Ask a Slack admin to turn on the Messages tab of this app",
        restricted if restricted.starts_with("restricted_action") || restricted == "ekm_access_denied" => {
            "Ask a Slack admin to let me post in the approval channel"
        }
        "missing_scope" => "Ask this bot's admin to install the app again with its current manifest",
        _ => "Ask this bot's admin whether I can still post in the approval channel",
    }
}

/// Whether the message of this failed request for `reader` has the button **Retry**: the card, or the requester's message if
/// there is no card.
pub(super) fn can_retry(request: &Request, failure: &Failure, is_approved: bool, reader: Reader) -> bool {
    let place = if request.approval_channel.is_some() { Reader::Approvers } else { Reader::Requester };
    is_approved && failure.kind.is_retryable() && reader == place
}

/// What to do, and the vendor's own words: a line each.
pub(super) fn advice(request: &Request, failure: &Failure, reader: Reader) -> RichText {
    let mut what_to_do = InlineText::new().bold("What to do: ").text(texts(&request.change, failure).remedy);
    if failure.kind.is_retryable() {
        what_to_do = what_to_do.text(" ").text(last_step(request, reader));
    }
    let mut advice = RichText::new().line(what_to_do);
    if failure.kind.is_retryable() && failure.attempted_at.is_some() {
        advice = advice.line(InlineText::of(
            "Marketo may already have the user. A retry looks for it first and never creates a second one.",
        ));
    }
    advice = shown_otherwise(&failure.differences).into_iter().fold(advice, RichText::line);
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
        FailureKind::Taken | FailureKind::LoginTaken | FailureKind::ExpirationPassed => "Details: ",
        FailureKind::AccessDenied
        | FailureKind::Mismatch
        | FailureKind::Declined
        | FailureKind::Credentials
        | FailureKind::Configuration
        | FailureKind::Rejected
        | FailureKind::Unavailable => "Marketo's response: ",
    }
}
