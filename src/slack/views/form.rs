//! The form in which a user is asked for. Its labels are part of the contract; its limits only save people a second
//! try, since everything is checked again when the form is submitted.

use serde_json::{Value, json};
use slack_morphism::{
    EmailAddress,
    blocks::{
        SlackBlock, SlackBlockChoiceItem, SlackBlockDatePickerElement, SlackBlockEmailInputElement,
        SlackBlockExternalSelectElement, SlackBlockPlainTextInputElement, SlackBlockPlainTextOnly,
        SlackBlockStaticSelectElement, SlackInputBlock, SlackInputBlockElement, SlackModalView, SlackView,
    },
};

use super::{label, modals, unavailable_modal};
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
        text,
    },
};

/// How many options a select may have.
const OPTIONS_MAX: usize = 100;
/// The longest text of an option.
const OPTION_MAX: usize = 75;

type SelectOption = SlackBlockChoiceItem<SlackBlockPlainTextOnly>;

/// What the form is made of.
#[derive(Clone, Copy)]
pub struct Form<'a> {
    /// What it is called and what its button says.
    pub wording: FormLabels,
    /// The name of each Marketo instance; where there are several, one can be chosen.
    pub instances: &'a [&'a str],
    /// The one whose roles and workspaces are shown.
    pub instance: &'a str,
    /// Those roles and workspaces.
    pub choices: SelectOptions<'a>,
    /// What must be filled in, and who may come to decide.
    pub expected: &'a FormPreview<'a>,
    /// What the fields hold at first: roles and workspaces by their ids. What is not offered is left out; its instance
    /// does not count.
    pub initial: &'a FormInput,
    /// Whether the first field to be filled in takes the focus; not where somebody is at work in the form already.
    pub takes_focus: bool,
    /// Comes back with the submission.
    pub metadata: &'a str,
}

/// What a form is called and what its button says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormLabels {
    /// By which the bot knows it again.
    pub callback_id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// The label of the button that sends it.
    pub submit: &'static str,
    /// What is said first; may be empty.
    pub preface: &'static str,
}

impl FormLabels {
    /// The form for a new request.
    pub const REQUEST: Self =
        Self { callback_id: ids::REQUEST_FORM, title: modals::TITLE, submit: "Request", preface: "" };

    /// The form in which a request is changed.
    pub const EDIT: Self = Self {
        callback_id: ids::EDIT_FORM,
        title: "Edit request",
        submit: "Save",
        preface: "Approvals given so far no longer count once you save a change. ",
    };

    /// The wording of the form that is open under this callback id.
    pub fn of(callback_id: &str) -> Option<Self> {
        [Self::REQUEST, Self::EDIT].into_iter().find(|wording| wording.callback_id == callback_id)
    }
}

/// What there is to choose from on an instance.
#[derive(Clone, Copy)]
pub enum SelectOptions<'a> {
    /// These roles and workspaces.
    Offered(&'a AllowedOptions),
    /// They are being fetched.
    Loading,
    /// They could not be fetched.
    Unavailable,
}

/// The modal **Marketo API user**.
pub fn request_modal(form: &Form<'_>) -> SlackView {
    let has_choice = form.instances.len() > 1;
    let carried = has_choice.then_some(form.instance);
    let place = match form.choices {
        SelectOptions::Offered(offer) if !offer.roles.is_empty() => {
            let mut place = vec![role(offer, form.initial, carried)];
            place.extend(workspace(offer, form.initial, carried));
            place
        }
        SelectOptions::Offered(_) if !has_choice => {
            return unavailable_modal(
                "Marketo has none of the roles that may be given to an API user. Ask whoever runs this bot to check \
                 the roles in its configuration.",
            );
        }
        SelectOptions::Offered(_) => vec![note(format!(
            "{} has none of the roles that may be given to an API user. Choose another Marketo instance, or ask \
             whoever runs this bot to check the roles in its configuration.",
            form.instance
        ))],
        SelectOptions::Loading => vec![note(format!("Loading roles from {}…", form.instance))],
        SelectOptions::Unavailable => vec![note(form_errors::instance_unavailable(form.instance))],
    };
    let FormInput { email, first_name, last_name, reason: why, expiration: end, .. } = form.initial;
    let email = text::literal(email.trim(), EMAIL_MAX);
    let focus = form.takes_focus.then_some(if email.is_empty() { Field::Email } else { Field::FirstName });
    let mut blocks = vec![
        next_step(form.wording, &form.expected.approvals).context(),
        email_input(&email, focus == Some(Field::Email)),
        name(Field::FirstName, "First name", first_name, focus == Some(Field::FirstName)),
        name(Field::LastName, "Last name", last_name, false),
        reason(form.expected.requirements.reason, why),
        expiration(form.expected.requirements.expiration, end.as_deref()),
    ];
    blocks.extend(has_choice.then(|| instance(form)));
    blocks.extend(place);
    let view = SlackModalView::new(label(form.wording.title), blocks)
        .with_submit(label(form.wording.submit))
        .with_close(label("Cancel"))
        .with_callback_id(form.wording.callback_id.into())
        .with_private_metadata(form.metadata.to_owned());
    SlackView::Modal(view)
}

/// The answer to `/slack/options`: the roles or workspaces whose names hold `typed`, as "External select" in Slack's
/// Block Kit reference has it.
pub fn options(offer: &AllowedOptions, field: Field, typed: &str) -> Value {
    let typed = typed.trim().to_lowercase();
    let named: Vec<&Named> = match field {
        Field::Role => offer.roles.iter().map(|role| &role.named).collect(),
        Field::Workspace => offer.workspaces.iter().collect(),
        _ => Vec::new(),
    };
    let matches = named.into_iter().filter(|named| named.name.to_lowercase().contains(&typed));
    let options: Vec<SelectOption> = matches.take(OPTIONS_MAX).map(choice).collect();
    json!({ "options": options })
}

