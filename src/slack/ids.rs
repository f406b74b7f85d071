//! The ids of the bot's modals, inputs and buttons, which Slack sends back. Messages keep them, and people may click a
//! button weeks later, so an id never gets a new meaning.

use crate::domain::{form::Field, people::RequestId, request::Request};

/// Callback id of the modal in which a user is requested.
pub const REQUEST_FORM: &str = "marketo_api_user";
/// Callback id of the modal that asks for the reason of a denial.
pub const DENY_FORM: &str = "deny";
/// Callback id of the modal in which a request is reviewed.
pub const REVIEW_FORM: &str = "review";
/// Callback id of the modal in which a requester edits a request.
pub const EDIT_FORM: &str = "edit";

/// Action id of the button **Approve**.
pub const APPROVE: &str = "request_approve";
/// Action id of the button **Deny**.
pub const DENY: &str = "request_deny";
/// Action id of the button **Cancel request**.
pub const CANCEL: &str = "request_cancel";
/// Action id of the button **Retry**.
pub const RETRY: &str = "request_retry";

/// Action id of the button **Review**.
pub const REVIEW: &str = "request_review";
/// Action id of the button **Edit**.
pub const EDIT: &str = "request_edit";
/// Action id of the button **Deny** in a review.
pub const DENY_IN_REVIEW: &str = "review_deny";

/// The action id of every input; the block id distinguishes the inputs.
pub const VALUE: &str = "value";
/// Block id of the buttons of a message.
pub const BUTTONS: &str = "decision";

/// Block id of the input for the email address.
pub const EMAIL: &str = "email";
/// Block id of the input for the first name.
pub const FIRST_NAME: &str = "first_name";
/// Block id of the input for the last name.
pub const LAST_NAME: &str = "last_name";
/// Block id of the input for the reason of a request or a denial.
pub const REASON: &str = "reason";
/// Block id of the input for the end of access.
pub const EXPIRATION: &str = "expiration";
/// Block id of the input for the role. Where there are several instances, a colon and the instance's name follow, so
/// that Slack does not keep the chosen role of one instance for another.
pub const ROLE: &str = "role";
/// Block id of the input for the workspace. The instance's name follows as for the role.
pub const WORKSPACE: &str = "workspace";
/// Block id of the input for an approver's note in a review.
pub const NOTE: &str = "note";
/// Block id of the input for the Marketo instance.
pub const INSTANCE: &str = "instance";

/// The name of the card among the messages of a request.
pub const CARD: &str = "card";
/// The name of the direct message to the requester.
pub const REQUESTER: &str = "requester";

/// The value of a button of `request`: its id, and the revision that the person who clicks has seen. Neither grants a
/// right.
pub fn button_value(request: &Request) -> String {
    format!("{}@{}", request.id, request.revision)
}

/// The request and the revision in the value of a button. Buttons of earlier versions have the id alone and belong to the
/// first revision.
pub fn read_button_value(value: &str) -> (RequestId, i64) {
    let (id, revision) = value.split_once('@').unwrap_or((value, "1"));
    (RequestId(id.to_owned()), revision.parse().unwrap_or(0))
}

/// The block id of the input for `field`, which also addresses its error. `instance` is the one whose roles and
/// workspaces are offered, where there are several.
pub fn block_id_of(field: Field, instance: Option<&str>) -> String {
    let name = block_name_of(field);
    match (field, instance) {
        (Field::Role | Field::Workspace, Some(instance)) => format!("{name}:{instance}"),
        _ => name.to_owned(),
    }
}

/// The instance in a block id of `field`: `None` if the id is that of another field, `Some(None)` if it has no instance.
pub fn instance_in(block_id: &str, field: Field) -> Option<Option<&str>> {
    match block_id.strip_prefix(block_name_of(field))? {
        "" => Some(None),
        rest => rest.strip_prefix(':').map(Some),
    }
}

/// The block id of the input for `field`, or its start.
fn block_name_of(field: Field) -> &'static str {
    match field {
        Field::Email => EMAIL,
        Field::FirstName => FIRST_NAME,
        Field::LastName => LAST_NAME,
        Field::Reason => REASON,
        Field::Expiration => EXPIRATION,
        Field::Role => ROLE,
        Field::Workspace => WORKSPACE,
        Field::Instance => INSTANCE,
    }
}
