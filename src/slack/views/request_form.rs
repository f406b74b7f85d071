//! The form in which an API user is requested or a request is edited. Its labels are part of the contract. Its limits
//! only save people a second try, since everything is checked again when the form is submitted.

use std::collections::HashMap;

use serde_json::{Value, json};
use slack_morphism::{
    EmailAddress,
    blocks::{
        SlackBlock, SlackBlockChoiceItem, SlackBlockDatePickerElement, SlackBlockEmailInputElement,
        SlackBlockExternalSelectElement, SlackBlockPlainTextInputElement, SlackBlockPlainTextOnly,
        SlackBlockStaticSelectElement, SlackInputBlock, SlackInputBlockElement, SlackModalView, SlackView,
    },
};

use super::{modals, unavailable_modal};
use crate::{
    domain::{
        allowed_options::AllowedOptions,
        change::Named,
        form::{Field, FormInput, FormPreview},
        policy::{Approval, Requirement},
        text::{EMAIL_MAX, NAME_MAX, REASON_MAX},
    },
    slack::{
        form_errors,
        ids::{self, block_id_of},
        rich_text::{InlineText, RichText},
        text::{self, label},
    },
};

/// How many options a select can have.
const OPTIONS_MAX: usize = 100;
/// The longest text of an option, in characters.
const OPTION_MAX: usize = 75;

type SelectOption = SlackBlockChoiceItem<SlackBlockPlainTextOnly>;

/// The contents of the form.
#[derive(Clone, Copy)]
pub struct Form<'a> {
    /// Whether it creates or edits a request.
    pub labels: FormLabels,
    /// The name of each Marketo instance; where there are several, one can be chosen.
    pub instances: &'a [&'a str],
    /// The instance whose roles and workspaces are shown.
    pub instance: &'a str,
    /// Those roles and workspaces.
    pub options: SelectOptions<'a>,
    /// What is required, and who may have to approve.
    pub preview: &'a FormPreview<'a>,
    /// The initial values: roles and workspaces by their ids. Those that are not offered are left out, and its instance
    /// is ignored.
    pub initial: &'a FormInput,
    /// Whether the first field to fill in takes the focus. Not where somebody is typing in the form already.
    pub takes_focus: bool,
    /// Comes back with the submission.
    pub metadata: &'a str,
}

/// The fixed texts of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormLabels {
    /// Identifies the form in Slack's payloads.
    pub callback_id: &'static str,
    /// The title.
    pub title: &'static str,
    /// The label of the submit button.
    pub submit: &'static str,
    /// What the form says first; may be empty.
    pub preface: &'static str,
}

impl FormLabels {
    /// The form for a new request.
    pub const REQUEST: Self =
        Self { callback_id: ids::REQUEST_FORM, title: modals::TITLE, submit: "Request", preface: "" };

    /// The form in which a request is edited.
    pub const EDIT: Self = Self {
        callback_id: ids::EDIT_FORM,
        title: "Edit request",
        submit: "Save",
        preface: "If you save a change, the approvals given so far no longer count. ",
    };

    /// The labels of the form with this callback id.
    pub fn of(callback_id: &str) -> Option<Self> {
        [Self::REQUEST, Self::EDIT].into_iter().find(|labels| labels.callback_id == callback_id)
    }
}

/// The roles and workspaces of an instance.
#[derive(Clone, Copy)]
pub enum SelectOptions<'a> {
    /// These.
    Offered(&'a AllowedOptions),
    /// They are being fetched.
    Loading,
    /// They could not be fetched.
    Unavailable,
}

/// The modal **Marketo API user**.
pub fn request_modal(form: &Form<'_>) -> SlackView {
    let are_several_instances = form.instances.len() > 1;
    let selects = match form.options {
        SelectOptions::Offered(offered) if offered.roles.is_empty() && !are_several_instances => {
            return unavailable_modal(
                "Marketo has none of the roles that API users are allowed to have. Ask this bot's admin to check the \
                 roles in the configuration.",
            );
        }
        SelectOptions::Offered(offered) if offered.roles.is_empty() => vec![paragraph(format!(
            "{} has none of the roles that API users are allowed to have. Choose another Marketo instance, or ask this \
             bot's admin to check the roles in the configuration.",
            form.instance
        ))],
        SelectOptions::Offered(offered) => {
            let instance = are_several_instances.then_some(form.instance);
            let mut selects = vec![role(offered, form.initial, instance)];
            selects.extend(workspace(offered, form.initial, instance));
            selects
        }
        SelectOptions::Loading => vec![paragraph(format!("Loading roles from {}…", form.instance))],
        SelectOptions::Unavailable => vec![paragraph(form_errors::instance_unavailable(form.instance))],
    };
    let mut blocks = inputs(form);
    blocks.extend(are_several_instances.then(|| instance(form)));
    blocks.extend(selects);
    let view = SlackModalView::new(label(form.labels.title), blocks)
        .with_submit(label(form.labels.submit))
        .with_close(label("Cancel"))
        .with_callback_id(form.labels.callback_id.into())
        .with_private_metadata(form.metadata.to_owned());
    SlackView::Modal(view)
}

