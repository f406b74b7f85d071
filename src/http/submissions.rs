//! Submitted modals: the request form and the form for a denial.

use serde::Deserialize;

use super::{ANSWER_WITHIN, Edge, answer::Answer, filled::Filled};
use crate::{
    cache::people::{Asker, May},
    domain::{
        change::Change,
        decide::Submission,
        event::Press,
        form::{Field, FieldFault, Rules, check},
        offer::Offer,
        people::{ChannelId, RequestId, UserId},
        text::{Reason, TextFault},
    },
    engine::{Outcome, Pressed, Submitted},
    slack::{faults, ids, inbound::Interaction, words},
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
        fault("store_failed", Field::Email, faults::NOTHING_STORED)
    })
}

async fn take_request(edge: &Edge, interaction: &Interaction) -> Answer {
    let key = format!("view:{}", interaction.view.id);
    let Ok(FormMetadata { channel }) = serde_json::from_str(&interaction.view.private_metadata) else {
        return fault("outdated", Field::Email, faults::FORM_OUTDATED);
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
        Ok(Submitted::Accepted(_)) => Answer::empty("accepted"),
        Ok(Submitted::Repeated) => Answer::empty("repeated"),
        Ok(Submitted::Taken) => {
            fault("pending", Field::Email, &faults::already_pending(edge.instances.are_several()))
        }
        Err(error) => {
            tracing::error!(%error, "a submission could not be kept");
            fault("store_failed", Field::Email, faults::NOTHING_STORED)
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
    let Asker { zone, memberships } = match edge.people.requester(&requester).await {
        May::Yes(asker) => asker,
        May::No(why) => {
            return Err(fault("may_not_request", Field::Email, faults::may_not_request(why)));
        }
        May::Unknown => {
            let edge_later = edge.clone();
            edge.tasks.spawn(async move { edge_later.people.requester_now(&requester).await });
            return Err(fault("cannot_check", Field::Email, faults::CANNOT_CHECK_REQUESTER));
        }
    };
    let form = Filled::new(&interaction.view.state, &edge.instances);
    let beside = |outcome, field, text: String| Answer::field_errors(outcome, [(form.place(field), text)]);
    let Some(chosen) = form.instance() else {
        return Err(fault("outdated", Field::Email, faults::FORM_OUTDATED));
    };
    let Some(instance) = edge.instances.get(chosen) else {
        return Err(beside("instance_gone", Field::Instance, faults::instance_gone(chosen)));
    };
    if let Some(shown) = form.shows_another_than(chosen) {
        return Err(beside("outdated", Field::Role, faults::roles_of_another(shown, chosen)));
    }
    let Some(catalog) = instance.catalog() else {
        let text = if edge.instances.are_several() {
            faults::instance_unavailable(chosen)
        } else {
            faults::MARKETO_UNAVAILABLE.to_owned()
        };
        return Err(beside("no_roles", Field::Role, text));
    };
    let policy = edge.engine.policy();
    let offer = Offer::of(policy, &catalog);
    let rules = Rules {
        now: edge.clock.now(),
        policy,
        offer: &offer,
        zone: &zone,
        requester: &requester,
        memberships: &memberships,
        channel: &channel,
    };
    let (user, reason) = match check(rules, &form.draft()) {
        Ok(checked) => checked,
        Err(found) => return Err(faulty(form, found)),
    };
    if let Some(taken) = edge.instances.with_user(&user.email) {
        let named = edge.instances.are_several().then(|| taken.name());
        return Err(fault("exists", Field::Email, &faults::already_a_user(named)));
    }
    let id = RequestId(edge.clock.new_id());
    Ok(Submission { id, requester, memberships, origin: channel, change: Change::CreateUser(user), reason })
}

pub(super) fn fault(outcome: &'static str, field: Field, text: &str) -> Answer {
    Answer::field_errors(outcome, [(ids::block_id_of(field, None), text.to_owned())])
}

/// What is wrong, beside the fields of the form.
fn faulty(form: Filled<'_>, found: Vec<FieldFault>) -> Answer {
    beside(&found, |field| form.place(field))
}

/// As [`faulty`], with the block id under which a fault is shown beside a field.
pub(super) fn beside(found: &[FieldFault], place: impl Fn(Field) -> String) -> Answer {
    worded(found.iter().map(|fault| (place(fault.field), faults::beside(fault))))
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
        return reason_fault("outdated", faults::FORM_OUTDATED);
    };
    let reason = match Reason::parse(interaction.view.state.value(ids::REASON).unwrap_or_default()) {
        Ok(reason) => reason,
        Err(TextFault::TooLong) => return reason_fault("faulty", &faults::reason_too_long()),
        Err(TextFault::Empty | TextFault::Malformed) => {
            return reason_fault("faulty", faults::REASON_MISSING);
        }
    };
    let by = UserId(interaction.user.id.clone());
    let pressed = Pressed {
        key: format!("view:{}", interaction.view.id),
        request,
        by: by.clone(),
        press: Press::Deny { reason },
        answer_in: channel.clone(),
    };
    let closed = if is_in_review { Answer::clear } else { Answer::empty };
    match edge.press(pressed).await {
        Ok(Outcome::Counted(_)) => closed("counted"),
        Ok(Outcome::Deferred) => closed("deferred"),
        Ok(Outcome::Repeated) => closed("repeated"),
        Ok(Outcome::Refused(refused)) => {
            let message = words::refusal(&refused.why, &refused.deciders, &by);
            edge.whisper(channel.as_str(), by.as_str(), "", message);
            closed("refused")
        }
        Err(error) => {
            tracing::error!(%error, "a denial could not be kept");
            reason_fault("store_failed", faults::NOTHING_STORED)
        }
    }
}
