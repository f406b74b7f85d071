//! Submitted modals: the request form and the form for a denial.

use serde::Deserialize;

use super::{ANSWER_WITHIN, Edge, answer::Answer, filled::Filled};
use crate::{
    directory::membership::{Eligibility, Requester},
    domain::{
        allowed_options::AllowedOptions,
        change::Change,
        decide::Submission,
        event::Action,
        form::{Field, FieldError, FormContext, validate},
        people::{ChannelId, RequestId, UserId},
        text::{Reason, TextError},
    },
    slack::{form_errors, ids, inbound::Interaction, replies},
    workflow::{ActionCommand, ActionOutcome, SubmitOutcome},
};

/// What the bot left in a request form when it opened it.
#[derive(Deserialize)]
pub(super) struct FormMetadata {
    pub(super) channel: ChannelId,
}

/// What the bot left in a form for a denial.
#[derive(Deserialize)]
struct DenyMetadata {
    request: RequestId,
    channel: ChannelId,
    /// Whether it stands on top of the form of a review, which closes with it.
    #[serde(default)]
    is_in_review: bool,
}

/// Takes a request form. It closes only when the request is kept.
pub(super) async fn request(edge: &Edge, interaction: &Interaction) -> Answer {
    // One that is given up may be kept nevertheless; submitted again, the same form is not taken twice.
    tokio::time::timeout(ANSWER_WITHIN, take_request(edge, interaction)).await.unwrap_or_else(|_| {
        tracing::error!("a submission could not be kept in time");
        fault("store_failed", Field::Email, form_errors::NOTHING_STORED)
    })
}

async fn take_request(edge: &Edge, interaction: &Interaction) -> Answer {
    let key = format!("view:{}", interaction.view.id);
    let Ok(FormMetadata { channel }) = serde_json::from_str(&interaction.view.private_metadata) else {
        return fault("outdated", Field::Email, form_errors::FORM_OUTDATED);
    };
    let submission = match checked(edge, interaction, channel).await {
        Ok(submission) => submission,
        // A form that was accepted before is not at fault now because of what came of it.
        Err(fault) => match edge.engine.store().was_seen(&key).await {
            Ok(true) => return Answer::empty("repeated"),
            Ok(false) | Err(_) => return fault,
        },
    };
    match edge.engine.submit(&key, submission).await {
        Ok(SubmitOutcome::Accepted(_)) => Answer::empty("accepted"),
        Ok(SubmitOutcome::Repeated) => Answer::empty("repeated"),
        Ok(SubmitOutcome::Conflict) => {
            fault("pending", Field::Email, &form_errors::already_pending(edge.instances.are_several()))
        }
        Err(error) => {
            tracing::error!(%error, "a submission could not be kept");
            fault("store_failed", Field::Email, form_errors::NOTHING_STORED)
        }
    }
}

/// What is asked for in `channel`, if the person may ask and the form is without fault.
pub(super) async fn checked(
    edge: &Edge,
    interaction: &Interaction,
    channel: ChannelId,
) -> Result<Submission, Answer> {
    let requester = UserId(interaction.user.id.clone());
    let Requester { zone, memberships } = match edge.people.requester(&requester).await {
        Eligibility::Yes(asker) => asker,
        Eligibility::No(why) => {
            return Err(fault("may_not_request", Field::Email, form_errors::may_not_request(why)));
        }
        Eligibility::Unknown => {
            let edge_later = edge.clone();
            edge.tasks.spawn(async move { edge_later.people.requester_now(&requester).await });
            return Err(fault("cannot_check", Field::Email, form_errors::CANNOT_CHECK_REQUESTER));
        }
    };
    let form = Filled::new(&interaction.view.state, &edge.instances);
    let beside = |outcome, field, text: String| Answer::field_errors(outcome, [(form.place(field), text)]);
    let Some(chosen) = form.instance() else {
        return Err(fault("outdated", Field::Email, form_errors::FORM_OUTDATED));
    };
    let Some(instance) = edge.instances.get(chosen) else {
        return Err(beside("instance_gone", Field::Instance, form_errors::instance_gone(chosen)));
    };
    if let Some(shown) = form.shows_another_than(chosen) {
        return Err(beside("outdated", Field::Role, form_errors::roles_of_another(shown, chosen)));
    }
    let Some(catalog) = instance.catalog() else {
        let text = if edge.instances.are_several() {
            form_errors::instance_unavailable(chosen)
        } else {
            form_errors::MARKETO_UNAVAILABLE.to_owned()
        };
        return Err(beside("no_roles", Field::Role, text));
    };
    let policy = edge.engine.policy();
    let offer = AllowedOptions::of(policy, &catalog);
    let rules = FormContext {
        now: edge.clock.now(),
        policy,
        options: &offer,
        zone: &zone,
        requester: &requester,
        memberships: &memberships,
        channel: &channel,
    };
    let (user, reason) = match validate(rules, &form.draft()) {
        Ok(checked) => checked,
        Err(found) => return Err(faulty(form, found)),
    };
    if let Some(taken) = edge.instances.with_user(&user.email) {
        let named = edge.instances.are_several().then(|| taken.name());
        return Err(fault("exists", Field::Email, &form_errors::already_a_user(named)));
    }
    let id = RequestId(edge.clock.new_id());
    Ok(Submission { id, requester, memberships, origin: channel, change: Change::CreateUser(user), reason })
}