/// What happens next, and the inputs that do not depend on the instance.
fn inputs(form: &Form<'_>) -> Vec<SlackBlock> {
    let FormInput { email, first_name, last_name, reason: why, expiration: end, .. } = form.initial;
    let email = text::literal(email.trim(), EMAIL_MAX);
    let focus = form.takes_focus.then_some(if email.is_empty() { Field::Email } else { Field::FirstName });
    vec![
        what_happens_next(form.labels, &form.preview.approvals).context(),
        email_input(&email, focus == Some(Field::Email)),
        name(Field::FirstName, "First name", first_name, focus == Some(Field::FirstName)),
        name(Field::LastName, "Last name", last_name, false),
        reason(form.preview.requirements.reason, why),
        expiration(form.preview.requirements.expiration, end.as_deref()),
    ]
}

/// The answer to `/slack/options`: the roles or workspaces whose names contain `typed`. See "External select" in
/// Slack's Block Kit reference.
pub fn options(offered: &AllowedOptions, field: Field, typed: &str) -> Value {
    let typed = typed.trim().to_lowercase();
    let named: Vec<&Named> = match field {
        Field::Role => offered.roles.iter().map(|role| &role.named).collect(),
        Field::Workspace => offered.workspaces.iter().collect(),
        _ => Vec::new(),
    };
    let is_match = |named: &Named| named.name.to_lowercase().contains(&typed);
    let matching = named.iter().zip(options_of(&named)).filter(|(named, _)| is_match(named));
    let options: Vec<SelectOption> = matching.take(OPTIONS_MAX).map(|(_, option)| option).collect();
    json!({ "options": options })
}

fn what_happens_next(labels: FormLabels, approvals: &[&Approval]) -> InlineText {
    let preface = InlineText::of(labels.preface);
    match approvals {
        [Approval::Required { approvers, needed: 1 }] => preface
            .text("Approvers: ")
            .any_of(approvers)
            .text(". You'll get a direct message about every step."),
        [Approval::Required { approvers, needed }] => preface
            .text(format!("Approvals needed: {needed}. Approvers: "))
            .any_of(approvers)
            .text(". You'll get a direct message about every step."),
        [Approval::None { per_week: None }] => InlineText::of(
            "No approval is needed: I create the user in Marketo as soon as you click Request. You'll get a direct message \
             about every step.",
        ),
        _ => preface
            .text("The approvers depend on what you request. You'll get a direct message about every step."),
    }
}

fn paragraph(text: String) -> SlackBlock {
    RichText::new().line(InlineText::of(text)).block()
}

pub(super) fn input(
    block_id: String,
    text: &str,
    element: impl Into<SlackInputBlockElement>,
    requirement: Requirement,
) -> SlackInputBlock {
    SlackInputBlock::new(label(text), element.into())
        .with_block_id(block_id.into())
        .with_optional(requirement == Requirement::Optional)
}

fn email_input(initial: &str, has_focus: bool) -> SlackBlock {
    let initial = Some(EmailAddress(initial.to_owned())).filter(|_| !initial.is_empty());
    let element = SlackBlockEmailInputElement::new()
        .with_action_id(ids::VALUE.into())
        .opt_focus_on_load(has_focus.then_some(true))
        .opt_initial_value(initial);
    let hint = "The new user's login. Marketo must not have a user with this email yet.";
    let block_id = block_id_of(Field::Email, None);
    input(block_id, "Email", element, Requirement::Required).with_hint(label(hint)).into()
}

fn name(field: Field, text: &str, initial: &str, has_focus: bool) -> SlackBlock {
    let element = SlackBlockPlainTextInputElement::new()
        .with_action_id(ids::VALUE.into())
        .with_max_length(NAME_MAX as u64)
        .opt_focus_on_load(has_focus.then_some(true))
        .opt_initial_value(initial_text(initial, NAME_MAX));
    input(block_id_of(field, None), text, element, Requirement::Required).into()
}

fn reason(requirement: Requirement, initial: &str) -> SlackBlock {
    let element = SlackBlockPlainTextInputElement::new()
        .with_action_id(ids::VALUE.into())
        .with_multiline(true)
        .with_max_length(REASON_MAX as u64)
        .opt_initial_value(initial_text(initial, REASON_MAX));
    let hint = "What the user is for, such as the tool or integration that will use it.";
    let block_id = block_id_of(Field::Reason, None);
    input(block_id, "Reason", element, requirement).with_hint(label(hint)).into()
}

