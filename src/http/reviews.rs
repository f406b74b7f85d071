//! The form of a review: what it is filled with when it opens, and what becomes of it when it is submitted. Whether
//! somebody may approve, and what, is decided in the workflow; what cannot be chosen at all stands beside its field.

use serde::Deserialize;
use serde_json::json;

use super::{
    ANSWER_WITHIN, BEFORE_MODAL, Edge,
    answer::Answer,
    submissions::{beside, worded},
};
use crate::{
    domain::{
        allowed_options::AllowedOptions,
        change::Reduction,
        decide::Refusal,
        event::Action,
        expiration::{Expiration, Zone},
        form::{Field, FieldError, FormContext},
        people::{ChannelId, Membership, RequestId, UserId},
        policy::{MembershipLookup, RuleInput},
        request::{Request, State},
        review::{ReviewInput, validate},
        text::Reason,
    },
    slack::{
        form_errors,
        ids::{self, block_id_of},
        inbound::Interaction,
        replies,
        views::{self, Modal, Review},
    },
    workflow::{ActionCommand, ActionOutcome, RefusedAction},
};

/// What the bot left in the form when it opened it.
#[derive(Deserialize)]
pub(super) struct ReviewMetadata {
    request: RequestId,
    /// The revision that is shown.
    revision: i64,
    /// Where the card is, and where refusals are told.
    pub(super) channel: ChannelId,
}

/// The form for a review of `request`.
pub(super) async fn modal(edge: &Edge, request: &Request, channel: &ChannelId) -> Modal {
    let policy = edge.engine.policy();
    let now = edge.clock.now();
    let asked = request.change.expiration();
    let zone = match asked {
        Some(asked) => asked.zone().clone(),
        None => {
            let told = edge.people.zone_now(&request.requester);
            tokio::time::timeout(BEFORE_MODAL, told).await.unwrap_or_else(|_| Zone::utc())
        }
    };
    let max_access = policy.approval_rule(&RuleInput::of(request)).terms.max_access;
    let metadata = json!({
        "v": 1, "request": request.id, "revision": request.revision, "channel": channel
    });
    views::review_modal(&Review {
        request,
        approvers: &policy.approver_set(request),
        options: &offer(edge, request),
        names_instance: edge.instances.are_several(),
        has_ended: asked.is_some_and(|asked| asked.at() <= now),
        last_day: Expiration::last_day(&zone, now, max_access),
        metadata: &metadata.to_string(),
    })
}

/// What may be chosen on the instance of `request`; nothing where that is not known.
fn offer(edge: &Edge, request: &Request) -> AllowedOptions {
    let instance = edge.instances.get(request.change.instance());
    let catalog = instance.and_then(|instance| instance.catalog()).unwrap_or_default();
    AllowedOptions::of(edge.engine.policy(), &catalog)
}

/// Takes the form. It closes when the press is kept or nothing is left to approve.
pub(super) async fn submitted(edge: &Edge, interaction: &Interaction) -> Answer {
    tokio::time::timeout(ANSWER_WITHIN, take(edge, interaction)).await.unwrap_or_else(|_| {
        tracing::error!("a review could not be kept in time");
        beside_note("store_failed", form_errors::NOTHING_STORED)
    })
}

