//! The errors next to the fields of a form. They are plain text, since Slack shows nothing else there. This module does
//! not know what is wrong with a field.

use super::replies::NotRequester;
use crate::domain::{
    form::{Field, FieldError, FieldErrorKind},
    text::{EMAIL_MAX, NAME_MAX, REASON_MAX, TextError, is_invisible},
};

/// How many domains are named before the rest is counted.
const NAMED_MAX: usize = 10;

/// What is wrong with a field, and what to do.
pub fn field_error(FieldError { field, kind }: &FieldError) -> String {
    match kind {
        FieldErrorKind::Text(why) => text(*field, *why),
        FieldErrorKind::UnsupportedCharacter(c) => unsupported_character(*c),
        FieldErrorKind::NoteTooLong => format!("A note can have at most {REASON_MAX} characters."),
        FieldErrorKind::OtherDomain(domains) => other_domain(domains),
        FieldErrorKind::DateRequired { last: Some(last) } => {
            format!("Choose the last day of access, {last} at the latest.")
        }
        FieldErrorKind::DateRequired { last: None } => "Choose the last day of access.".to_owned(),
        FieldErrorKind::InvalidDate => "Choose a date.".to_owned(),
        FieldErrorKind::DateInPast { first } => format!("That date has passed. Choose {first} or later."),
        FieldErrorKind::DateTooLate { last } => format!("Access can last until {last} at the latest."),
        FieldErrorKind::LaterThanRequested { requested } => {
            format!("Access was requested until {requested}. Choose that date or an earlier one.")
        }
        FieldErrorKind::ReasonMissing => CHOICE_REQUIRES_REASON.to_owned(),
        FieldErrorKind::NotChosen => not_chosen(*field).to_owned(),
        FieldErrorKind::NotOffered => not_offered(*field).to_owned(),
        FieldErrorKind::AllWorkspacesOnly { role, all: Some(all) } => {
            format!("The role {role} can only be given in all workspaces. Choose {all}.")
        }
        FieldErrorKind::AllWorkspacesOnly { all: None, .. } => {
            "This role can only be given in all workspaces, which is not allowed here. Choose another role."
                .to_owned()
        }
    }
}

fn text(field: Field, why: TextError) -> String {
    match (field, why) {
        (Field::Email, TextError::Empty) => "Enter an email address.".to_owned(),
        (Field::Email, TextError::TooLong) => {
            format!("An email address can have at most {EMAIL_MAX} characters.")
        }
        (Field::Email, TextError::Malformed) => {
            "Enter an email address such as svc-crm@example.com.".to_owned()
        }
        (Field::FirstName, TextError::TooLong) => {
            format!("A first name can have at most {NAME_MAX} characters.")
        }
        (Field::FirstName, TextError::Empty | TextError::Malformed) => "Enter a first name.".to_owned(),
        (Field::LastName, TextError::TooLong) => {
            format!("A last name can have at most {NAME_MAX} characters.")
        }
        (Field::LastName, TextError::Empty | TextError::Malformed) => "Enter a last name.".to_owned(),
        (Field::Reason, TextError::TooLong) => reason_too_long(),
        (Field::Reason, TextError::Empty | TextError::Malformed) => {
            "Explain what the user is for. Approvers see this.".to_owned()
        }
        (Field::Expiration | Field::Role | Field::Workspace | Field::Instance, _) => {
            not_chosen(field).to_owned()
        }
    }
}

fn not_chosen(field: Field) -> &'static str {
    match field {
        Field::Email => "Enter an email address.",
        Field::FirstName => "Enter a first name.",
        Field::LastName => "Enter a last name.",
        Field::Reason => "Enter a reason.",
        Field::Expiration => "Choose a date.",
        Field::Role => "Choose a role.",
        Field::Workspace => "Choose a workspace.",
        Field::Instance => "Choose a Marketo instance.",
    }
}

fn not_offered(field: Field) -> &'static str {
    match field {
        Field::Role => "This role is no longer available. Choose another one.",
        Field::Workspace => "This workspace is no longer available. Choose another one.",
        Field::Instance => "This Marketo instance is no longer available. Choose another one.",
        Field::Email | Field::FirstName | Field::LastName | Field::Reason | Field::Expiration => {
            "This value is no longer available. Choose another one."
        }
    }
}

/// Names the character, since it may be invisible or look like another one.
fn unsupported_character(c: char) -> String {
    let code = u32::from(c);
    if is_invisible(c) || c.is_whitespace() {
        format!(
            "This address contains an invisible character (U+{code:04X}), which Marketo doesn't accept. Type the address \
             again."
        )
    } else {
        format!(
            "This address contains “{c}” (U+{code:04X}), which Marketo doesn't accept, though it may look like an \
             ordinary letter. Type the address again."
        )
    }
}

fn other_domain(domains: &[String]) -> String {
    let named = &domains[..domains.len().min(NAMED_MAX)];
    let more = match domains.len() - named.len() {
        0 => String::new(),
        more => format!(" or one of {more} more domains"),
    };
    format!("Use an address that ends in @{}{more}.", named.join(" or @"))
}

