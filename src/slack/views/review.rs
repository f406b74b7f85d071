//! The form in which an approver reviews a request: every detail of it, the fields as Marketo will get them, and what
//! may be approved in place of what was asked for. It does not know whether a choice is less than was asked for.

use jiff::civil::Date;
use slack_morphism::blocks::{
    SlackActionsBlock, SlackBlockButtonStyle, SlackBlockDatePickerElement, SlackBlockPlainTextInputElement,
    SlackInputBlock, SlackModalView,
};

use super::{
    Modal, button,
    form::{input, select},
    label,
    request_summary::{amendments, fact, user_lines, user_of},
};
use crate::{
    domain::{
        allowed_options::AllowedOptions,
        change::Named,
        expiration::Expiration,
        form::Field,
        policy::{ApproverSet, Requirement},
        request::{Request, State},
        text::REASON_MAX,
    },
    slack::{
        ids::{self, block_id_of},
        rich_text::{InlineText, RichText},
    },
};

/// What the form is made of.
#[derive(Clone, Copy, Debug)]
pub struct Review<'a> {
    /// The request.
    pub request: &'a Request,
    /// Who decides.
    pub panel: &'a ApproverSet,
    /// What may be chosen; what was asked for is added.
    pub offer: &'a AllowedOptions,
    /// Whether there are several instances.
    pub names_instance: bool,
    /// Whether the day that was asked for is over.
    pub has_ended: bool,
    /// The last day that may be chosen where none was asked for, or that one is over.
    pub last_day: Date,
    /// Comes back with the submission.
    pub metadata: &'a str,
}

/// The modal **Review request**.
pub fn review_modal(review: &Review<'_>) -> Modal {
    let mut blocks = vec![details(review).block(), fields(review.request).block(), expiration(review).into()];
    blocks.push(role(review).into());
    blocks.extend(workspace(review).map(Into::into));
    blocks.push(note().into());
    let deny = button("Deny", ids::DENY_IN_REVIEW, review.request, Some(SlackBlockButtonStyle::Danger));
    blocks.push(SlackActionsBlock::new(vec![deny.into()]).with_block_id(ids::BUTTONS.into()).into());
    let view = SlackModalView::new(label("Review request"), blocks)
        .with_submit(label("Approve"))
        .with_close(label("Cancel"))
        .with_callback_id(ids::REVIEW_FORM.into())
        .with_private_metadata(review.metadata.to_owned());
    Modal::Modal(view)
}

/// Who asks for what, since when and why, and what has happened to it since.
fn details(review: &Review<'_>) -> RichText {
    let Review { request, panel, .. } = review;
    let mut lines =
        vec![fact("Requested by").person(&request.requester).text(" on ").moment(request.created_at)];
    // A direct message has no name to be shown.
    if !request.origin.as_str().starts_with('D') {
        lines.push(fact("Requested in").channel(&request.origin));
    }
    if let State::Pending { approvals, .. } = &request.state
        && panel.needed > 1
    {
        let by: Vec<_> = approvals.iter().map(|agreement| agreement.by.clone()).collect();
        let line = fact("Approvals").text(format!("{} of {}", by.len(), panel.needed));
        lines.push(if by.is_empty() { line } else { line.text(", by ").all_of(&by) });
    }
    lines.extend(user_lines(user_of(request), review.names_instance));
    lines.extend(amendments(request, true));
    let details = lines.into_iter().fold(RichText::new(), RichText::line);
    match &request.reason {
        Some(reason) => details.line(fact("Reason")).quote(reason.as_str()),
        None => details.line(fact("Reason").text("none given")),
    }
}

/// The names are those of "Invite User" in Adobe's "User Management" reference; a story holds them against what is
/// sent.
fn fields(request: &Request) -> RichText {
    let user = user_of(request);
    let field = |name: &str, value: &str| InlineText::new().code(name).text(": ").text(value);
    let place = format!("accessRoleId {}, workspaceId {}", user.role.id, user.workspace.id);
    let mut lines = vec![
        InlineText::new().bold("What Marketo gets, unless you choose otherwise below:"),
        field("emailAddress", user.email.as_str()),
        field("firstName", user.first_name.as_str()),
        field("lastName", user.last_name.as_str()),
        field("apiOnly", "true"),
        field("userRoleWorkspaces", &place),
    ];
    lines.extend(user.expiration.as_ref().map(|end| field("expiresAt", &end.iso8601())));
    lines.extend(request.reason.as_ref().map(|reason| field("reason", reason.as_str())));
    lines.into_iter().fold(RichText::new(), RichText::line)
}

fn expiration(review: &Review<'_>) -> SlackInputBlock {
    let last_day = review.last_day;
    let asked = user_of(review.request).expiration.as_ref();
    let (demand, hint) = match asked.map(Expiration::date) {
        None => (
            Requirement::Optional,
            format!(
                "No day was asked for: access never ends, unless you choose one, {last_day} at the latest."
            ),
        ),
        Some(date) if review.has_ended => (
            Requirement::Required,
            format!(
                "The day that was asked for, {date}, is over. Choose a later one, {last_day} at the latest."
            ),
        ),
        Some(date) => {
            (Requirement::Required, format!("Asked for: {date}. You can choose that day or an earlier one."))
        }
    };
    let picker = SlackBlockDatePickerElement::new()
        .with_action_id(ids::VALUE.into())
        .opt_initial_date(asked.map(|end| end.date().to_string()));
    input(block_id_of(Field::Expiration, None), "Access expiration", picker, demand).with_hint(label(&hint))
}

fn role(review: &Review<'_>) -> SlackInputBlock {
    let offered = review.offer.roles.iter().map(|role| &role.named);
    chosen(review, Field::Role, "Role", offered, &user_of(review.request).role)
}

fn workspace(review: &Review<'_>) -> Option<SlackInputBlock> {
    let asked = &user_of(review.request).workspace;
    let is_choice = review.offer.workspaces.iter().any(|offered| offered.id != asked.id);
    is_choice.then(|| chosen(review, Field::Workspace, "Workspace", review.offer.workspaces.iter(), asked))
}

/// A choice among what is offered and what was asked for, which is chosen at first.
fn chosen<'a>(
    review: &Review<'a>,
    field: Field,
    text: &str,
    offered: impl Iterator<Item = &'a Named>,
    asked: &'a Named,
) -> SlackInputBlock {
    let mut all: Vec<&Named> = offered.collect();
    // It may be called otherwise by now.
    let own = all.iter().find(|named| named.id == asked.id).copied();
    if own.is_none() {
        all.insert(0, asked);
    }
    let instance = review.names_instance.then(|| review.request.change.instance());
    let select = select(&all, Some(own.unwrap_or(asked)));
    let hint = format!("Asked for: {}", asked.name);
    input(block_id_of(field, instance), text, select, Requirement::Required).with_hint(label(&hint))
}

fn note() -> SlackInputBlock {
    let element = SlackBlockPlainTextInputElement::new()
        .with_action_id(ids::VALUE.into())
        .with_multiline(true)
        .with_max_length(REASON_MAX as u64);
    let hint = "The requester reads it, and it stays on the card.";
    input(ids::NOTE.to_owned(), "Note", element, Requirement::Optional).with_hint(label(hint))
}
