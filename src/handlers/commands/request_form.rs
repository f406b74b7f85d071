//! The form of a new request: opened in the background, within the life of its trigger, and filled once the roles are
//! known.

use serde_json::json;

use super::context::CommandContext;
use crate::{
    directory::membership::Eligibility,
    domain::{
        allowed_options::{AllowedOptions, Catalog},
        delivery::DeliveryKey,
        form::{FormInput, FormPreview},
        policy::RuleContext,
    },
    handlers::dependencies::{AppState, BEFORE_MODAL, FILL_WITHIN},
    slack::{
        form_errors, replies,
        views::{self, Form, FormLabels, SelectOptions},
    },
};

/// Opens the form, unless the person may not ask. Unknown eligibility still opens the form: rights are checked again when
/// it is submitted.
pub(super) async fn open(app: AppState, context: CommandContext, key: Option<DeliveryKey>, email: String) {
    let (proceeds, may) = tokio::join!(
        app.proceeds(key),
        tokio::time::timeout(BEFORE_MODAL, app.people.requester_now(&context.user)),
    );
    if !proceeds {
        return;
    }
    let policy = app.workflow.policy();
    let memberships = match may {
        Ok(Eligibility::No(why)) => {
            let message = replies::not_eligible(why, &policy.requesters, policy.base.approvers());
            tracing::info!(user = %context.user, "may not request");
            return app.post_ephemeral(&context.channel, &context.user, &context.response_url, message);
        }
        Ok(Eligibility::Yes(asker)) => asker.memberships,
        Ok(Eligibility::Unknown) | Err(_) => Vec::new(),
    };
    let channel = &context.channel;
    let asks = RuleContext { instance: "", requester: &context.user, memberships: &memberships, channel };
    let metadata = json!({"v": 1, "channel": context.channel}).to_string();
    let initial = FormInput { email, ..FormInput::default() };
    let filled = |instance: &str, catalog: &Catalog| {
        let form = Form {
            labels: FormLabels::REQUEST,
            instances: &app.instances.names(),
            instance,
            options: SelectOptions::Offered(&AllowedOptions::of(policy, catalog)),
            preview: &FormPreview::of(policy, &RuleContext { instance, ..asks }),
            initial: &initial,
            takes_focus: true,
            metadata: &metadata,
        };
        views::request_modal(&form)
    };
    let known =
        app.instances.first_with_catalog(|catalog| !AllowedOptions::of(policy, catalog).roles.is_empty());
    let view = match &known {
        Some((instance, catalog)) => filled(instance.name(), catalog),
        None => views::loading_modal(&metadata),
    };
    let opened = match app.slack.open_view(&context.trigger_id, &view).await {
        Ok(opened) => opened,
        Err(error) => {
            // Never repeated: the trigger is spent, and a second modal would surprise.
            tracing::warn!(user = %context.user, %error, "the form did not open");
            return app.post_ephemeral(
                &context.channel,
                &context.user,
                &context.response_url,
                replies::modal_failed(),
            );
        }
    };
    if known.is_some() {
        return;
    }
    let view = match app.instances.wait_for_catalog(FILL_WITHIN).await {
        Some((instance, catalog)) => filled(instance.name(), &catalog),
        None => views::unavailable_modal(form_errors::MARKETO_UNAVAILABLE),
    };
    if let Err(error) = app.slack.update_view(&opened.id, opened.hash.as_deref(), &view).await {
        tracing::warn!(user = %context.user, %error, "the form was not filled");
    }
}