/// The form was opened by another version of the bot, or its metadata is gone.
pub const FORM_OUTDATED: &str = "This form is out of date, so nothing was sent. Close it and open it again.";

/// The request has changed since the form was opened.
pub const CHANGED: &str = "The request changed since you opened this form, so nothing was sent. Close the form, look at the request again, then open the form again.";

/// The review grants more than was requested.
pub const EXCEEDS_REQUEST: &str = "You can approve less than was requested, but not more. Nothing was sent.";

/// The policy does not allow what is approved.
pub const POLICY_VIOLATED: &str = "The policy doesn't allow this. Nothing was sent. Close the form and open it again to see what is allowed now.";

/// The last day of access has passed.
pub const DATE_PASSED: &str = "That date has passed. Choose a later one.";

/// The rule of the chosen role or workspace requires a reason.
const CHOICE_REQUIRES_REASON: &str = "This choice requires a reason, and the request has none. Choose something else, or ask the requester to edit the request.";

/// The chosen role or workspace needs approval by others than the reviewer.
pub const OTHERS_DECIDE: &str =
    "Other people have to approve that choice. Choose another one, or ask the requester to edit the request.";

/// The chosen values need approval by people who are asked in another channel.
pub const OTHER_CHANNEL: &str = "Other people have to approve that choice, in another channel. Choose another one, or cancel this request and send a new one.";

/// Whether the person is allowed to request API users is unknown.
pub const CANNOT_CHECK_REQUESTER: &str = "I couldn't check your permissions. Try again in a moment.";

/// The request needs an approval, and its card would be where nobody else can see it.
pub const NEEDS_CHANNEL: &str = "Someone has to approve this request, and nobody else can see the direct message in which you typed the command. Nothing was sent. Type the command in a channel.";

/// Neither roles nor workspaces have ever been fetched.
pub const MARKETO_UNAVAILABLE: &str =
    "Marketo isn't responding right now, so I can't show its roles. Try again in a few minutes.";

/// Neither roles nor workspaces of one of several instances have ever been fetched.
pub fn instance_unavailable(instance: &str) -> String {
    format!(
        "{instance} isn't responding right now, so I can't show its roles. Try again in a few minutes, or choose another \
         Marketo instance."
    )
}

/// The chosen instance is no longer configured.
pub fn instance_gone(instance: &str) -> String {
    format!("The Marketo instance {instance} is no longer available. Close this form and open it again.")
}

/// The roles in the form are those of the instance `shown`, not of the `chosen` one.
pub fn roles_of_another(shown: &str, chosen: &str) -> String {
    format!(
        "These roles belong to {shown}, not to {chosen}. Wait a moment until the form shows the roles of {chosen}. If it \
         doesn't, choose the Marketo instance again."
    )
}

/// The email belongs to a user already; of `instance`, where there are several.
pub fn already_a_user(instance: Option<&str>) -> String {
    match instance {
        None => "Marketo already has a user with this email. Use another address. It doesn't have to be a real mailbox."
            .to_owned(),
        Some(instance) => format!(
            "The Marketo instance {instance} already has a user with this email, and an email must be unique across all \
             instances, including sandboxes. Use another address. It doesn't have to be a real mailbox."
        ),
    }
}

/// A user with another email logs in with this one; on `instance`, where there are several.
pub fn already_a_login(instance: Option<&str>) -> String {
    let place = instance.map_or(String::new(), |instance| format!(" on the Marketo instance {instance}"));
    format!(
        "A Marketo user with another email logs in with this one{place}. Use another address. It doesn't have to be a real \
         mailbox."
    )
}

/// Another open request has this email.
pub fn already_pending(are_several_instances: bool) -> String {
    if are_several_instances {
        "A request for this email is already open, and an email must be unique across all Marketo instances. Wait for \
         its outcome, or use another address."
    } else {
        "A request for this email is already open. Wait for its outcome, or use another address."
    }
    .to_owned()
}

/// The database failed.
pub const NOTHING_STORED: &str =
    "Nothing was saved because the database isn't responding. Try again in a minute.";

/// A rate limit is reached.
pub const TOO_MANY: &str = "That was too much at once, so nothing was sent. Try again in a minute.";

/// A denial without a reason.
pub const REASON_MISSING: &str = "Explain why. The requester sees this.";

/// A reason is too long.
pub fn reason_too_long() -> String {
    format!("A reason can have at most {REASON_MAX} characters.")
}

/// Why somebody is not allowed to request API users.
pub fn may_not_request(why: NotRequester) -> &'static str {
    match why {
        NotRequester::Guest => {
            "Guests are not allowed to request Marketo API users. Ask a full member of the workspace."
        }
        NotRequester::Bot => "Bots are not allowed to request Marketo API users. A person has to.",
        NotRequester::Deactivated => "Deactivated accounts are not allowed to request Marketo API users.",
        NotRequester::OtherWorkspace => {
            "Only members of this workspace are allowed to request Marketo API users."
        }
        NotRequester::NotListed => {
            "You're not on the list of people who are allowed to request Marketo API users. Type the command again to \
             see who is."
        }
        NotRequester::CannotCheck => CANNOT_CHECK_REQUESTER,
    }
}
