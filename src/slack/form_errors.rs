//! What stands beside the fields of a form, as plain text: that is all that Slack shows there. What is wrong is found
//! elsewhere.

use super::replies::NotRequester;
use crate::domain::{
    form::{Field, FieldError, FieldErrorKind},
    text::{EMAIL_MAX, NAME_MAX, REASON_MAX, TextError, is_invisible},
};

/// How many domains are named before the rest is only counted.
const NAMED_MAX: usize = 10;

/// What is wrong with a field, and what to do.
pub fn field_error(FieldError { field, kind }: &FieldError) -> String {
    match kind {
        FieldErrorKind::Text(why) => text(*field, *why),
        FieldErrorKind::UnsupportedCharacter(c) => strange(*c),
        FieldErrorKind::NoteTooLong => format!("A note has at most {REASON_MAX} characters."),
        FieldErrorKind::OtherDomain(domains) => other_domain(domains),
        FieldErrorKind::DateRequired { last: Some(last) } => {
            format!("Choose the last day of access, {last} at the latest.")
        }
        FieldErrorKind::DateRequired { last: None } => "Choose the last day of access.".to_owned(),
        FieldErrorKind::InvalidDate => "Choose a date.".to_owned(),
        FieldErrorKind::DateInPast { first } => format!("That day is over. Choose {first} or later."),
        FieldErrorKind::DateTooLate { last } => format!("Access may last until {last} at the latest."),
        FieldErrorKind::LaterThanRequested { requested } => {
            format!("Access was asked for until {requested}: choose that day or an earlier one.")
        }
        FieldErrorKind::NotChosen => format!("Choose a {}.", name(*field)),
        FieldErrorKind::NotOffered => {
            format!("This {} is no longer offered. Choose another one.", name(*field))
        }
        FieldErrorKind::AllWorkspacesOnly { role, all: Some(all) } => {
            format!("The role {role} is given in all workspaces only: choose {all}.")
        }
        FieldErrorKind::AllWorkspacesOnly { all: None, .. } => {
            "This role is given in all workspaces only, which is not allowed here. Choose another one."
                .to_owned()
        }
    }
}

/// Which character it is, since it may be one that looks like another, or that nobody sees.
fn strange(c: char) -> String {
    let code = u32::from(c);
    let which = if is_invisible(c) || c.is_whitespace() {
        format!("an invisible character (U+{code:04X})")
    } else {
        format!("“{c}” (U+{code:04X})")
    };
    format!(
        "This address holds {which}, which Marketo does not take, though it may look like an ordinary letter. Type the \
         address anew."
    )
}

fn other_domain(domains: &[String]) -> String {
    let named = &domains[..domains.len().min(NAMED_MAX)];
    let more = match domains.len() - named.len() {
        0 => String::new(),
        more => format!(" or one of {more} more"),
    };
    format!("Use an address that ends in @{}{more}.", named.join(" or @"))
}

fn text(field: Field, why: TextError) -> String {
    match (field, why) {
        (Field::Email, TextError::Empty) => "Enter an e-mail address.".to_owned(),
        (Field::Email, TextError::TooLong) => {
            format!("An e-mail address has at most {EMAIL_MAX} characters.")
        }
        (Field::Email, TextError::Malformed) => {
            "Enter an e-mail address such as svc-crm@example.com.".to_owned()
        }
        (Field::Reason, TextError::TooLong) => reason_too_long(),
        (Field::Reason, TextError::Empty | TextError::Malformed) => {
            "Say what the user is for: the approver decides by it.".to_owned()
        }
        (field, TextError::TooLong) => format!("A {} has at most {NAME_MAX} characters.", name(field)),
        (field, TextError::Empty | TextError::Malformed) => format!("Enter a {}.", name(field)),
    }
}

/// What a field is called within a sentence, after "a".
fn name(field: Field) -> &'static str {
    match field {
        Field::Email => "valid e-mail address",
        Field::FirstName => "first name",
        Field::LastName => "last name",
        Field::Reason => "reason",
        Field::Expiration => "date",
        Field::Role => "role",
        Field::Workspace => "workspace",
        Field::Instance => "Marketo instance",
    }
}

/// The form was opened by another version of the bot, or its metadata is gone.
pub const FORM_OUTDATED: &str = "This form is out of date. Close it and open it again; nothing was sent.";

/// The request is another than the one in the form.
pub const CHANGED: &str = "The request has changed since you opened this form, so nothing was sent. Close the form, look at the request again, and open it anew.";

/// More was chosen than was asked for.
pub const WIDENS: &str = "You may approve less than was asked for, but not more. Nothing was sent.";

/// The day on which access should end is over.
pub const ENDED: &str = "That day is over. Choose a later one.";

/// With the chosen role or workspace it is for others to decide.
pub const OTHERS_DECIDE: &str = "With this choice it is for others to decide, and you are not one of them. Choose another one, or ask the requester to edit the request.";

/// With these values it is for others to decide, and they are asked in another channel.
pub const OTHER_CHANNEL: &str = "With this choice other people decide, in another channel. Choose another one, or cancel this request and send a new one.";

/// Whether the person may ask is not known.
pub const CANNOT_CHECK_REQUESTER: &str = "Slack does not tell right now whether you may ask. Nothing was sent. Press the button again in a few seconds.";

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
    format!("The Marketo instance {instance} is no longer offered. Close this form and open it again.")
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
