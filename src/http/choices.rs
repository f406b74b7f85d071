//! The choice of a Marketo instance in an open form: its roles and workspaces take the place of those of another. What
//! was typed stays, since the fields keep their ids. Best effort, like the form itself: a submission is held against
//! the chosen instance whatever the form shows.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Edge, FILL_WITHIN, answer::Answer, filled::Filled, submissions::FormMetadata};
use crate::{
    directory::{instance::Instance, membership::Eligibility},
    domain::{
        allowed_options::{AllowedOptions, Catalog},
        form::{FormInput, FormPreview},
        people::{ChannelId, UserId},
        policy::RuleContext,
        text::Email,
    },
    slack::{
        ids,
        inbound::Interaction,
        views::{self, Form, FormLabels, SelectOptions},
    },
};

/// How many forms are remembered.
const FORMS: usize = 1_000;
const NEWER: &str = "hash_conflict";

/// When the last choice was made in each form, so that of two that came close together the later one wins.
#[derive(Debug, Default)]
pub(super) struct Latest(Mutex<VecDeque<(String, String)>>);

impl Latest {
    /// Takes in a choice made at `at`.
    fn note(&self, view: &str, at: &str) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match latest.iter_mut().find(|(known, _)| known == view) {
            Some((_, last)) if last.as_str() < at => at.clone_into(last),
            Some(_) => {}
            None => {
                if latest.len() >= FORMS {
                    latest.pop_front();
                }
                latest.push_back((view.to_owned(), at.to_owned()));
            }
        }
    }

    fn is(&self, view: &str, at: &str) -> bool {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.iter().all(|(known, last)| known != view || last == at)
    }
}

/// A choice that was made.
struct Choice {
    edge: Edge,
    instance: Arc<Instance>,
    wording: FormLabels,
    initial: FormInput,
    user: UserId,
    metadata: String,
    view: String,
    at: String,
    trigger_id: String,
}

/// Takes a choice in a form; nothing if there was none.
pub(super) fn take(edge: &Edge, interaction: &Interaction, is_first: bool) -> Option<Answer> {
    let wording = FormLabels::of(&interaction.view.callback_id)?;
    let action = interaction.actions.iter().find(|action| action.block_id == ids::INSTANCE)?;
    let view = &interaction.view;
    // It was offered before the configuration changed; the submission will say so.
    let Some(instance) = edge.instances.get(&action.selected_option.value) else {
        return Some(Answer::empty("not_handled"));
    };
    if !is_first {
        return Some(Answer::empty("repeated"));
    }
    edge.0.choices.note(&view.id, &action.action_ts);
    let mut initial = Filled::new(&view.state, &edge.instances).draft();
    // Slack may refuse a form with half an address in it; what was typed stays all the same.
    if Email::parse(&initial.email).is_err() {
        initial.email.clear();
    }
    let choice = Choice {
        edge: edge.clone(),
        instance: Arc::clone(instance),
        wording,
        initial,
        user: UserId(interaction.user.id.clone()),
        metadata: view.private_metadata.clone(),
        view: view.id.clone(),
        at: action.action_ts.clone(),
        trigger_id: interaction.trigger_id.clone(),
    };
    edge.tasks.spawn(choice.follow(Some(view.hash.clone()).filter(|hash| !hash.is_empty())));
    Some(Answer::empty("instance_chosen"))
}

impl Choice {
    async fn follow(self, hash: Option<String>) {
        // Another replica may have got the same choice.
        if !self.edge.is_first("choice", &self.trigger_id).await {
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
        let offer = catalog.map(|catalog| AllowedOptions::of(self.edge.engine.policy(), catalog));
        self.show(offer.as_ref().map_or(SelectOptions::Unavailable, SelectOptions::Offered), hash).await;
    }

    /// Shows the form with `choices`, unless it shows those of a later choice already; then nothing. Gives its new hash.
    async fn show(&self, choices: SelectOptions<'_>, hash: Option<String>) -> Option<Option<String>> {
        let Self { edge, instance, view, at, .. } = self;
        let memberships = match edge.people.requester(&self.user).await {
            Eligibility::Yes(asker) => asker.memberships,
            Eligibility::No(_) | Eligibility::Unknown => Vec::new(),
        };
        let metadata: Option<FormMetadata> = serde_json::from_str(&self.metadata).ok();
        let channel = metadata.map_or_else(|| ChannelId(String::new()), |metadata| metadata.channel);
        let (requester, memberships) = (&self.user, memberships.as_slice());
        let asks = RuleContext { instance: instance.name(), requester, memberships, channel: &channel };
        let form = Form {
            labels: self.wording,
            instances: &edge.instances.names(),
            instance: instance.name(),
            options: choices,
            preview: &FormPreview::of(edge.engine.policy(), &asks),
            initial: &self.initial,
            takes_focus: false,
            metadata: &self.metadata,
        };
        let modal = views::request_modal(&form);
        let mut updated = edge.slack.update_view(view, hash.as_deref(), &modal).await;
        // What is newer than this choice may be what an earlier one led to.
        if updated.as_ref().is_err_and(|error| error.code == NEWER) && edge.0.choices.is(view, at) {
            updated = edge.slack.update_view(view, None, &modal).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_choice_of_each_form_counts() {
        let latest = Latest::default();
        latest.note("V1", "2.0");
        latest.note("V1", "1.0");
        latest.note("V2", "1.0");
        assert!(latest.is("V1", "2.0") && !latest.is("V1", "1.0") && latest.is("V2", "1.0"));
        for form in 0..2 * FORMS {
            latest.note(&format!("W{form}"), "3.0");
        }
        assert_eq!(latest.0.lock().unwrap().len(), FORMS);
    }
}
