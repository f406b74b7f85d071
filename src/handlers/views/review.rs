//! The review form: its content and its submission. Who may approve what is decided in the workflow; invalid input is a
//! field error.

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
        dependencies::{AppState, PRE_MODAL_TIMEOUT},
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

/// The `private_metadata` of a review form.
#[derive(Deserialize)]
pub(in crate::handlers) struct ReviewMetadata {
    request: RequestId,
    /// The revision that is shown.
    revision: i64,
    /// Where the card is, and where refusals are posted.
    pub(in crate::handlers) channel: ChannelId,
}

/// The review form of `request`.
pub(in crate::handlers) async fn modal(app: &AppState, request: &Request, channel: &ChannelId) -> Modal {
    let policy = app.workflow.policy();
    let now = app.clock.now();
    let requested = request.change.expiration();
    let zone = match requested {
        Some(requested) => requested.zone().clone(),
        None => {
            let lookup = app.membership.zone_now(&request.requester);
            tokio::time::timeout(PRE_MODAL_TIMEOUT, lookup).await.unwrap_or_else(|_| Zone::utc())
        }
    };
    let max_access = policy.approval_rule(&RuleInput::of(request)).terms.max_access;
    let metadata = json!({
        "v": 1, "request": request.id, "revision": request.revision, "channel": channel
    });
    let approvers = policy.approver_set(now, request);
    views::review_modal(&Review {
        request: &approvers.with_counted_approvals(
            request,
            |group| app.membership.members(group),
            |user| app.membership.other_id(user),
        ),
        approvers: &approvers,
        options: &allowed_options(app, request),
        names_instance: app.instances.are_several(),
        has_ended: requested.is_some_and(|requested| requested.at() <= now),
        last_day: Expiration::last_day(&zone, now, max_access),
        metadata: &metadata.to_string(),
    })
}

/// The roles and workspaces that the policy allows on the request's instance; none if its catalog is not loaded.
fn allowed_options(app: &AppState, request: &Request) -> AllowedOptions {
    let instance = app.instances.get(request.change.instance());
    let catalog = instance.and_then(|instance| instance.catalog()).unwrap_or_default();
    AllowedOptions::of(app.workflow.policy(), &catalog)
}

/// Submits an approval. The form closes when it is saved, or when nothing is left to approve.
pub(super) async fn submit(
    app: &AppState,
    submission: &ViewInteraction,
    key: &DeliveryKey,
) -> Result<Ack, Rejection> {
    let metadata = serde_json::from_str(&submission.view.private_metadata);
    let Ok(ReviewMetadata { request: id, revision, channel }) = metadata else {
        return Err(Rejection::at_block("outdated", BlockId::Note, form_errors::FORM_OUTDATED));
    };
    let by = &submission.interaction.user;
    let request = app.workflow.request(&id).await?;
    // An outdated form is refused by the workflow, whatever its input.
    let is_current =
        |request: &&Request| request.revision == revision && matches!(request.state, State::Pending { .. });
    let (reduction, note) = match request.as_ref().filter(is_current) {
        None => (Reduction::default(), None),
        Some(request) => validated(app, submission, request).await.map_err(|errors| {
            Rejection::invalid(&errors, |field| block_for(app, request, submission, field))
        })?,
    };
    let review = SubmittedReview { app, submission, request: request.as_ref(), reduction: &reduction };
    let command = ActionCommand {
        key: key.clone(),
        ack: AckRecord::Empty,
        request: id,
        by: by.clone(),
        action: Action::Approve { revision, reduction: reduction.clone(), note },
        answer_in: channel.clone(),
        answer_url: String::new(),
        clicked: None,
    };
    Ok(match app.run_action(command, |refused| review.errors(refused).record()).await? {
        ActionOutcome::Accepted(_) => Ack::empty("accepted"),
        ActionOutcome::Deferred => Ack::empty("deferred"),
        ActionOutcome::Repeated(first) => Ack::repeated(first),
        ActionOutcome::Refused(refused) => {
            if review.needs_other_approvers(&refused) {
                // A field error cannot mention those who can.
                app.post_ephemeral(&channel, by, "", review.message(&refused, by));
            }
            review.errors(&refused)
        }
    })
}