pub(super) fn fault(outcome: &'static str, field: Field, text: &str) -> Answer {
    Answer::field_errors(outcome, [(ids::block_id_of(field, None), text.to_owned())])
}

/// What is wrong, beside the fields of the form.
fn faulty(form: Filled<'_>, found: Vec<FieldError>) -> Answer {
    beside(&found, |field| form.place(field))
}

/// As [`faulty`], with the block id under which a fault is shown beside a field.
pub(super) fn beside(found: &[FieldError], place: impl Fn(Field) -> String) -> Answer {
    worded(found.iter().map(|fault| (place(fault.field), form_errors::field_error(fault))))
}

/// Texts by the block beside which they are shown. Of those that share one the first is told.
pub(super) fn worded(found: impl IntoIterator<Item = (String, String)>) -> Answer {
    let mut placed: Vec<(String, String)> = Vec::new();
    for (place, text) in found {
        if placed.iter().all(|(taken, _)| *taken != place) {
            placed.push((place, text));
        }
    }
    Answer::field_errors("faulty", placed)
}

/// Takes a form for a denial.
pub(super) async fn denial(edge: &Edge, interaction: &Interaction) -> Answer {
    let reason_fault =
        |outcome, text: &str| Answer::field_errors(outcome, [(ids::REASON.to_owned(), text.to_owned())]);
    let Ok(DenyMetadata { request, channel, is_in_review }) =
        serde_json::from_str(&interaction.view.private_metadata)
    else {
        return reason_fault("outdated", form_errors::FORM_OUTDATED);
    };
    let reason = match Reason::parse(interaction.view.state.value(ids::REASON).unwrap_or_default()) {
        Ok(reason) => reason,
        Err(TextError::TooLong) => return reason_fault("faulty", &form_errors::reason_too_long()),
        Err(TextError::Empty | TextError::Malformed) => {
            return reason_fault("faulty", form_errors::REASON_MISSING);
        }
    };
    let by = UserId(interaction.user.id.clone());
    let pressed = ActionCommand {
        key: format!("view:{}", interaction.view.id),
        request,
        by: by.clone(),
        action: Action::Deny { reason },
        answer_in: channel.clone(),
    };
    let closed = if is_in_review { Answer::clear } else { Answer::empty };
    match edge.press(pressed).await {
        Ok(ActionOutcome::Accepted(_)) => closed("counted"),
        Ok(ActionOutcome::Deferred) => closed("deferred"),
        Ok(ActionOutcome::Repeated) => closed("repeated"),
        Ok(ActionOutcome::Refused(refused)) => {
            let message = replies::refusal(&refused.why, &refused.approvers, &by);
            edge.whisper(channel.as_str(), by.as_str(), "", message);
            closed("refused")
        }
        Err(error) => {
            tracing::error!(%error, "a denial could not be kept");
            reason_fault("store_failed", form_errors::NOTHING_STORED)
        }
    }
}
