//! The submitted form of a new request, and what the form of a request has to meet, whether it is new or edited.

use serde::Deserialize;

use super::{form_state::FormState, rejection::Rejection};
use crate::{
    directory::membership::{Eligibility, Requester},
    domain::{
        allowed_options::AllowedOptions,
        change::Change,
        decide::Submission,
        delivery::DeliveryKey,
        form::{Field, FormContext, validate},
        people::{ChannelId, RequestId, UserId},
    },
    handlers::{ack::Ack, dependencies::AppState},
    slack::{
        form_errors,
        inbound::{BlockId, ViewInteraction},
    },
    workflow::SubmitOutcome,
};

/// What the bot left in a request form when it opened it.
#[derive(Deserialize)]
pub(in crate::handlers) struct FormMetadata {
    pub(in crate::handlers) channel: ChannelId,
}

/// Takes the form of a new request.
pub(super) async fn submit(
    app: &AppState,
    submission: &ViewInteraction,
    key: &DeliveryKey,
) -> Result<Ack, Rejection> {
    let Ok(FormMetadata { channel }) = serde_json::from_str(&submission.view.private_metadata) else {
        return Err(beside_email("outdated", form_errors::FORM_OUTDATED));
    };
    let request = checked(app, submission, channel).await?;
    let email = BlockId::input(Field::Email, None);
    let pending = form_errors::already_pending(app.instances.are_several());
    let if_taken = Ack::field_errors("pending", [(email, pending)]);
    let errors = if_taken.record().unwrap_or_default();
    Ok(match app.workflow.submit(key, request, &errors).await? {
        SubmitOutcome::Accepted(id) => {
            tracing::Span::current().record("request", id.as_str());
            Ack::empty("accepted")
        }
        SubmitOutcome::Repeated(first) => Ack::repeated(first),
        SubmitOutcome::Conflict => if_taken,
    })
}

/// What is asked for in `channel`, if the person may ask and the form is without error.
pub(super) async fn checked(
    app: &AppState,
    submission: &ViewInteraction,
    channel: ChannelId,
) -> Result<Submission, Rejection> {
    let requester = submission.interaction.user.clone();
    let Requester { zone, memberships } = asker(app, &requester).await?;
    let form = FormState::new(&submission.view.state, &app.instances);
    let beside = |outcome, field, text: String| Rejection::beside(outcome, form.block_for(field), text);
    let Some(chosen) = form.instance() else {
        return Err(beside_email("outdated", form_errors::FORM_OUTDATED));
    };
    let Some(instance) = app.instances.get(chosen) else {
        return Err(beside("instance_gone", Field::Instance, form_errors::instance_gone(chosen)));
    };
    if let Some(shown) = form.shows_another_than(chosen) {
        return Err(beside("outdated", Field::Role, form_errors::roles_of_another(shown, chosen)));
    }
    let Some(catalog) = instance.catalog() else {
        let text = if app.instances.are_several() {
            form_errors::instance_unavailable(chosen)
        } else {
            form_errors::MARKETO_UNAVAILABLE.to_owned()
        };
        return Err(beside("no_roles", Field::Role, text));
    };
    let policy = app.workflow.policy();
    let offer = AllowedOptions::of(policy, &catalog);
    let rules = FormContext {
        now: app.clock.now(),
        policy,
        options: &offer,
        zone: &zone,
        requester: &requester,
        memberships: &memberships,
        channel: &channel,
    };
    let found = |found: Vec<_>| Rejection::found(&found, |field| form.block_for(field));
    let (user, reason) = validate(rules, &form.draft()).map_err(found)?;
    if let Some(taken) = app.instances.with_user(&user.email) {
        let named = app.instances.are_several().then(|| taken.name());
        return Err(beside_email("exists", &form_errors::already_a_user(named)));
    }
    let id = RequestId(app.clock.new_id());
    Ok(Submission { id, requester, memberships, origin: channel, change: Change::CreateUser(user), reason })
}

/// What counts about the person, if they may ask.
async fn asker(app: &AppState, requester: &UserId) -> Result<Requester, Rejection> {
    match app.people.requester(requester).await {
        Eligibility::Yes(asker) => Ok(asker),
        Eligibility::No(why) => Err(beside_email("may_not_request", form_errors::may_not_request(why))),
        Eligibility::Unknown => {
            let (later, requester) = (app.clone(), requester.clone());
            app.spawn(async move {
                later.people.requester_now(&requester).await;
            });
            Err(beside_email("cannot_check", form_errors::CANNOT_CHECK_REQUESTER))
        }
    }
}

fn beside_email(outcome: &'static str, text: &str) -> Rejection {
    Rejection::beside(outcome, BlockId::input(Field::Email, None), text)
}
