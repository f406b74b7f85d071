//! What is specific to the review of a creation: what is sent to Marketo, and the inputs for the expiration, the role
//! and the workspace.

use slack_morphism::blocks::{SlackBlock, SlackBlockDatePickerElement, SlackInputBlock};

use super::Review;
use crate::{
    domain::{
        change::{CreateUser, Named},
        expiration::Expiration,
        form::Field,
        policy::Requirement,
        request::Request,
    },
    slack::{
        ids::{self, block_id_of},
        rich_text::{InlineText, RichText},
        text::label,
        views::request_form::{input, select},
    },
};

/// The blocks between the details and the note.
pub(super) fn blocks(review: &Review<'_>, user: &CreateUser) -> Vec<SlackBlock> {
    let mut blocks = vec![
        marketo_fields(review.request, user).block(),
        expiration(review, user).into(),
        role(review, user).into(),
    ];
    blocks.extend(workspace(review, user).map(Into::into));
    blocks
}

/// The names are those of "Invite User" in Adobe's "User Management" reference; a test compares them with what is
/// sent.
fn marketo_fields(request: &Request, user: &CreateUser) -> RichText {
    let field = |name: &str, value: &str| InlineText::new().code(name).text(": ").text(value);
    let role = format!("accessRoleId {}, workspaceId {}", user.role.id, user.workspace.id);
    let mut lines = vec![
        InlineText::new().bold("Sent to Marketo, unless you choose something else below:"),
        field("emailAddress", user.email.as_str()),
        field("firstName", user.first_name.as_str()),
        field("lastName", user.last_name.as_str()),
        field("apiOnly", "true"),
        field("userRoleWorkspaces", &role),
    ];
    lines.extend(user.expiration.as_ref().map(|end| field("expiresAt", &end.iso8601())));
    lines.extend(request.reason.as_ref().map(|reason| field("reason", reason.as_str())));
    lines.into_iter().fold(RichText::new(), RichText::line)
}

fn expiration(review: &Review<'_>, user: &CreateUser) -> SlackInputBlock {
    let last_day = review.last_day;
    let requested = user.expiration.as_ref().map(Expiration::date);
    let (requirement, hint) = match requested {
        None => (
            Requirement::Optional,
            format!(
                "No expiration was requested, so access never ends unless you choose a date, {last_day} at the latest."
            ),
        ),
        Some(date) if review.has_ended => (
            Requirement::Required,
            format!("The requested date, {date}, has passed. Choose a later one, {last_day} at the latest."),
        ),
        Some(date) => {
            (Requirement::Required, format!("Requested: {date}. You can choose that date or an earlier one."))
        }
    };
    let picker = SlackBlockDatePickerElement::new()
        .with_action_id(ids::VALUE.into())
        .opt_initial_date(requested.map(|date| date.to_string()));
    input(block_id_of(Field::Expiration, None), "Access expiration", picker, requirement)
        .with_hint(label(&hint))
}

fn role(review: &Review<'_>, user: &CreateUser) -> SlackInputBlock {
    let allowed = review.options.roles.iter().map(|role| &role.named);
    select_input(review, Field::Role, "Role", allowed, &user.role)
}

fn workspace(review: &Review<'_>, user: &CreateUser) -> Option<SlackInputBlock> {
    let allowed = &review.options.workspaces;
    let is_choice = allowed.iter().any(|workspace| workspace.id != user.workspace.id);
    is_choice.then(|| select_input(review, Field::Workspace, "Workspace", allowed.iter(), &user.workspace))
}

/// A select of what is allowed and what was requested, which is selected at first.
fn select_input<'a>(
    review: &Review<'a>,
    field: Field,
    text: &str,
    allowed: impl Iterator<Item = &'a Named>,
    requested: &'a Named,
) -> SlackInputBlock {
    let mut options: Vec<&Named> = allowed.collect();
    // Its name may have changed since the request.
    let current = options.iter().find(|named| named.id == requested.id).copied();
    if current.is_none() {
        options.insert(0, requested);
    }
    let instance = review.names_instance.then(|| review.request.change.instance());
    let select = select(&options, Some(current.unwrap_or(requested)));
    let hint = format!("Requested: {}", requested.name);
    input(block_id_of(field, instance), text, select, Requirement::Required).with_hint(label(&hint))
}
