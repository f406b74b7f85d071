//! The form of a requested API-only user: what the edit form is filled with, and how a submitted form is validated. New
//! requests and edits go through the same validation.

use super::{form_state::FormState, rejection::Rejection};
use crate::{
    directory::{
        eligibility::{Eligibility, Requester},
        instance::AddressUse,
    },
    domain::{
        allowed_options::AllowedOptions,
        change::{Change, CreateUser},
        decide::Submission,
        form::{Field, FormContext, FormInput, FormPreview, validate},
        people::{ChannelId, RequestId, UserId},
        policy::{Policy, RuleContext, RuleInput},
        request::Request,
    },
    handlers::dependencies::{AppState, PRE_MODAL_TIMEOUT},
    slack::{
        form_errors,
        inbound::{BlockId, ViewInteraction},
        views::{self, Form, FormLabels, Modal, SelectOptions},
    },
};

/// The edit form, filled in with `user`.
pub(super) async fn edit_modal(
    app: &AppState,
    request: &Request,
    user: &CreateUser,
    metadata: &str,
) -> Modal {
    let Request { requester, origin, .. } = request;
    let lookup = tokio::time::timeout(PRE_MODAL_TIMEOUT, app.membership.requester_now(requester)).await;
    let memberships = match lookup {
        Ok(Eligibility::Yes(requester)) => requester.memberships,
        // Eligibility is checked on submission.
        Ok(Eligibility::No(_) | Eligibility::Unknown) | Err(_) => request.memberships.clone(),
    };
    let names = app.instances.names();
    let selected = app.instances.get(&user.instance).or_else(|| app.instances.iter().next());
    let (instance, catalog) = selected.map_or(("", None), |instance| (instance.name(), instance.catalog()));
    let policy = app.workflow.policy();
    let allowed = catalog.map(|catalog| AllowedOptions::of(policy, &catalog));
    let choices = match &allowed {
        Some(allowed) => SelectOptions::Offered(allowed),
        None if !app.instances.are_several() => {
            return views::unavailable_modal(form_errors::MARKETO_UNAVAILABLE);
        }
        None => SelectOptions::Unavailable,
    };
    let context = RuleContext { instance, requester, memberships: &memberships, channel: origin };
    views::request_modal(&Form {
        labels: FormLabels::EDIT,
        instances: &names,
        instance,
        options: choices,
        preview: &FormPreview::of(policy, &context),
        initial: &FormInput::of(user, request.reason.as_ref()),
        takes_focus: false,
        metadata,
    })
}

/// Validates the submitted form. `channel` is where the request was made.
pub(super) async fn submission(
    app: &AppState,
    view: &ViewInteraction,
    channel: ChannelId,
) -> Result<Submission, Rejection> {
    let requester = view.interaction.user.clone();
    let Requester { zone, memberships } = eligible_requester(app, &requester).await?;
    let form = FormState::new(&view.view.state, &app.instances);
    let reject = |outcome, field, text: String| Rejection::at_block(outcome, form.block_for(field), text);
    let Some(selected) = form.instance() else {
        return Err(reject_at_email("outdated", form_errors::FORM_OUTDATED));
    };
    let Some(instance) = app.instances.get(selected) else {
        return Err(reject("instance_gone", Field::Instance, form_errors::instance_gone(selected)));
    };
    if let Some(shown) = form.shows_instance_other_than(selected) {
        return Err(reject("outdated", Field::Role, form_errors::roles_of_another(shown, selected)));
    }
    let Some(catalog) = instance.catalog() else {
        let text = if app.instances.are_several() {
            form_errors::instance_unavailable(selected)
        } else {
            form_errors::MARKETO_UNAVAILABLE.to_owned()
        };
        return Err(reject("no_roles", Field::Role, text));
    };
    let policy = app.workflow.policy();
    let context = FormContext {
        now: app.clock.now(),
        policy,
        options: &AllowedOptions::of(policy, &catalog),
        zone: &zone,
        requester: &requester,
        memberships: &memberships,
        channel: &channel,
    };
    let (user, reason) = validate(context, &form.input())
        .map_err(|errors: Vec<_>| Rejection::invalid(&errors, |field| form.block_for(field)))?;
    if let Some((instance, used)) = app.instances.with_user(&user.email) {
        let name = app.instances.are_several().then(|| instance.name());
        let text = match used {
            AddressUse::Email => form_errors::already_a_user(name),
            AddressUse::Login => form_errors::already_a_login(name),
        };
        return Err(reject_at_email("exists", &text));
    }
    let change = Change::CreateUser(user);
    let rule = policy.matched_rule(&RuleInput::of_submission(&change, &requester, &memberships, &channel));
    if Policy::has_no_place(rule.terms, &channel) {
        return Err(reject_at_email("no_place", form_errors::NEEDS_CHANNEL));
    }
    let id = RequestId(app.clock.new_id());
    Ok(Submission { id, requester, memberships, origin: channel, change, reason })
}

/// The requester's time zone and groups, if the policy lets them request users.
async fn eligible_requester(app: &AppState, user: &UserId) -> Result<Requester, Rejection> {
    match app.membership.requester(user).await {
        Eligibility::Yes(requester) => Ok(requester),
        Eligibility::No(why) => Err(reject_at_email("may_not_request", form_errors::may_not_request(why))),
        Eligibility::Unknown => {
            let (background, user) = (app.clone(), user.clone());
            app.spawn(async move {
                background.membership.requester_now(&user).await;
            });
            Err(reject_at_email("cannot_check", form_errors::CANNOT_CHECK_REQUESTER))
        }
    }
}

fn reject_at_email(outcome: &'static str, text: &str) -> Rejection {
    Rejection::at_block(outcome, BlockId::input(Field::Email, None), text)
}
