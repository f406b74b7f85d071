//! Interactions: actions, submitted and closed views, block suggestions, shortcuts. The payloads:
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

/// The fields that all kinds of interactions have. An empty string is a missing field.
#[derive(Debug)]
pub struct Interaction {
    /// The app.
    pub app_id: String,
    /// The workspaces that it may belong to, the most relevant first: with Slack Connect that is the one where the app is
    /// installed, not the user's own. Missing for org-wide installs.
    pub team_ids: [String; 4],
    /// The Enterprise Grid organization, if any.
    pub enterprise_id: String,
    /// The user who acted.
    pub user: UserId,
    /// Opens one modal within 3 s.
    pub trigger_id: String,
    /// Accepts answers for 30 minutes.
    pub response_url: String,
    /// The conversation; empty in a modal.
    pub channel: ChannelId,
}

/// Clicked buttons, or changed inputs.
#[derive(Debug)]
pub struct BlockActions {
    /// The common fields.
    pub interaction: Interaction,
    /// The message with the button; empty in a modal.
    pub message_ts: String,
    /// The modal, if they are in one.
    pub view: Option<View>,
    /// The buttons and inputs.
    pub actions: Vec<Action>,
}

/// A clicked button, or a changed input.
#[derive(Debug)]
pub struct Action {
    /// Which button or input.
    pub id: ActionId,
    /// Its block.
    pub block: BlockId,
    /// The value of the selected option.
    pub selected: String,
    /// The value of the button.
    pub value: String,
    /// When it happened; unique for each action of a user.
    pub action_ts: String,
}

/// A modal that was submitted or closed.
#[derive(Debug)]
pub struct ViewInteraction {
    /// The common fields.
    pub interaction: Interaction,
    /// The modal.
    pub view: View,
}

/// A search in an external select.
#[derive(Debug)]
pub struct BlockSuggestion {
    /// The common fields.
    pub interaction: Interaction,
    /// The block of the select.
    pub block: BlockId,
    /// The search text.
    pub value: String,
}

/// A global or message shortcut.
#[derive(Debug)]
pub struct Shortcut {
    /// The common fields.
    pub interaction: Interaction,
    /// Which shortcut.
    pub callback_id: CallbackId,
    /// The message; empty for a global shortcut.
    pub message_ts: String,
}

impl BlockActions {
    /// The select of a Marketo instance in a request or edit form, with that form.
    pub fn instance_select(&self) -> Option<(&View, &Action)> {
        let form = self.view.as_ref()?;
        if !matches!(form.callback_id, CallbackId::RequestForm | CallbackId::EditForm) {
            return None;
        }
        let instance = BlockId::input(Field::Instance, None);
        Some((form, self.actions.iter().find(|action| action.block == instance)?))
    }

    /// The clicked button, if it is one of the bot's.
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

    /// The key that identifies a click on `button`.
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
    /// The key that identifies this submission.
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

/// An interaction of any kind on the wire.
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
    message: MessagePayload,
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
    /// The user's own workspace, which differs with Slack Connect.
    #[serde(deserialize_with = "lenient")]
    team_id: String,
}

/// The message that contains a clicked button.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MessagePayload {
    /// The workspace of the app that posted it. The person who clicks may belong to another one.
    #[serde(deserialize_with = "lenient")]
    team: String,
}

/// The message that contains an element.
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
        let (installed_team, view_team) = match &view {
            Some(view) => (view.app_installed_team_id.clone(), view.team_id.clone()),
            None => (payload.message.team, String::new()),
        };
        let interaction = Interaction {
            app_id: payload.api_app_id,
            team_ids: [installed_team, team.id, user.team_id, view_team],
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
        let with_view = |interaction, view: Option<ViewPayload>| ViewInteraction {
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
            "view_submission" => Self::ViewSubmission(with_view(interaction, view)),
            "view_closed" => Self::ViewClosed(with_view(interaction, view)),
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
