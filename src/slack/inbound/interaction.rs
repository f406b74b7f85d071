//! Interactions: clicks, submitted and closed modals, searches, shortcuts. Slack's shapes:
//! <https://docs.slack.dev/reference/interaction-payloads>.

use serde::Deserialize;
use serde_json::json;

use super::{
    ids::{ActionId, BlockId, CallbackId},
    lenient::{Identified, lenient},
    view::{View, ViewPayload},
};
use crate::domain::{
    delivery::DeliveryKey,
    digest,
    form::Field,
    people::{ChannelId, UserId},
};

/// What every interaction says, whatever its kind. Empty text stands for a missing field.
#[derive(Debug)]
pub struct Interaction {
    /// The app.
    pub app_id: String,
    /// The workspaces that it may belong to, the one that counts most first: with Slack Connect that is the one in which
    /// the app is installed, not the person's. Missing for org-wide installs.
    pub team_ids: [String; 4],
    /// The organization, where there is one.
    pub enterprise_id: String,
    /// Who acted.
    pub user: UserId,
    /// With this a modal can be opened, once, within 3 s.
    pub trigger_id: String,
    /// Where an answer may be posted for 30 minutes.
    pub response_url: String,
    /// The conversation; empty in a modal.
    pub channel: ChannelId,
}

/// Clicked buttons, or changed inputs.
#[derive(Debug)]
pub struct BlockActions {
    /// What every interaction says.
    pub interaction: Interaction,
    /// The message of the button; empty in a modal.
    pub message_ts: String,
    /// The modal, where they are in one.
    pub view: Option<View>,
    /// The buttons and inputs.
    pub actions: Vec<Action>,
}

/// A clicked button, or a changed input.
#[derive(Debug)]
pub struct Action {
    /// Which button or input.
    pub id: ActionId,
    /// The block in which it is.
    pub block: BlockId,
    /// The value of the selected option.
    pub selected: String,
    /// What the button carries.
    pub value: String,
    /// When, unique for each click of a person.
    pub action_ts: String,
}

/// A modal that was submitted or closed.
#[derive(Debug)]
pub struct ViewInteraction {
    /// What every interaction says.
    pub interaction: Interaction,
    /// The modal.
    pub view: View,
}

/// A search in a select whose options the bot gives.
#[derive(Debug)]
pub struct BlockSuggestion {
    /// What every interaction says.
    pub interaction: Interaction,
    /// The select.
    pub block: BlockId,
    /// What was typed into it.
    pub value: String,
}

/// A shortcut that was picked, from a message or anywhere.
#[derive(Debug)]
pub struct Shortcut {
    /// What every interaction says.
    pub interaction: Interaction,
    /// Which shortcut.
    pub callback_id: CallbackId,
    /// The message; empty where it was picked anywhere else.
    pub message_ts: String,
}

impl BlockActions {
    /// The Marketo instance that was selected in the form of a request, with that form.
    pub fn instance_select(&self) -> Option<(&View, &Action)> {
        let form = self.view.as_ref()?;
        if !matches!(form.callback_id, CallbackId::RequestForm | CallbackId::EditForm) {
            return None;
        }
        let instance = BlockId::input(Field::Instance, None);
        Some((form, self.actions.iter().find(|action| action.block == instance)?))
    }

    /// The clicked button, where it is one of the bot's.
    pub fn button(&self) -> Option<&Action> {
        self.actions.iter().find(|action| action.id.is_button())
    }

    pub(super) fn delivery_key(&self) -> Option<DeliveryKey> {
        let trigger_id = self.interaction.trigger_id.clone();
        if self.instance_select().is_some() {
            return (!trigger_id.is_empty()).then_some(DeliveryKey::InstanceSelect { trigger_id });
        }
        let button = self.button()?;
        Some(self.button_key(button))
    }

    /// What tells a click of `button` from every other.
    pub fn button_key(&self, button: &Action) -> DeliveryKey {
        if self.interaction.trigger_id.is_empty() {
            DeliveryKey::UntriggeredAction {
                message_ts: self.message_ts.clone(),
                action_ts: button.action_ts.clone(),
                user: self.interaction.user.as_str().to_owned(),
            }
        } else {
            DeliveryKey::Action { trigger_id: self.interaction.trigger_id.clone() }
        }
    }
}

impl ViewInteraction {
    /// What tells this submission from every other.
    pub fn submission_key(&self) -> DeliveryKey {
        let View { id, hash, private_metadata, state, .. } = &self.view;
        let content = json!([self.interaction.user, private_metadata, state.to_json()]);
        DeliveryKey::View {
            view_id: id.clone(),
            trigger_id: self.interaction.trigger_id.clone(),
            hash: hash.clone(),
            content: digest::of_json(&content),
        }
    }
}

