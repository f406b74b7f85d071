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

/// The e-mail is a user already.
pub const ALREADY_A_USER: &str =
    "There is a Marketo user with this e-mail already. Use another address: it need not be a real mailbox.";

/// The e-mail is in another open request.
pub const ALREADY_PENDING: &str =
    "A request for this e-mail is open already. Wait for its outcome, or use another address.";

/// The database failed.
pub const NOTHING_STORED: &str = "Nothing was stored: the database does not answer. Try again in a minute.";

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
