//! The selection of a Marketo instance in an open form: its roles and workspaces take the place of those of another. What
//! was typed stays, since the fields keep their ids. Best effort, like the form itself: a submission is held against
//! the selected instance whatever the form shows.

use std::sync::Arc;

use crate::{
    directory::{instance::Instance, membership::Eligibility},
    domain::{
        allowed_options::{AllowedOptions, Catalog},
        delivery::DeliveryKey,
        form::{FormInput, FormPreview},
        people::{ChannelId, UserId},
        policy::RuleContext,
        text::Email,
    },
    handlers::{
        ack::Ack,
        delivery::Delivery,
        dependencies::{AppState, FILL_WITHIN},
        views::{form_state::FormState, request::FormMetadata},
    },
    slack::{
        inbound::{Action, BlockActions, View},
        views::{self, Form, FormLabels, SelectOptions},
    },
};

const NEWER: &str = "hash_conflict";

/// A selection in a form.
struct InstanceSelect {
    app: AppState,
    instance: Arc<Instance>,
    wording: FormLabels,
    initial: FormInput,
    user: UserId,
    metadata: String,
    view: String,
    at: String,
}

/// Takes a selection in a form.
pub(super) fn handle(
    app: &AppState,
    actions: &BlockActions,
    form: &View,
    select: &Action,
    key: Option<DeliveryKey>,
    delivery: Delivery,
) -> Ack {
    let Some(wording) = FormLabels::of(form.callback_id.as_str()) else { return Ack::empty("not_handled") };
    // It was offered before the configuration changed; the submission will say so.
    let Some(instance) = app.instances.get(&select.selected) else { return Ack::empty("not_handled") };
    if delivery == Delivery::Repeated {
        return Ack::empty("repeated");
    }
    app.selects().note(&form.id, &select.action_ts);
    let mut initial = FormState::new(&form.state, &app.instances).draft();
    // Slack may refuse a form with half an address in it; what was typed stays all the same.
    if Email::parse(&initial.email).is_err() {
        initial.email.clear();
    }
    let select = InstanceSelect {
        app: app.clone(),
        instance: Arc::clone(instance),
        wording,
        initial,
        user: actions.interaction.user.clone(),
        metadata: form.private_metadata.clone(),
        view: form.id.clone(),
        at: select.action_ts.clone(),
    };
    let hash = Some(form.hash.clone()).filter(|hash| !hash.is_empty());
    app.spawn(select.follow(key, hash));
    Ack::empty("instance_chosen")
}

impl InstanceSelect {
    async fn follow(self, key: Option<DeliveryKey>, hash: Option<String>) {
        // Another replica may have got the same selection.
        if !self.app.proceeds(key).await {
            return;
        }
        let catalog = match self.instance.catalog() {
            Some(catalog) => Some(catalog),
            None => {
                let Some(shown) = self.show(SelectOptions::Loading, hash).await else { return };
                let catalog = self.instance.wait_for_catalog(FILL_WITHIN).await;
                return self.fill(catalog.as_deref(), shown).await;
            }
        };
        self.fill(catalog.as_deref(), hash).await;
    }

    async fn fill(&self, catalog: Option<&Catalog>, hash: Option<String>) {
        let offer = catalog.map(|catalog| AllowedOptions::of(self.app.workflow.policy(), catalog));
        self.show(offer.as_ref().map_or(SelectOptions::Unavailable, SelectOptions::Offered), hash).await;
    }

    /// Shows the form with `choices`, unless it shows those of a later choice already; then nothing. Gives its new hash.
    async fn show(&self, choices: SelectOptions<'_>, hash: Option<String>) -> Option<Option<String>> {
        let Self { app, instance, view, at, .. } = self;
        let memberships = match app.people.requester(&self.user).await {
            Eligibility::Yes(asker) => asker.memberships,
            Eligibility::No(_) | Eligibility::Unknown => Vec::new(),
        };
        let metadata: Option<FormMetadata> = serde_json::from_str(&self.metadata).ok();
        let channel = metadata.map_or_else(|| ChannelId(String::new()), |metadata| metadata.channel);
        let (requester, memberships) = (&self.user, memberships.as_slice());
        let asks = RuleContext { instance: instance.name(), requester, memberships, channel: &channel };
        let form = Form {
            labels: self.wording,
            instances: &app.instances.names(),
            instance: instance.name(),
            options: choices,
            preview: &FormPreview::of(app.workflow.policy(), &asks),
            initial: &self.initial,
            takes_focus: false,
            metadata: &self.metadata,
        };
        let modal = views::request_modal(&form);
        let mut updated = app.slack.update_view(view, hash.as_deref(), &modal).await;
        // What is newer than this choice may be what an earlier one led to.
        if updated.as_ref().is_err_and(|error| error.code == NEWER) && app.selects().is_latest(view, at) {
            updated = app.slack.update_view(view, None, &modal).await;
        }
        match updated {
            Ok(opened) => Some(opened.hash),
            Err(error) if error.code == NEWER => None,
            Err(error) => {
                tracing::warn!(instance = instance.name(), %error, "the form did not follow the choice");
                None
            }
        }
    }
}