fn next_step(wording: FormLabels, approvals: &[&Approval]) -> InlineText {
    let news = "You get a direct message about every step.";
    let preface = InlineText::of(wording.preface);
    match approvals {
        [Approval::Required { approvers, needed: 1 }] => {
            preface.text("An approver decides: ").any_of(approvers).text(format!(". {news}"))
        }
        [Approval::Required { approvers, needed }] => {
            let among = format!("{needed} approvers decide, among ");
            preface.text(among).any_of(approvers).text(format!(". {news}"))
        }
        [Approval::None { per_week: None }] => InlineText::of(format!(
            "No approval is needed: Marketo gets the user as soon as you press Request. {news}"
        )),
        _ => preface.text(format!("Who approves depends on what you ask for. {news}")),
    }
}

fn note(text: String) -> SlackBlock {
    RichText::new().line(InlineText::of(text)).block()
}

pub(super) fn input(
    block_id: String,
    text: &str,
    element: impl Into<SlackInputBlockElement>,
    demand: Requirement,
) -> SlackInputBlock {
    SlackInputBlock::new(label(text), element.into())
        .with_block_id(block_id.into())
        .with_optional(demand == Requirement::Optional)
}

fn email_input(initial: &str, has_focus: bool) -> SlackBlock {
    let initial = Some(EmailAddress(initial.to_owned())).filter(|_| !initial.is_empty());
    let element = SlackBlockEmailInputElement::new()
        .with_action_id(ids::VALUE.into())
        .opt_focus_on_load(has_focus.then_some(true))
        .opt_initial_value(initial);
    let hint = "The login of the new user. Marketo must not have a user with this e-mail yet.";
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

fn reason(demand: Requirement, initial: &str) -> SlackBlock {
    let element = SlackBlockPlainTextInputElement::new()
        .with_action_id(ids::VALUE.into())
        .with_multiline(true)
        .with_max_length(REASON_MAX as u64)
        .opt_initial_value(initial_text(initial, REASON_MAX));
    let hint = "What the user is for, such as the tool or integration that will use it.";
    let block_id = block_id_of(Field::Reason, None);
    input(block_id, "Reason", element, demand).with_hint(label(hint)).into()
}

fn initial_text(text: &str, max: usize) -> Option<String> {
    Some(text::literal(text, max)).filter(|text| !text.trim().is_empty())
}

fn expiration(demand: Requirement, initial: Option<&str>) -> SlackBlock {
    let date = initial.filter(|date| date.parse::<jiff::civil::Date>().is_ok());
    let element = SlackBlockDatePickerElement::new()
        .with_action_id(ids::VALUE.into())
        .opt_initial_date(date.map(str::to_owned));
    let hint = "Access ends at the end of this day in your time zone.";
    let block_id = block_id_of(Field::Expiration, None);
    input(block_id, "Access expiration", element, demand).with_hint(label(hint)).into()
}

/// The choice among instances. The bot hears of a change at once, since roles and workspaces follow it.
fn instance(form: &Form<'_>) -> SlackBlock {
    let choice = |name: &str| SelectOption::new(text::plain(name, OPTION_MAX).into(), name.to_owned());
    let select = SlackBlockStaticSelectElement::new()
        .with_action_id(ids::VALUE.into())
        .with_options(form.instances.iter().map(|name| choice(name)).collect())
        .with_initial_option(choice(form.instance));
    let block_id = block_id_of(Field::Instance, None);
    let hint = "The user is created there. Roles and workspaces follow this choice.";
    input(block_id, "Marketo instance", select, Requirement::Required)
        .with_hint(label(hint))
        .with_dispatch_action(true)
        .into()
}

fn role(offer: &AllowedOptions, initial: &FormInput, instance: Option<&str>) -> SlackBlock {
    let roles: Vec<&Named> = offer.roles.iter().map(|role| &role.named).collect();
    let only = if let [only] = roles.as_slice() { Some(*only) } else { None };
    let initial = named(&roles, initial.role.as_deref()).or(only);
    input(block_id_of(Field::Role, instance), "Role", select(&roles, initial), Requirement::Required).into()
}

fn workspace(offer: &AllowedOptions, initial: &FormInput, instance: Option<&str>) -> Option<SlackBlock> {
    if offer.workspaces.len() < 2 {
        return None;
    }
    let workspaces: Vec<&Named> = offer.workspaces.iter().collect();
    let select = select(&workspaces, named(&workspaces, initial.workspace.as_deref()));
    let block_id = block_id_of(Field::Workspace, instance);
    let hint = "The role holds in this workspace.";
    Some(input(block_id, "Workspace", select, Requirement::Required).with_hint(label(hint)).into())
}

/// The one of `all` with this id.
fn named<'a>(all: &[&'a Named], id: Option<&str>) -> Option<&'a Named> {
    let id: i64 = id?.parse().ok()?;
    all.iter().find(|named| named.id == id).copied()
}

/// A select of these. Where there are more than it may hold, its options come from `/slack/options`, from the first
/// letter or before it.
pub(super) fn select(all: &[&Named], initial: Option<&Named>) -> SlackInputBlockElement {
    let initial = initial.map(choice);
    if all.len() <= OPTIONS_MAX {
        SlackBlockStaticSelectElement::new()
            .with_action_id(ids::VALUE.into())
            .with_options(all.iter().map(|named| choice(named)).collect())
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

fn choice(named: &Named) -> SelectOption {
    SelectOption::new(text::plain(&named.name, OPTION_MAX).into(), named.id.to_string())
}
