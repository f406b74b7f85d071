//! The form in which a user is asked for. Its labels are part of the contract; its limits only save people a second
//! try, since everything is checked again when the form is submitted.

use serde_json::{Value, json};
use slack_morphism::{
    EmailAddress,
    blocks::{
        SlackBlock, SlackBlockChoiceItem, SlackBlockDatePickerElement, SlackBlockEmailInputElement,
        SlackBlockExternalSelectElement, SlackBlockOptionGroup, SlackBlockPlainTextInputElement,
        SlackBlockPlainTextOnly, SlackBlockStaticSelectElement, SlackInputBlock, SlackInputBlockElement,
        SlackModalView, SlackView,
    },
};

use super::{label, modals, unavailable_modal};
use crate::{
    domain::{
        change::Named,
        form::{Demands, Field},
        offer::Offer,
        policy::{Approval, Demand},
        text::{EMAIL_MAX, NAME_MAX, REASON_MAX},
    },
    slack::{
        ids::{self, block_id_of},
        line::Line,
        text,
    },
};

/// How many options a select, or a group of them, may have.
const OPTIONS_MAX: usize = 100;
/// The longest text of an option.
const OPTION_MAX: usize = 75;

type Choice = SlackBlockChoiceItem<SlackBlockPlainTextOnly>;

/// What the form is made of.
#[derive(Clone)]
pub struct Form<'a> {
    /// The roles and workspaces to choose from.
    pub offer: &'a Offer,
    /// What must be filled in, whatever is chosen.
    pub demands: Demands,
    /// Who may come to decide, depending on what is chosen.
    pub approvals: Vec<&'a Approval>,
    /// What the e-mail field holds at first; may be empty.
    pub email: &'a str,
    /// Comes back with the submission.
    pub metadata: &'a str,
}

/// The modal **Marketo API user**.
pub fn request_modal(form: &Form<'_>) -> SlackView {
    if form.offer.roles.is_empty() {
        return unavailable_modal(
            "Marketo has none of the roles that may be given to an API user. Ask whoever runs this bot to check \
             the roles in its configuration.",
        );
    }
    let email = text::literal(form.email.trim(), EMAIL_MAX);
    let mut blocks = vec![
        next_step(&form.approvals).context(),
        email_input(&email),
        name(Field::FirstName, "First name", !email.is_empty()),
        name(Field::LastName, "Last name", false),
        reason(form.demands.reason),
        expiration(form.demands.expiration),
        role(form.offer),
    ];
    blocks.extend(workspace(form.offer));
    let view = SlackModalView::new(label(modals::TITLE), blocks)
        .with_submit(label("Request"))
        .with_close(label("Cancel"))
        .with_callback_id(ids::REQUEST_FORM.into())
        .with_private_metadata(form.metadata.to_owned());
    SlackView::Modal(view)
}

/// The answer to `/slack/options`: the workspaces whose names hold `typed`, as "External select" in Slack's Block
/// Kit reference has it.
pub fn options(offer: &Offer, typed: &str) -> Value {
    let typed = typed.trim().to_lowercase();
    let matches = offer.workspaces.iter().filter(|named| named.name.to_lowercase().contains(&typed));
    let options: Vec<Choice> = matches.take(OPTIONS_MAX).map(choice).collect();
    json!({ "options": options })
}

fn next_step(approvals: &[&Approval]) -> Line {
    let news = "You get a direct message about every step.";
    match approvals {
        [Approval::Required { approvers, needed: 1 }] => {
            Line::of("An approver decides: ").any_of(approvers).text(format!(". {news}"))
        }
        [Approval::Required { approvers, needed }] => {
            Line::of(format!("{needed} approvers decide, among ")).any_of(approvers).text(format!(". {news}"))
        }
        [Approval::None { per_week: None }] => Line::of(format!(
            "No approval is needed: Marketo gets the user as soon as you press Request. {news}"
        )),
        _ => Line::of(format!("Who approves depends on what you ask for. {news}")),
    }
}

