//! What stands beside the fields of a form, as plain text: that is all that Slack shows there. What is wrong with a
//! value itself is worded where it is checked (`domain::form`).

use super::words::NotRequester;
use crate::domain::text::REASON_MAX;

/// The form was opened by another version of the bot, or its metadata is gone.
pub const FORM_OUTDATED: &str =
    "This form is out of date. Close it and type the command again; nothing was sent.";

/// Whether the person may ask is not known.
pub const CANNOT_CHECK_REQUESTER: &str = "Slack does not tell right now whether you may ask. Nothing was sent. Press Request again in a few seconds.";

/// Neither roles nor workspaces were ever fetched.
pub const MARKETO_UNAVAILABLE: &str =
    "Marketo does not answer right now, so its roles cannot be shown. Try again in a few minutes.";

/// Neither roles nor workspaces of one of several instances were ever fetched.
pub fn instance_unavailable(instance: &str) -> String {
    format!(
        "{instance} does not answer right now, so its roles cannot be shown. Try again in a few minutes, or choose \
         another Marketo instance."
    )
}

/// The chosen instance is not configured any more.
pub fn instance_gone(instance: &str) -> String {
    format!(
        "The Marketo instance {instance} is no longer offered. Close this form and type the command again."
    )
}

/// The roles in the form are those of another instance than the chosen one.
pub fn roles_of_another(shown: &str, chosen: &str) -> String {
    format!(
        "These are the roles of {shown}, not of {chosen}. Wait a moment until the form shows those of {chosen}; if it \
         does not, choose the Marketo instance again."
    )
}

/// The e-mail is a user already; of `instance`, where there are several.
pub fn already_a_user(instance: Option<&str>) -> String {
    match instance {
        None => {
            "There is a Marketo user with this e-mail already. Use another address: it need not be a real \
                 mailbox."
                .to_owned()
        }
        Some(instance) => format!(
            "The Marketo instance {instance} has a user with this e-mail already, and an e-mail must be unique across \
             all instances, sandboxes included. Use another address: it need not be a real mailbox."
        ),
    }
}

/// The e-mail is in another open request.
pub fn already_pending(are_several_instances: bool) -> String {
    let open = "A request for this e-mail is open already";
    let why = if are_several_instances {
        ", and an e-mail must be unique across all Marketo instances"
    } else {
        ""
    };
    format!("{open}{why}. Wait for its outcome, or use another address.")
}

/// The database failed.
pub const NOTHING_STORED: &str = "Nothing was stored: the database does not answer. Try again in a minute.";

/// Somebody does too much at once.
pub const TOO_MANY: &str = "Too many requests at once. Nothing was sent. Try again in a minute.";

/// A denial without a reason.
pub const REASON_MISSING: &str = "Say why: the requester will read it.";

/// What is said of a reason that is too long.
pub fn reason_too_long() -> String {
    format!("A reason has at most {REASON_MAX} characters.")
}

/// Why somebody may not ask for a user.
pub fn may_not_request(why: NotRequester) -> &'static str {
    match why {
        NotRequester::Guest => {
            "Guests cannot ask for a Marketo user. Ask a full member of the workspace to do it."
        }
        NotRequester::Bot => "Bots cannot ask for a Marketo user.",
        NotRequester::Deactivated => "A deactivated account cannot ask for a Marketo user.",
        NotRequester::OtherWorkspace => "Only members of this workspace can ask for a Marketo user.",
        NotRequester::NotListed => {
            "You are not among those who may ask for a Marketo user. Type the command again to see who is."
        }
        NotRequester::CannotCheck => CANNOT_CHECK_REQUESTER,
    }
}
