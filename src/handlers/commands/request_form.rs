//! The form of a new request. It opens in the background, before its trigger expires, and is filled in once a catalog is
//! loaded.

use serde_json::json;

use super::context::CommandContext;
use crate::{
    directory::eligibility::Eligibility,
    domain::{
        allowed_options::AllowedOptions,
        catalog::Catalog,
        delivery::DeliveryKey,
        form::{FormInput, FormPreview},
        people::Principal,
        policy::{Policy, RuleContext},
    },
    handlers::dependencies::{AppState, CATALOG_TIMEOUT, PRE_MODAL_TIMEOUT},
    slack::{
        form_errors,
        messages::Message,
        replies,
        views::{self, Form, FormLabels, Modal, SelectOptions},
    },
};

/// The form of a new request, before an instance is known.
struct RequestForm {
    app: AppState,
    context: CommandContext,
    /// The groups and channels of policy rules that the user is in, as far as known.
    memberships: Vec<Principal>,
    initial: FormInput,
    metadata: String,
}

/// Opens the form, unless the user may not request users. Unknown eligibility still opens the form: it is checked again on
/// submission.
pub(super) async fn open(app: AppState, context: CommandContext, key: Option<DeliveryKey>, email: String) {
    let (is_first, eligibility) = tokio::join!(
        app.claim_delivery(key),
        tokio::time::timeout(PRE_MODAL_TIMEOUT, app.membership.requester_now(&context.user)),
    );
    if !is_first {
        return;
    }
    let memberships = match eligibility {
        Ok(Eligibility::No(why)) => {
            let policy = app.workflow.policy();
            let message = replies::not_eligible(why, &policy.requesters, policy.base.approvers());
            tracing::info!(user = %context.user, "may not request");
            return app.post_ephemeral(&context.channel, &context.user, &context.response_url, message);
        }
        Ok(Eligibility::Yes(requester)) => requester.memberships,
        Ok(Eligibility::Unknown) | Err(_) => Vec::new(),
    };
    let policy = app.workflow.policy();
    let (instances, channel) = (app.instances.names(), &context.channel);
    let rules = RuleContext { instance: "", requester: &context.user, memberships: &memberships, channel };
    let candidates = policy.candidates(&rules, &instances);
    if candidates.iter().all(|candidate| Policy::has_no_place(candidate.matched.terms, channel)) {
        let message = replies::needs_channel(&context.command);
        return app.post_ephemeral(channel, &context.user, &context.response_url, message);
    }
    let metadata = json!({"v": 1, "channel": context.channel}).to_string();
    let initial = FormInput { email, ..FormInput::default() };
    RequestForm { app, context, memberships, initial, metadata }.open().await;
}

impl RequestForm {
    /// Opens the form with a catalog that is loaded, or without one and fills it in later.
    async fn open(self) {
        let policy = self.app.workflow.policy();
        let has_roles = |catalog: &Catalog| !AllowedOptions::of(policy, catalog).roles.is_empty();
        let loaded = self.app.instances.first_with_catalog(has_roles);
        let view = match &loaded {
            Some((instance, catalog)) => self.modal(instance.name(), catalog),
            None => views::loading_modal(&self.metadata),
        };
        let opened = match self.app.slack.open_view(&self.context.trigger_id, &view).await {
            Ok(opened) => opened,
            Err(error) => {
                // Never retried: the trigger may be spent, and a second modal would be confusing.
                tracing::warn!(user = %self.context.user, %error, "form not opened");
                return self.post_ephemeral(replies::modal_failed());
            }
        };
        if loaded.is_none() {
            self.fill(&opened.id, opened.hash.as_deref()).await;
        }
    }

    /// Waits for a catalog and fills in the form that was opened without one.
    async fn fill(self, view_id: &str, hash: Option<&str>) {
        let view = match self.app.instances.wait_for_catalog(CATALOG_TIMEOUT).await {
            Some((instance, catalog)) => self.modal(instance.name(), &catalog),
            None => views::unavailable_modal(form_errors::MARKETO_UNAVAILABLE),
        };
        if let Err(error) = self.app.slack.update_view(view_id, hash, &view).await {
            tracing::warn!(user = %self.context.user, %error, "form not filled in");
        }
    }

    fn modal(&self, instance: &str, catalog: &Catalog) -> Modal {
        let Self { app, context, memberships, .. } = self;
        let policy = app.workflow.policy();
        let rule_context =
            RuleContext { instance, requester: &context.user, memberships, channel: &context.channel };
        views::request_modal(&Form {
            labels: FormLabels::REQUEST,
            instances: &app.instances.names(),
            instance,
            options: SelectOptions::Offered(&AllowedOptions::of(policy, catalog)),
            preview: &FormPreview::of(policy, &rule_context),
            initial: &self.initial,
            takes_focus: true,
            metadata: &self.metadata,
        })
    }

    fn post_ephemeral(&self, message: Message) {
        let CommandContext { channel, user, response_url, .. } = &self.context;
        self.app.post_ephemeral(channel, user, response_url, message);
    }
}