fn input(
    field: Field,
    text: &str,
    element: impl Into<SlackInputBlockElement>,
    demand: Demand,
) -> SlackInputBlock {
    SlackInputBlock::new(label(text), element.into())
        .with_block_id(block_id_of(field).into())
        .with_optional(demand == Demand::Optional)
}

fn email_input(prefilled: &str) -> SlackBlock {
    let initial = Some(EmailAddress(prefilled.to_owned())).filter(|_| !prefilled.is_empty());
    let element = SlackBlockEmailInputElement::new()
        .with_action_id(ids::VALUE.into())
        .opt_focus_on_load(prefilled.is_empty().then_some(true))
        .opt_initial_value(initial);
    let hint = "The login of the new user. Marketo must not have a user with this e-mail yet.";
    input(Field::Email, "Email", element, Demand::Required).with_hint(label(hint)).into()
}

fn name(field: Field, text: &str, has_focus: bool) -> SlackBlock {
    let element = SlackBlockPlainTextInputElement::new()
        .with_action_id(ids::VALUE.into())
        .with_max_length(NAME_MAX as u64)
        .opt_focus_on_load(has_focus.then_some(true));
    input(field, text, element, Demand::Required).into()
}

fn reason(demand: Demand) -> SlackBlock {
    let element = SlackBlockPlainTextInputElement::new()
        .with_action_id(ids::VALUE.into())
        .with_multiline(true)
        .with_max_length(REASON_MAX as u64);
    let hint = "What the user is for, such as the tool or integration that will use it.";
    input(Field::Reason, "Reason", element, demand).with_hint(label(hint)).into()
}

fn expiration(demand: Demand) -> SlackBlock {
    let element = SlackBlockDatePickerElement::new().with_action_id(ids::VALUE.into());
    let hint = "Access ends at the end of this day in your time zone.";
    input(Field::Expiration, "Access expiration", element, demand).with_hint(label(hint)).into()
}

fn role(offer: &Offer) -> SlackBlock {
    let choices: Vec<Choice> = offer.roles.iter().map(|role| choice(&role.named)).collect();
    let select = SlackBlockStaticSelectElement::new().with_action_id(ids::VALUE.into());
    let only = Some(&choices).filter(|choices| choices.len() == 1).map(|choices| choices[0].clone());
    let select = select.opt_initial_option(only);
    let select = if choices.len() <= OPTIONS_MAX {
        select.with_options(choices)
    } else {
        select.with_option_groups(groups(&choices))
    };
    input(Field::Role, "Role", select, Demand::Required).into()
}

/// More roles than one select may list, in groups.
fn groups(choices: &[Choice]) -> Vec<SlackBlockOptionGroup<SlackBlockPlainTextOnly>> {
    let groups = choices.chunks(OPTIONS_MAX).take(OPTIONS_MAX).enumerate();
    let group = |(at, group): (usize, &[Choice])| {
        let first = at * OPTIONS_MAX + 1;
        let name = format!("Roles {first} to {}", first + group.len() - 1);
        SlackBlockOptionGroup::new(label(&name), group.to_vec())
    };
    groups.map(group).collect()
}

fn workspace(offer: &Offer) -> Option<SlackBlock> {
    let count = offer.workspaces.len();
    let element: SlackInputBlockElement = match count {
        0 | 1 => return None,
        2..=OPTIONS_MAX => SlackBlockStaticSelectElement::new()
            .with_action_id(ids::VALUE.into())
            .with_options(offer.workspaces.iter().map(choice).collect())
            .into(),
        // The options come from `/slack/options`, from the first letter or before it.
        _ => SlackBlockExternalSelectElement::new()
            .with_action_id(ids::VALUE.into())
            .with_min_query_length(0)
            .into(),
    };
    let hint = "The role holds in this workspace.";
    Some(input(Field::Workspace, "Workspace", element, Demand::Required).with_hint(label(hint)).into())
}

fn choice(named: &Named) -> Choice {
    Choice::new(text::plain(&named.name, OPTION_MAX).into(), named.id.to_string())
}