/// A submitted review, to explain a refusal of its approval.
#[derive(Clone, Copy)]
struct SubmittedReview<'a> {
    app: &'a AppState,
    submission: &'a ViewInteraction,
    request: Option<&'a Request>,
    reduction: &'a Reduction,
}

impl SubmittedReview<'_> {
    /// Whether the user may approve the request, but not with this reduction.
    fn needs_other_approvers(self, refused: &RefusedAction) -> bool {
        refused.why == Refusal::NotApprover
            && self.app.membership.among(&self.submission.interaction.user, &refused.approvers)
                == Membership::Yes
    }

    /// The refusal as a field error.
    fn errors(self, refused: &RefusedAction) -> Ack {
        let (field, text) = match refused.why {
            Refusal::Changed => (Field::Reason, form_errors::CHANGED),
            Refusal::ExceedsRequest => (Field::Expiration, form_errors::EXCEEDS_REQUEST),
            Refusal::PolicyViolated(_) => (Field::Role, form_errors::POLICY_VIOLATED),
            Refusal::ExpirationPassed => (Field::Expiration, form_errors::DATE_PASSED),
            Refusal::NotApprover if self.needs_other_approvers(refused) => {
                (Field::Role, form_errors::OTHERS_DECIDE)
            }
            // Nothing is left to approve, or nobody here may.
            _ => {
                return Ack::field_errors(
                    "refused",
                    [(BlockId::Note, replies::refusal_in_form(&refused.why))],
                );
            }
        };
        let block = self
            .request
            .map_or(BlockId::Note, |request| block_for(self.app, request, self.submission, field));
        Ack::field_errors("invalid", [(block, text.to_owned())])
    }

    /// The refusal as a message: why, and who can approve.
    fn message(self, refused: &RefusedAction, reader: &UserId) -> Message {
        let RefusedAction { why, approvers } = refused;
        match self.request {
            Some(request) if self.needs_other_approvers(refused) => {
                let others = self
                    .app
                    .workflow
                    .policy()
                    .approvers(self.app.clock.now(), &request.reduced(self.reduction));
                replies::refusal(why, &others, reader)
            }
            _ => replies::refusal(why, approvers, reader),
        }
    }
}

/// The reduction and the note in the form.
async fn validated(
    app: &AppState,
    submission: &ViewInteraction,
    request: &Request,
) -> Result<(Reduction, Option<Reason>), Vec<FieldError>> {
    let instance = app.instances.are_several().then(|| request.change.instance());
    let state = &submission.view.state;
    let value = |field| state.value(&BlockId::input(field, instance)).map(str::to_owned);
    let input = ReviewInput {
        expiration: value(Field::Expiration),
        role: value(Field::Role),
        workspace: value(Field::Workspace),
        note: state.value(&BlockId::Note).unwrap_or_default().to_owned(),
    };
    let context = FormContext {
        now: app.clock.now(),
        policy: app.workflow.policy(),
        options: &allowed_options(app, request),
        zone: &app.membership.zone(&request.requester).await,
        requester: &request.requester,
        memberships: &request.memberships,
        channel: &request.origin,
    };
    validate(context, request, &input)
}

/// The block where an error of `field` is shown. Slack ignores errors at blocks that the form does not have, so a missing
/// block is replaced by a related one.
fn block_for(app: &AppState, request: &Request, submission: &ViewInteraction, field: Field) -> BlockId {
    let instance = app.instances.are_several().then(|| request.change.instance());
    let wanted = match field {
        Field::Expiration | Field::Role | Field::Workspace => BlockId::input(field, instance),
        _ => BlockId::Note,
    };
    let role = BlockId::input(Field::Role, instance);
    let is_shown = |block: &BlockId| submission.view.state.blocks().any(|shown| shown == block);
    [wanted, role].into_iter().find(is_shown).unwrap_or(BlockId::Note)
}
