//! The form in which a requester changes a request that nobody has decided on: the form of a new request, filled in.
//! Whoever asks for something else has to meet what a new request has to; the rest is decided in the engine.

use serde::Deserialize;
use serde_json::json;

use super::{
    ANSWER_WITHIN, BEFORE_MODAL, Edge,
    answer::Answer,
    filled::Filled,
    submissions::{checked, fault},
};
use crate::{
    cache::people::May,
    domain::{
        change::Change,
        decide::{Refusal, Submission},
        event::{Edited, Press},
        form::{Draft, Expected, Field},
        offer::Offer,
        people::{ChannelId, RequestId, UserId},
        policy::Asks,
        request::{Request, State},
    },
    engine::{Outcome, Pressed, Refused},
    slack::{
        faults,
        inbound::Interaction,
        views::{self, Choices, Form, Modal, Wording},
        words,
    },
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
        Ok(May::Yes(asker)) => asker.memberships,
        // Rights are checked when it is submitted.
        Ok(May::No(_) | May::Unknown) | Err(_) => request.memberships.clone(),
    };
    let names = edge.instances.names();
    let known = edge.instances.get(&user.instance).or_else(|| edge.instances.iter().next());
    let (instance, catalog) = known.map_or(("", None), |instance| (instance.name(), instance.catalog()));
    let policy = edge.engine.policy();
    let offer = catalog.map(|catalog| Offer::of(policy, &catalog));
    let choices = match &offer {
        Some(offer) => Choices::Offered(offer),
        None if !edge.instances.are_several() => {
            return views::unavailable_modal(faults::MARKETO_UNAVAILABLE);
        }
        None => Choices::Unavailable,
    };
    let asks = Asks { instance, requester, memberships: &memberships, channel: origin };
    let metadata = json!({
        "v": 1, "request": id, "revision": revision, "channel": origin, "answer_in": answer_in
    });
    views::request_modal(&Form {
        wording: Wording::EDIT,
        instances: &names,
        instance,
        choices,
        expected: &Expected::of(policy, &asks),
        initial: &Draft::of(user, request.reason.as_ref()),
        takes_focus: false,
        metadata: &metadata.to_string(),
    })
}

/// Takes the form. It closes when the change is kept, or when there is nothing left to change.
pub(super) async fn submitted(edge: &Edge, interaction: &Interaction) -> Answer {
    tokio::time::timeout(ANSWER_WITHIN, take(edge, interaction)).await.unwrap_or_else(|_| {
        tracing::error!("a change could not be kept in time");
        fault("store_failed", Field::Email, faults::NOTHING_STORED)
    })
}

async fn take(edge: &Edge, interaction: &Interaction) -> Answer {
    let metadata = serde_json::from_str(&interaction.view.private_metadata);
    let Ok(EditMetadata { request, revision, channel, answer_in }) = metadata else {
        return fault("outdated", Field::Email, faults::FORM_OUTDATED);
    };
    let by = UserId(interaction.user.id.clone());
    let key = interaction.submission_key();
    let current = match edge.engine.store().request(&request).await {
        Ok(current) => current,
        Err(error) => {
            tracing::error!(%request, %error, "a request could not be read");
            return fault("store_failed", Field::Email, faults::NOTHING_STORED);
        }
    };
    let submission = checked(edge, interaction, channel).await;
    let edited = match (current, submission) {
        // Its answer was lost, and it is submitted again.
        (Some(current), Ok(submission)) if is_saved(&current, revision, &submission) => {
            return Answer::empty("repeated");
        }
        (_, Ok(Submission { change, reason, memberships, .. })) => {
            Edited { revision, change, reason, memberships }
        }
        // A form that comes too late is refused for that, whatever is in it.
        (Some(Request { change, reason, memberships, state, revision: now, .. }), Err(_))
            if now != revision || !matches!(state, State::Pending { .. }) =>
        {
            Edited { revision, change, reason, memberships }
        }
        (_, Err(fault)) => return fault,
    };
    let press = Press::Edit(Box::new(edited));
    let pressed =
        Pressed { key, request: request.clone(), by: by.clone(), press, answer_in: answer_in.clone() };
    match edge.press(pressed).await {
        Ok(Outcome::Counted(_)) => Answer::empty("counted"),
        Ok(Outcome::Deferred) => Answer::empty("deferred"),
        Ok(Outcome::Repeated) => Answer::empty("repeated"),
        Ok(Outcome::Refused(Refused { why, deciders })) => {
            let form = Filled::new(&interaction.view.state, &edge.instances);
            let (field, text) = match &why {
                Refusal::AnotherIsOpen => {
                    (Field::Email, faults::already_pending(edge.instances.are_several()))
                }
                Refusal::OtherChannel => (Field::Role, faults::OTHER_CHANNEL.to_owned()),
                Refusal::Changed => (Field::Email, faults::CHANGED.to_owned()),
                // Nothing that could be typed here would help.
                _ => {
                    let message = words::refusal(&why, &deciders, &by);
                    edge.whisper(answer_in.as_str(), by.as_str(), "", message);
                    return Answer::empty("refused");
                }
            };
            Answer::field_errors("refused", [(form.place(field), text)])
        }
        Err(error) => {
            tracing::error!(%request, %error, "a change could not be kept");
            fault("store_failed", Field::Email, faults::NOTHING_STORED)
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
