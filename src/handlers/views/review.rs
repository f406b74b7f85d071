//! The form of a review: what it is filled with when it opens, and what becomes of it when it is submitted. Whether
//! somebody may approve, and what, is decided in the workflow; what cannot be chosen at all stands beside its field.

use serde::Deserialize;
use serde_json::json;

use super::rejection::Rejection;
use crate::{
    domain::{
        allowed_options::AllowedOptions,
        change::Reduction,
        decide::Refusal,
        delivery::{AckRecord, DeliveryKey},
        event::Action,
        expiration::{Expiration, Zone},
        form::{Field, FieldError, FormContext},
        people::{ChannelId, Membership, RequestId, UserId},
        policy::{MembershipLookup, RuleInput},
        request::{Request, State},
        review::{ReviewInput, validate},
        text::Reason,
    },
    handlers::{
        ack::Ack,
        dependencies::{AppState, BEFORE_MODAL},
    },
    slack::{
        form_errors,
        inbound::{BlockId, ViewInteraction},
        messages::Message,
        replies,
        views::{self, Modal, Review},
    },
    workflow::{ActionCommand, ActionOutcome, RefusedAction},
};

/// What the bot left in the form when it opened it.
#[derive(Deserialize)]
pub(in crate::handlers) struct ReviewMetadata {
    request: RequestId,
    /// The revision that is shown.
    revision: i64,
    /// Where the card is, and where refusals are told.
    pub(in crate::handlers) channel: ChannelId,
}

/// The form for a review of `request`.
pub(in crate::handlers) async fn modal(app: &AppState, request: &Request, channel: &ChannelId) -> Modal {
    let policy = app.workflow.policy();
    let now = app.clock.now();
    let asked = request.change.expiration();
    let zone = match asked {
        Some(asked) => asked.zone().clone(),
        None => {
            let told = app.people.zone_now(&request.requester);
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
        options: &offer(app, request),
        names_instance: app.instances.are_several(),
        has_ended: asked.is_some_and(|asked| asked.at() <= now),
        last_day: Expiration::last_day(&zone, now, max_access),
        metadata: &metadata.to_string(),
    })
}

/// What may be chosen on the instance of `request`; nothing where that is not known.
fn offer(app: &AppState, request: &Request) -> AllowedOptions {
    let instance = app.instances.get(request.change.instance());
    let catalog = instance.and_then(|instance| instance.catalog()).unwrap_or_default();
    AllowedOptions::of(app.workflow.policy(), &catalog)
}

/// Takes the form. It closes when the approval is kept or nothing is left to approve.
pub(super) async fn submit(
    app: &AppState,
    submission: &ViewInteraction,
    key: &DeliveryKey,
) -> Result<Ack, Rejection> {
    let metadata = serde_json::from_str(&submission.view.private_metadata);
    let Ok(ReviewMetadata { request: id, revision, channel }) = metadata else {
        return Err(Rejection::beside("outdated", BlockId::Note, form_errors::FORM_OUTDATED));
    };
    let by = &submission.interaction.user;
    let request = app.workflow.request(&id).await?;
    // A form that shows something else, or comes too late, is refused for that, whatever was chosen in it.
    let is_current =
        |request: &&Request| request.revision == revision && matches!(request.state, State::Pending { .. });
    let (narrowing, note) = match request.as_ref().filter(is_current) {
        None => (Reduction::default(), None),
        Some(request) => checked(app, submission, request)
            .await
            .map_err(|found| Rejection::found(&found, |field| block_for(app, request, submission, field)))?,
    };
    let review = Reviewed { app, submission, request: request.as_ref(), narrowing: &narrowing };
    let pressed = ActionCommand {
        key: key.clone(),
        ack: AckRecord::Empty,
        request: id,
        by: by.clone(),
        action: Action::Approve { revision, reduction: narrowing.clone(), note },
        answer_in: channel.clone(),
    };
    Ok(match app.press(pressed, |refused| review.errors(refused)?.record()).await? {
        ActionOutcome::Accepted(_) => Ack::empty("accepted"),
        ActionOutcome::Deferred => Ack::empty("deferred"),
        ActionOutcome::Repeated(first) => Ack::repeated(first),
        ActionOutcome::Refused(refused) => {
            app.post_ephemeral(&channel, by, "", review.message(&refused, by));
            review.errors(&refused).unwrap_or_else(|| Ack::empty("refused"))
        }
    })
}

