//! The select of a Marketo instance in an open form: the form is updated with the roles and workspaces of that instance. The
//! other fields keep their ids, and so their input. Best effort: a submission is validated against the selected instance,
//! whatever the form shows.

use std::sync::Arc;

use crate::{
    directory::{eligibility::Eligibility, instance::Instance},
    domain::{
        allowed_options::AllowedOptions,
        catalog::Catalog,
        delivery::DeliveryKey,
        form::{FormInput, FormPreview},
        people::{ChannelId, UserId},
        policy::RuleContext,
        text::Email,
    },
    handlers::{
        ack::Ack,
        delivery::Delivery,
        dependencies::{AppState, CATALOG_TIMEOUT},
        views::{form_state::FormState, request::FormMetadata},
    },
    slack::{
        inbound::{Action, BlockActions, View},
        views::{self, Form, FormLabels, SelectOptions},
    },
};

/// Slack's error if the view was updated since `hash` was read.
const HASH_CONFLICT: &str = "hash_conflict";

/// An instance select in a form.
struct InstanceSelect {
    app: AppState,
    instance: Arc<Instance>,
    labels: FormLabels,
    initial: FormInput,
    user: UserId,
    metadata: String,
    view_id: String,
    action_ts: String,
}

/// Handles an instance select.
pub(super) fn handle(
    app: &AppState,
    actions: &BlockActions,
    form: &View,
    select: &Action,
    key: Option<DeliveryKey>,
    delivery: Delivery,
) -> Ack {
    let Some(labels) = FormLabels::of(form.callback_id.as_str()) else { return Ack::empty("not_handled") };
    // The instance is no longer configured. The submission will be rejected for that.
    let Some(instance) = app.instances.get(&select.selected) else { return Ack::empty("not_handled") };
    if delivery == Delivery::Repeated {
        return Ack::empty("repeated");
    }
    app.selects().record(&form.id, &select.action_ts);
    let mut initial = FormState::new(&form.state, &app.instances).input();
    // Slack may reject an incomplete email as an initial value. The input keeps what was typed anyway.
    if Email::parse(&initial.email).is_err() {
        initial.email.clear();
    }
    let select = InstanceSelect {
        app: app.clone(),
        instance: Arc::clone(instance),
        labels,
        initial,
        user: actions.interaction.user.clone(),
        metadata: form.private_metadata.clone(),
        view_id: form.id.clone(),
        action_ts: select.action_ts.clone(),
    };
    let hash = Some(form.hash.clone()).filter(|hash| !hash.is_empty());
    app.spawn(select.run(key, hash));
    Ack::empty("instance_chosen")
}

impl InstanceSelect {
    async fn run(self, key: Option<DeliveryKey>, hash: Option<String>) {
        // Another replica may have received the same delivery.
        if !self.app.claim_delivery(key).await {
            return;
        }
        let catalog = match self.instance.catalog() {
            Some(catalog) => Some(catalog),
            None => {
                let Some(hash) = self.update(SelectOptions::Loading, hash).await else { return };
                let catalog = self.instance.wait_for_catalog(CATALOG_TIMEOUT).await;
                return self.show_catalog(catalog.as_deref(), hash).await;
            }
        };
        self.show_catalog(catalog.as_deref(), hash).await;
    }

    async fn show_catalog(&self, catalog: Option<&Catalog>, hash: Option<String>) {
        let allowed = catalog.map(|catalog| AllowedOptions::of(self.app.workflow.policy(), catalog));
        let choices = allowed.as_ref().map_or(SelectOptions::Unavailable, SelectOptions::Offered);
        self.update(choices, hash).await;
    }

    /// Updates the form with `choices` and returns its new hash. `None` if the update failed, or if a later select has
    /// already updated the form.
    async fn update(&self, choices: SelectOptions<'_>, hash: Option<String>) -> Option<Option<String>> {
        let Self { app, instance, view_id, action_ts, .. } = self;
        let memberships = match app.membership.requester(&self.user).await {
            Eligibility::Yes(requester) => requester.memberships,
            Eligibility::No(_) | Eligibility::Unknown => Vec::new(),
        };
        let metadata: Option<FormMetadata> = serde_json::from_str(&self.metadata).ok();
        let channel = metadata.map_or_else(|| ChannelId(String::new()), |metadata| metadata.channel);
        let (requester, memberships) = (&self.user, memberships.as_slice());
        let context = RuleContext { instance: instance.name(), requester, memberships, channel: &channel };
        let form = Form {
            labels: self.labels,
            instances: &app.instances.names(),
            instance: instance.name(),
            options: choices,
            preview: &FormPreview::of(app.workflow.policy(), &context),
            initial: &self.initial,
            takes_focus: false,
            metadata: &self.metadata,
        };
        let modal = views::request_modal(&form);
        let mut updated = app.slack.update_view(view_id, hash.as_deref(), &modal).await;
        // The conflicting update may come from an earlier select.
        if updated.as_ref().is_err_and(|error| error.code == HASH_CONFLICT)
            && app.selects().is_latest(view_id, action_ts)
        {
            updated = app.slack.update_view(view_id, None, &modal).await;
        }
        match updated {
            Ok(opened) => Some(opened.hash),
            Err(error) if error.code == HASH_CONFLICT => None,
            Err(error) => {
                tracing::warn!(instance = instance.name(), %error, "form not updated after an instance select");
                None
            }
        }
    }
}