async fn take(edge: &Edge, interaction: &Interaction) -> Answer {
    let metadata = serde_json::from_str(&interaction.view.private_metadata);
    let Ok(ReviewMetadata { request: id, revision, channel }) = metadata else {
        return beside_note("outdated", form_errors::FORM_OUTDATED);
    };
    let by = UserId(interaction.user.id.clone());
    let request = match edge.engine.store().request(&id).await {
        Ok(request) => request,
        Err(error) => {
            tracing::error!(request = %id, %error, "a request could not be read");
            return beside_note("store_failed", form_errors::NOTHING_STORED);
        }
    };
    // A form that shows something else, or comes too late, is refused for that, whatever was chosen in it.
    let is_current =
        |request: &&Request| request.revision == revision && matches!(request.state, State::Pending { .. });
    let (narrowing, note) = match request.as_ref().filter(is_current) {
        None => (Reduction::default(), None),
        Some(request) => match checked(edge, interaction, request).await {
            Ok(checked) => checked,
            Err(found) => return beside(&found, |field| place(edge, request, interaction, field)),
        },
    };
    let pressed = ActionCommand {
        key: interaction.submission_key(),
        request: id.clone(),
        by: by.clone(),
        action: Action::Approve { revision, reduction: narrowing.clone(), note },
        answer_in: channel.clone(),
    };
    match edge.press(pressed).await {
        Ok(ActionOutcome::Accepted(_)) => Answer::empty("counted"),
        Ok(ActionOutcome::Deferred) => Answer::empty("deferred"),
        Ok(ActionOutcome::Repeated) => Answer::empty("repeated"),
        Ok(ActionOutcome::Refused(mut refused)) => {
            if refused.why == Refusal::Changed
                && let Some(why) = edge.agreed_before(&id, &by).await
            {
                refused.why = why;
            }
            // Who may decide on the request, but not on what they chose in it.
            let may_decide = edge.people.among(&by, &refused.approvers) == Membership::Yes;
            let is_others = refused.why == Refusal::NotApprover && may_decide;
            if let Some(request) = request.as_ref().filter(|_| is_others) {
                refused.approvers = edge.engine.policy().deciders(&request.reduced(&narrowing));
            }
            let RefusedAction { why, approvers: deciders } = refused;
            edge.whisper(channel.as_str(), by.as_str(), "", replies::refusal(&why, &deciders, &by));
            let fault = match why {
                Refusal::Changed => Some((Field::Reason, form_errors::CHANGED)),
                Refusal::ExceedsRequest => Some((Field::Expiration, form_errors::EXCEEDS_REQUEST)),
                Refusal::ExpirationPassed => Some((Field::Expiration, form_errors::DATE_PASSED)),
                Refusal::NotApprover if is_others => Some((Field::Role, form_errors::OTHERS_DECIDE)),
                _ => None,
            };
            match (fault, &request) {
                (Some((field, text)), Some(request)) => {
                    worded([(place(edge, request, interaction, field), text.to_owned())])
                }
                _ => Answer::empty("refused"),
            }
        }
        Err(error) => {
            tracing::error!(request = %id, %error, "a review could not be kept");
            beside_note("store_failed", form_errors::NOTHING_STORED)
        }
    }
}

async fn checked(
    edge: &Edge,
    interaction: &Interaction,
    request: &Request,
) -> Result<(Reduction, Option<Reason>), Vec<FieldError>> {
    let instance = edge.instances.are_several().then(|| request.change.instance());
    let state = &interaction.view.state;
    let value = |field| state.value(&block_id_of(field, instance)).map(str::to_owned);
    let choice = ReviewInput {
        expiration: value(Field::Expiration),
        role: value(Field::Role),
        workspace: value(Field::Workspace),
        note: state.value(ids::NOTE).unwrap_or_default().to_owned(),
    };
    let rules = FormContext {
        now: edge.clock.now(),
        policy: edge.engine.policy(),
        offer: &offer(edge, request),
        zone: &edge.people.zone(&request.requester).await,
        requester: &request.requester,
        memberships: &request.memberships,
        channel: &request.origin,
    };
    validate(rules, request, &choice)
}

/// The block id under which a fault is shown beside `field`, or beside the one that stands for it: Slack shows faults
/// beside fields of the form only.
fn place(edge: &Edge, request: &Request, interaction: &Interaction, field: Field) -> String {
    let instance = edge.instances.are_several().then(|| request.change.instance());
    let wanted = match field {
        Field::Expiration | Field::Role | Field::Workspace => block_id_of(field, instance),
        _ => ids::NOTE.to_owned(),
    };
    let role = block_id_of(Field::Role, instance);
    let is_there = |id: &String| interaction.view.state.blocks().any(|there| there == id);
    [wanted, role].into_iter().find(is_there).unwrap_or_else(|| ids::NOTE.to_owned())
}

fn beside_note(outcome: &'static str, text: &str) -> Answer {
    Answer::field_errors(outcome, [(ids::NOTE.to_owned(), text.to_owned())])
}

impl Edge {
    /// What is said instead of "it changed" to whoever agreed to what it is now: the answer to that may have been lost.
    async fn agreed_before(&self, id: &RequestId, by: &UserId) -> Option<Refusal> {
        let request = self.engine.store().request(id).await.ok()??;
        let State::Pending { approvals, .. } = &request.state else { return None };
        let has_agreed = approvals.iter().any(|agreement| agreement.by == *by);
        let given = u32::try_from(approvals.len()).unwrap_or(u32::MAX);
        let needed = self.engine.policy().approver_set(&request).needed;
        has_agreed.then_some(Refusal::ApprovalAlreadyGiven { given, needed })
    }
}
