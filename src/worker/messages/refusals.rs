//! Which errors of Slack are definite. Pure.
//!
//! A definite error is one that says that this message cannot be shown here. Every other error may pass: the network's, a
//! proxy's, a code that Slack did not have when this was written.

use crate::slack::error::{Class, Error};

/// What an error says about a call for one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Slack cannot be called at the moment, or does not accept it from anybody: nothing is said about this message.
    Outage,
    /// Slack refuses it by a code that is not known.
    Unclear,
    /// Slack refuses it.
    Definite,
}

/// The codes by which Slack says that a message cannot be posted, or a posted one not be changed:
/// <https://docs.slack.dev/reference/methods/chat.postMessage>, <https://docs.slack.dev/reference/methods/chat.update>.
const DEFINITE: [&str; 27] = [
    "block_mismatch",
    "cannot_dm_bot",
    "cannot_reply_to_message",
    "cant_update_message",
    "channel_not_found",
    "edit_window_closed",
    "ekm_access_denied",
    "invalid_arguments",
    "invalid_blocks",
    "invalid_blocks_format",
    "is_archived",
    "is_inactive",
    "message_limit_exceeded",
    "messages_tab_disabled",
    "metadata_too_large",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "not_in_channel",
    "restricted_action",
    "team_access_not_granted",
    "team_not_found",
    "thread_not_found",
    "too_many_attachments",
    "too_many_messages",
    "user_disabled",
    "user_not_found",
];

/// What `error` says about the message.
pub(super) fn classify(error: &Error) -> Refusal {
    let is_definite = || {
        DEFINITE.contains(&error.code.as_str())
            // Slack has a code for each kind of restriction, such as `restricted_action_read_only_channel`.
            || error.code.starts_with("restricted_action_")
    };
    match error.class {
        Class::RateLimited { .. } | Class::Unreachable | Class::Unknown | Class::Revoked => Refusal::Outage,
        Class::MissingScope { .. } => Refusal::Unclear,
        Class::Refused if is_definite() => Refusal::Definite,
        Class::Refused => Refusal::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_codes_are_definite() {
        let error = |class, code: &str| Error { method: "chat.postMessage", class, code: code.to_owned() };
        for (class, code, expected) in [
            (Class::Refused, "is_archived", Refusal::Definite),
            (Class::Refused, "restricted_action_read_only_channel", Refusal::Definite),
            (Class::Refused, "http_403", Refusal::Unclear),
            (Class::Refused, "a code of tomorrow", Refusal::Unclear),
            (Class::MissingScope { needed: String::new() }, "missing_scope", Refusal::Unclear),
            (Class::Unknown, "http_503", Refusal::Outage),
            (Class::Revoked, "token_revoked", Refusal::Outage),
        ] {
            assert_eq!(classify(&error(class, code)), expected, "{code}");
        }
    }
}