/// An interaction on the wire, of whichever kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InteractionPayload {
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: String,
    #[serde(deserialize_with = "lenient")]
    user: UserPayload,
    #[serde(deserialize_with = "lenient")]
    team: Identified,
    #[serde(deserialize_with = "lenient")]
    enterprise: Identified,
    #[serde(deserialize_with = "lenient")]
    api_app_id: String,
    #[serde(deserialize_with = "lenient")]
    trigger_id: String,
    #[serde(deserialize_with = "lenient")]
    response_url: String,
    #[serde(deserialize_with = "lenient")]
    channel: Identified,
    #[serde(deserialize_with = "lenient")]
    container: Container,
    #[serde(deserialize_with = "lenient")]
    view: Option<ViewPayload>,
    #[serde(deserialize_with = "lenient")]
    actions: Vec<ActionPayload>,
    #[serde(deserialize_with = "lenient")]
    block_id: String,
    #[serde(deserialize_with = "lenient")]
    value: String,
    #[serde(deserialize_with = "lenient")]
    callback_id: String,
    #[serde(deserialize_with = "lenient")]
    message_ts: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UserPayload {
    #[serde(deserialize_with = "lenient")]
    id: String,
    /// Their own workspace, which with Slack Connect may be another one.
    #[serde(deserialize_with = "lenient")]
    team_id: String,
}

/// Where an element was.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    #[serde(deserialize_with = "lenient")]
    channel_id: String,
    #[serde(deserialize_with = "lenient")]
    message_ts: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ActionPayload {
    #[serde(deserialize_with = "lenient")]
    action_id: String,
    #[serde(deserialize_with = "lenient")]
    block_id: String,
    #[serde(deserialize_with = "lenient")]
    selected_option: OptionPayload,
    #[serde(deserialize_with = "lenient")]
    value: String,
    #[serde(deserialize_with = "lenient")]
    action_ts: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OptionPayload {
    #[serde(deserialize_with = "lenient")]
    value: String,
}

/// An interaction by its kind.
#[derive(Debug)]
pub(super) enum Kind {
    BlockActions(BlockActions),
    ViewSubmission(ViewInteraction),
    ViewClosed(ViewInteraction),
    BlockSuggestion(BlockSuggestion),
    GlobalShortcut(Shortcut),
    MessageShortcut(Shortcut),
    Unknown(Interaction),
}

impl From<ActionPayload> for Action {
    fn from(action: ActionPayload) -> Self {
        Self {
            id: ActionId::parse(action.action_id),
            block: BlockId::parse(action.block_id),
            selected: action.selected_option.value,
            value: action.value,
            action_ts: action.action_ts,
        }
    }
}

impl From<InteractionPayload> for Kind {
    fn from(payload: InteractionPayload) -> Self {
        let InteractionPayload { user, team, view, channel, container, .. } = payload;
        let (installed, of_view) = match &view {
            Some(view) => (view.app_installed_team_id.clone(), view.team_id.clone()),
            None => Default::default(),
        };
        let interaction = Interaction {
            app_id: payload.api_app_id,
            team_ids: [installed, team.id, user.team_id, of_view],
            enterprise_id: payload.enterprise.id,
            user: UserId(user.id),
            trigger_id: payload.trigger_id,
            response_url: payload.response_url,
            channel: ChannelId(if channel.id.is_empty() { container.channel_id } else { channel.id }),
        };
        let shortcut = |interaction| Shortcut {
            interaction,
            callback_id: CallbackId::parse(payload.callback_id),
            message_ts: payload.message_ts,
        };
        let of_view = |interaction, view: Option<ViewPayload>| ViewInteraction {
            interaction,
            view: view.unwrap_or_default().into(),
        };
        match payload.kind.as_str() {
            "block_actions" => Self::BlockActions(BlockActions {
                interaction,
                message_ts: container.message_ts,
                view: view.map(Into::into),
                actions: payload.actions.into_iter().map(Into::into).collect(),
            }),
            "view_submission" => Self::ViewSubmission(of_view(interaction, view)),
            "view_closed" => Self::ViewClosed(of_view(interaction, view)),
            "block_suggestion" => Self::BlockSuggestion(BlockSuggestion {
                interaction,
                block: BlockId::parse(payload.block_id),
                value: payload.value,
            }),
            "shortcut" => Self::GlobalShortcut(shortcut(interaction)),
            "message_action" => Self::MessageShortcut(shortcut(interaction)),
            _ => Self::Unknown(interaction),
        }
    }
}
