//! The form in which a requester changes a request that nobody has decided on: the form of a new request, filled in.
//! Whoever asks for something else has to meet what a new request has to; the rest is decided in the workflow.

use serde::Deserialize;
use serde_json::json;

use super::{
    ANSWER_WITHIN, BEFORE_MODAL, Edge,
    answer::Answer,
    filled::Filled,
    submissions::{checked, fault},
};
use crate::{
    directory::membership::Eligibility,
    domain::{
        allowed_options::AllowedOptions,
        change::Change,
        decide::{Refusal, Submission},
        event::{Action, EditedRequest},
        form::{Field, FormInput, FormPreview},
        people::{ChannelId, RequestId, UserId},
        policy::RuleContext,
        request::{Request, State},
    },
    slack::{
        form_errors,
        inbound::Interaction,
        replies,
        views::{self, Form, FormLabels, Modal, SelectOptions},
    },
    workflow::{ActionCommand, ActionOutcome, RefusedAction},
};

/// What the bot left in the form when it opened it. The channel in which the command was typed goes by the name that
/// it has in the form of a new request.
#[derive(Deserialize)]
struct EditMetadata {
    request: RequestId,
    /// The revision with which the form was filled in.
    revision: i64,
    /// Where the command was typed.
    channel: ChannelId,
    /// Where refusals are told.
    answer_in: ChannelId,
}

/// The form that changes `request`.
pub(super) async fn modal(edge: &Edge, request: &Request, answer_in: &ChannelId) -> Modal {
    let Request { id, revision, requester, origin, .. } = request;
    let Change::CreateUser(user) = &request.change;
    let asker = tokio::time::timeout(BEFORE_MODAL, edge.people.requester_now(requester)).await;
    let memberships = match asker {
        Ok(Eligibility::Yes(asker)) => asker.memberships,
        // Rights are checked when it is submitted.
        Ok(Eligibility::No(_) | Eligibility::Unknown) | Err(_) => request.memberships.clone(),
    };
    let names = edge.instances.names();
    let known = edge.instances.get(&user.instance).or_else(|| edge.instances.iter().next());
    let (instance, catalog) = known.map_or(("", None), |instance| (instance.name(), instance.catalog()));
    let policy = edge.engine.policy();
    let offer = catalog.map(|catalog| AllowedOptions::of(policy, &catalog));
    let choices = match &offer {
        Some(offer) => SelectOptions::Offered(offer),
        None if !edge.instances.are_several() => {
            return views::unavailable_modal(form_errors::MARKETO_UNAVAILABLE);
        }
        None => SelectOptions::Unavailable,
    };
    let asks = RuleContext { instance, requester, memberships: &memberships, channel: origin };
    let metadata = json!({
        "v": 1, "request": id, "revision": revision, "channel": origin, "answer_in": answer_in
    });
    views::request_modal(&Form {
        labels: FormLabels::EDIT,
        instances: &names,
        instance,
        options: choices,
        preview: &FormPreview::of(policy, &asks),
        initial: &FormInput::of(user, request.reason.as_ref()),
        takes_focus: false,
        metadata: &metadata.to_string(),
    })
}

/// Takes the form. It closes when the change is kept, or when there is nothing left to change.
pub(super) async fn submitted(edge: &Edge, interaction: &Interaction) -> Answer {
    tokio::time::timeout(ANSWER_WITHIN, take(edge, interaction)).await.unwrap_or_else(|_| {
        tracing::error!("a change could not be kept in time");
        fault("store_failed", Field::Email, form_errors::NOTHING_STORED)
    })
}

async fn take(edge: &Edge, interaction: &Interaction) -> Answer {
    let metadata = serde_json::from_str(&interaction.view.private_metadata);
    let Ok(EditMetadata { request, revision, channel, answer_in }) = metadata else {
        return fault("outdated", Field::Email, form_errors::FORM_OUTDATED);
    };
    let by = UserId(interaction.user.id.clone());
    let key = interaction.submission_key();
    let current = match edge.engine.store().request(&request).await {
        Ok(current) => current,
        Err(error) => {
            tracing::error!(%request, %error, "a request could not be read");
            return fault("store_failed", Field::Email, form_errors::NOTHING_STORED);
        }
    };
    let submission = checked(edge, interaction, channel).await;
    let edited = match (current, submission) {
        // Its answer was lost, and it is submitted again.
        (Some(current), Ok(submission)) if is_saved(&current, revision, &submission) => {
            return Answer::empty("repeated");
        }
        (_, Ok(Submission { change, reason, memberships, .. })) => {
            EditedRequest { revision, change, reason, memberships }
        }
        // A form that comes too late is refused for that, whatever is in it.
        (Some(Request { change, reason, memberships, state, revision: now, .. }), Err(_))
            if now != revision || !matches!(state, State::Pending { .. }) =>
        {
            EditedRequest { revision, change, reason, memberships }
        }
        (_, Err(fault)) => return fault,
    };
    let press = Action::Edit(Box::new(edited));
    let pressed = ActionCommand {
        key,
        request: request.clone(),
        by: by.clone(),
        action: press,
        answer_in: answer_in.clone(),
    };
    match edge.press(pressed).await {
        Ok(ActionOutcome::Accepted(_)) => Answer::empty("counted"),
        Ok(ActionOutcome::Deferred) => Answer::empty("deferred"),
        Ok(ActionOutcome::Repeated) => Answer::empty("repeated"),
        Ok(ActionOutcome::Refused(RefusedAction { why, approvers: deciders })) => {
            let form = Filled::new(&interaction.view.state, &edge.instances);
            let (field, text) = match &why {
                Refusal::AnotherIsOpen => {
                    (Field::Email, form_errors::already_pending(edge.instances.are_several()))
                }
                Refusal::OtherChannel => (Field::Role, form_errors::OTHER_CHANNEL.to_owned()),
                Refusal::Changed => (Field::Email, form_errors::CHANGED.to_owned()),
                // Nothing that could be typed here would help.
                _ => {
                    let message = replies::refusal(&why, &deciders, &by);
                    edge.whisper(answer_in.as_str(), by.as_str(), "", message);
                    return Answer::empty("refused");
                }
            };
            Answer::field_errors("refused", [(form.place(field), text)])
        }
        Err(error) => {
            tracing::error!(%request, %error, "a change could not be kept");
            fault("store_failed", Field::Email, form_errors::NOTHING_STORED)
        }
    }
}

/// Whether a form that was filled in with `revision` asks for what has become of the request since.
fn is_saved(current: &Request, revision: i64, submission: &Submission) -> bool {
    current.revision > revision
        && current.requester == submission.requester
        && current.change == submission.change
        && current.reason == submission.reason
}