fn initial_text(text: &str, max: usize) -> Option<String> {
    Some(text::literal(text, max)).filter(|text| !text.trim().is_empty())
}

fn expiration(requirement: Requirement, initial: Option<&str>) -> SlackBlock {
    let date = initial.filter(|date| date.parse::<jiff::civil::Date>().is_ok());
    let element = SlackBlockDatePickerElement::new()
        .with_action_id(ids::VALUE.into())
        .opt_initial_date(date.map(str::to_owned));
    let hint = "Access ends at the end of this day in your time zone.";
    let block_id = block_id_of(Field::Expiration, None);
    input(block_id, "Access expiration", element, requirement).with_hint(label(hint)).into()
}

/// The select of instances. Slack sends its changes at once, since roles and workspaces depend on it.
fn instance(form: &Form<'_>) -> SlackBlock {
    let option = |name: &str| SelectOption::new(text::plain(name, OPTION_MAX).into(), name.to_owned());
    let select = SlackBlockStaticSelectElement::new()
        .with_action_id(ids::VALUE.into())
        .with_options(form.instances.iter().map(|name| option(name)).collect())
        .with_initial_option(option(form.instance));
    let block_id = block_id_of(Field::Instance, None);
    let hint = "The user is created there. Roles and workspaces depend on this choice.";
    input(block_id, "Marketo instance", select, Requirement::Required)
        .with_hint(label(hint))
        .with_dispatch_action(true)
        .into()
}

fn role(offered: &AllowedOptions, initial: &FormInput, instance: Option<&str>) -> SlackBlock {
    let roles: Vec<&Named> = offered.roles.iter().map(|role| &role.named).collect();
    let only = if let [only] = roles.as_slice() { Some(*only) } else { None };
    let initial = named(&roles, initial.role.as_deref()).or(only);
    input(block_id_of(Field::Role, instance), "Role", select(&roles, initial), Requirement::Required).into()
}

fn workspace(offered: &AllowedOptions, initial: &FormInput, instance: Option<&str>) -> Option<SlackBlock> {
    if offered.workspaces.len() < 2 {
        return None;
    }
    let workspaces: Vec<&Named> = offered.workspaces.iter().collect();
    let select = select(&workspaces, named(&workspaces, initial.workspace.as_deref()));
    let block_id = block_id_of(Field::Workspace, instance);
    let hint = "The role applies in this workspace.";
    Some(input(block_id, "Workspace", select, Requirement::Required).with_hint(label(hint)).into())
}

/// The one of `all` with this id.
fn named<'a>(all: &[&'a Named], id: Option<&str>) -> Option<&'a Named> {
    let id: i64 = id?.parse().ok()?;
    all.iter().find(|named| named.id == id).copied()
}

/// A select of `all`. If there are more than it can have, its options come from `/slack/options`, even before the first
/// letter is typed.
pub(super) fn select(all: &[&Named], initial: Option<&Named>) -> SlackInputBlockElement {
    let options = options_of(all);
    let chosen = initial.and_then(|initial| all.iter().position(|named| named.id == initial.id));
    let initial = chosen.map(|index| options[index].clone());
    if all.len() <= OPTIONS_MAX {
        SlackBlockStaticSelectElement::new()
            .with_action_id(ids::VALUE.into())
            .with_options(options)
            .opt_initial_option(initial)
            .into()
    } else {
        SlackBlockExternalSelectElement::new()
            .with_action_id(ids::VALUE.into())
            .with_min_query_length(0)
            .opt_initial_option(initial)
            .into()
    }
}

/// The options for `all`, each with its own text: names that look the same, because they are or because they are too long,
/// are shown with their ids.
fn options_of(all: &[&Named]) -> Vec<SelectOption> {
    let text = |named: &Named, max| text::plain_cut_in_the_middle(&named.name, max);
    let texts: Vec<String> = all.iter().map(|named| text(named, OPTION_MAX).text).collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for text in &texts {
        *counts.entry(text).or_default() += 1;
    }
    let option = |(named, shown): (&&Named, &String)| {
        let shown = if counts.get(shown.as_str()).copied().unwrap_or_default() > 1 {
            let id = format!(" ({})", named.id);
            text::plain(&format!("{}{id}", text(named, OPTION_MAX - id.len()).text), OPTION_MAX)
        } else {
            text(named, OPTION_MAX)
        };
        SelectOption::new(shown.into(), named.id.to_string())
    };
    all.iter().zip(&texts).map(option).collect()
}