/// A submitted review whose approval may be refused.
#[derive(Clone, Copy)]
struct Reviewed<'a> {
    app: &'a AppState,
    submission: &'a ViewInteraction,
    request: Option<&'a Request>,
    narrowing: &'a Reduction,
}

impl Reviewed<'_> {
    /// Whether they may decide on the request, but not on what they chose in it.
    fn is_for_others(self, refused: &RefusedAction) -> bool {
        refused.why == Refusal::NotApprover
            && self.app.people.among(&self.submission.interaction.user, &refused.approvers) == Membership::Yes
    }

    /// What stands beside a field; nothing where nothing is left to approve.
    fn errors(self, refused: &RefusedAction) -> Option<Ack> {
        let (field, text) = match refused.why {
            Refusal::Changed => (Field::Reason, form_errors::CHANGED),
            Refusal::ExceedsRequest => (Field::Expiration, form_errors::EXCEEDS_REQUEST),
            Refusal::ExpirationPassed => (Field::Expiration, form_errors::DATE_PASSED),
            Refusal::NotApprover if self.is_for_others(refused) => (Field::Role, form_errors::OTHERS_DECIDE),
            _ => return None,
        };
        let block = block_for(self.app, self.request?, self.submission, field);
        Some(Ack::field_errors("invalid", [(block, text.to_owned())]))
    }

    /// Why it was refused, and whom to ask.
    fn message(self, refused: &RefusedAction, reader: &UserId) -> Message {
        let RefusedAction { why, approvers: deciders } = refused;
        match self.request {
            Some(request) if self.is_for_others(refused) => {
                let others = self.app.workflow.policy().approvers(&request.reduced(self.narrowing));
                replies::refusal(why, &others, reader)
            }
            _ => replies::refusal(why, deciders, reader),
        }
    }
}

async fn checked(
    app: &AppState,
    submission: &ViewInteraction,
    request: &Request,
) -> Result<(Reduction, Option<Reason>), Vec<FieldError>> {
    let instance = app.instances.are_several().then(|| request.change.instance());
    let state = &submission.view.state;
    let value = |field| state.value(&BlockId::input(field, instance)).map(str::to_owned);
    let choice = ReviewInput {
        expiration: value(Field::Expiration),
        role: value(Field::Role),
        workspace: value(Field::Workspace),
        note: state.value(&BlockId::Note).unwrap_or_default().to_owned(),
    };
    let rules = FormContext {
        now: app.clock.now(),
        policy: app.workflow.policy(),
        options: &offer(app, request),
        zone: &app.people.zone(&request.requester).await,
        requester: &request.requester,
        memberships: &request.memberships,
        channel: &request.origin,
    };
    validate(rules, request, &choice)
}

/// The block beside which an error of `field` is shown, or the one that stands for it: Slack shows errors beside fields of
/// the form only.
fn block_for(app: &AppState, request: &Request, submission: &ViewInteraction, field: Field) -> BlockId {
    let instance = app.instances.are_several().then(|| request.change.instance());
    let wanted = match field {
        Field::Expiration | Field::Role | Field::Workspace => BlockId::input(field, instance),
        _ => BlockId::Note,
    };
    let role = BlockId::input(Field::Role, instance);
    let is_there = |block: &BlockId| submission.view.state.blocks().any(|there| there == block);
    [wanted, role].into_iter().find(is_there).unwrap_or(BlockId::Note)
}
